import type { CameraPlan, PersonVisit, VehicleVisit } from './camera-plan.ts';
import { approachTimes } from './motion.ts';
import { randomKind, randomPlate, type SimulatedKind } from './plate-text.ts';
import type { Random } from './random.ts';
import type { VehicleShape } from './vehicle-front.ts';

/** Paints as they are common on the road: white, silver, grey, black, red, blue. */
const paints: readonly (readonly [number, number, number])[] = [
  [226, 228, 230],
  [196, 200, 206],
  [128, 132, 138],
  [52, 54, 58],
  [150, 40, 38],
  [52, 76, 128],
  [196, 182, 150],
];

function shapeFor(kind: SimulatedKind, random: Random): VehicleShape {
  if (kind === 'large' || kind === 'school') return 'bus';
  return random.next() < 0.25 ? 'van' : 'car';
}

/** A vehicle with a legal random plate that comes into view at `atMs` and waits `waitMs` at the barrier. */
export function randomVisit(random: Random, atMs: number, waitMs: number, kind: SimulatedKind): VehicleVisit {
  return {
    atMs,
    plate: randomPlate(random, kind),
    shape: shapeFor(kind, random),
    // Police cars are white.
    paint: kind === 'police' ? [226, 228, 230] : random.pick(paints),
    approach: {
      startM: 45,
      // A plate is 150 to 160 px wide where it waits.
      stopM: random.between(3.9, 4.15),
      speedMps: random.between(4.4, 5.6),
      waitMs,
    },
  };
}

/** Endless ordinary traffic for a camera that runs alone: a vehicle after the other, somebody on foot now and then. */
export function randomTraffic(
  random: Random,
  minutes: number,
): { readonly vehicles: readonly VehicleVisit[]; readonly persons: readonly PersonVisit[] } {
  const vehicles: VehicleVisit[] = [];
  const persons: PersonVisit[] = [];
  const endMs = minutes * 60_000;
  for (let atMs = 2000; atMs < endMs;) {
    const visit = randomVisit(random, atMs, random.between(1500, 5000), randomKind(random));
    vehicles.push(visit);
    if (random.next() < 0.3) persons.push({ atMs: atMs + random.between(0, 4000) });
    atMs += approachTimes(visit.approach).goneMs + random.between(2000, 9000);
  }
  return { vehicles, persons };
}

/** Two cameras with random traffic: what `cameras.js --seed N` shows without a plan. */
export function randomCameras(random: Random, options: { minutes: number; firstPort: number }): CameraPlan[] {
  return ([0, 1] as const).map((index) => {
    const own = random.fork(`camera ${index}`);
    return {
      id: index === 0 ? 'gate-east' : 'gate-west',
      name: index === 0 ? '东门入口' : '西门出口',
      direction: index === 0 ? 'in' : 'out',
      light: index === 0 ? 'day' : 'night',
      user: 'admin',
      password: `kanmen-${index + 1}`,
      port: options.firstPort === 0 ? 0 : options.firstPort + index,
      ...randomTraffic(own, options.minutes),
    };
  });
}
