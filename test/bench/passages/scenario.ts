import { forms, type VehicleShape } from '../../support/simulators/vehicle-front.ts';
import {
  randomKind,
  randomPlate,
  simulatedKinds,
  type SimulatedKind,
  type SimulatedPlate,
} from '../../support/simulators/plate-text.ts';
import type { Random } from '../../support/simulators/random.ts';
import { laneX } from '../../support/simulators/view.ts';

/** Where a vehicle's front (or rear) is over time: knots in ms from the scenario's start, metres from the camera. */
export type Path = readonly (readonly [atMs: number, zM: number])[];

export interface Vehicle {
  readonly plate: SimulatedPlate;
  readonly shape: VehicleShape;
  readonly paint: readonly [number, number, number];
  readonly laneX: number;
  readonly path: Path;
  /** A second plate, of what it tows, this high above the ground. */
  readonly towed?: { readonly plate: SimulatedPlate; readonly heightM: number };
}

/** One row that must come of it. */
export interface ExpectedVisit {
  readonly plate: SimulatedPlate;
  readonly direction: 'in' | 'out';
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Scenario {
  readonly pattern: Pattern;
  readonly vehicles: readonly Vehicle[];
  /** A motorcycle rides across, close in front of the camera. */
  readonly crossing?: { readonly fromMs: number; readonly toMs: number };
  readonly durationMs: number;
  readonly expected: readonly ExpectedVisit[];
}

export const patterns = [
  'stops',
  'drives through',
  'leaves',
  'nose to tail',
  'two lanes',
  'reverses and returns',
  'tow truck',
  'motorcycle crosses',
  'waits ten minutes',
  'comes again',
] as const;
export type Pattern = (typeof patterns)[number];

/** How often each pattern comes, of 100: mostly cars that stop, but hundreds of every hard one in a full run. */
const shares: Readonly<Record<Pattern, number>> = {
  stops: 34,
  'drives through': 14,
  leaves: 12,
  'nose to tail': 10,
  'two lanes': 8,
  'reverses and returns': 6,
  'tow truck': 5,
  'motorcycle crosses': 6,
  'waits ten minutes': 1.5,
  'comes again': 3.5,
};

export function randomPattern(random: Random): Pattern {
  let left = random.next() * 100;
  for (const pattern of patterns) {
    left -= shares[pattern];
    if (left < 0) return pattern;
  }
  return 'stops';
}

/** Out of sight, far and near. */
const farM = 25;
const pastM = -5;

/** Every kind often enough to be judged, everyday ones most. Trailers and lorries have two rows as often as one. */
function anyPlate(random: Random, kinds: readonly SimulatedKind[] = simulatedKinds): SimulatedPlate {
  const kind: SimulatedKind = random.next() < 0.5 ? randomKind(random) : random.pick(kinds);
  const plate = randomPlate(random, kind);
  return (kind === 'large' || kind === 'trailer') && random.next() < 0.5 ? { ...plate, rows: 2 } : plate;
}

/** What drives up: also e-bikes, whose plates are the site's own. */
const allKinds: readonly SimulatedKind[] = [...simulatedKinds, 'ebike'];

function anyVehicle(random: Random, path: Path, lane = laneX, kinds = allKinds): Vehicle {
  const plate = anyPlate(random, kinds);
  const big = plate.color === 'yellow' || plate.color === 'yellow-green';
  const gray = random.integer(30, 220);
  const tint = (): number => Math.min(255, Math.max(0, gray + random.integer(-40, 40)));
  return {
    plate,
    shape: plate.kind === 'ebike' ? 'ebike' : big ? random.pick(['bus', 'van']) : random.pick(['car', 'car', 'van']),
    paint: [tint(), tint(), tint()],
    laneX: lane,
    path,
  };
}

const endOf = (path: Path): number => path.at(-1)?.[0] ?? 0;

/** Comes from far, stands at `stopM` for a while, drives on past the camera. */
function stopPath(random: Random, waitMs: number, fromMs = 0, stopM = random.between(3.8, 5)): Path {
  const comes = fromMs + random.between(4000, 6500);
  return [
    [fromMs, farM],
    [comes, stopM],
    [comes + waitMs, stopM],
    [comes + waitMs + random.between(2200, 3000), pastM],
  ];
}

const visitOf = (vehicle: Vehicle, direction: 'in' | 'out' = 'in'): ExpectedVisit => ({
  plate: vehicle.plate,
  direction,
  fromMs: vehicle.path[0]?.[0] ?? 0,
  toMs: endOf(vehicle.path),
});

function simple(pattern: Pattern, vehicles: readonly Vehicle[], direction: 'in' | 'out' = 'in'): Scenario {
  return {
    pattern,
    vehicles,
    durationMs: Math.max(...vehicles.map(({ path }) => endOf(path))),
    expected: vehicles.map((vehicle) => visitOf(vehicle, direction)),
  };
}

/** One scenario of a pattern, with everything else by chance. Pure. */
export function makeScenario(pattern: Pattern, random: Random): Scenario {
  switch (pattern) {
    case 'stops':
      return simple(pattern, [anyVehicle(random, stopPath(random, random.between(1500, 8000)))]);
    case 'waits ten minutes':
      return simple(pattern, [anyVehicle(random, stopPath(random, 600_000))]);
    case 'drives through': {
      const ms = random.between(4500, 7000);
      return simple(pattern, [
        anyVehicle(random, [
          [0, farM],
          [ms, pastM],
        ]),
      ]);
    }
    case 'leaves': {
      const ms = random.between(6000, 9000);
      return simple(
        pattern,
        [
          anyVehicle(random, [
            [0, 1.5],
            [ms, farM + 2],
          ]),
        ],
        'out',
      );
    }
    case 'nose to tail': {
      const first = anyVehicle(random, stopPath(random, random.between(3000, 6000)));
      const comes = first.path[1]?.[0] ?? 0;
      const goes = first.path[2]?.[0] ?? 0;
      const stopM = first.path[1]?.[1] ?? 4;
      const behindM = stopM + forms[first.shape].length + random.between(1, 2.2);
      const own = random.between(3.8, 5);
      const second = anyVehicle(random, [
        [random.between(600, 1800), farM],
        [comes + 1500, behindM],
        [goes + 1200, behindM],
        [goes + 3800, own],
        [goes + 3800 + random.between(1500, 4000), own],
        [goes + 10_500, pastM],
      ]);
      return simple(pattern, [second, first]);
    }
    case 'two lanes': {
      const near = anyVehicle(random, stopPath(random, random.between(2000, 6000)));
      const far = anyVehicle(random, stopPath(random, random.between(2000, 5000), random.between(0, 2500), 6.8), -3.5);
      return simple(pattern, [far, near]);
    }
    case 'reverses and returns': {
      const stopM = random.between(3.8, 5);
      const away = random.between(4500, 9000);
      const vehicle = anyVehicle(random, [
        [0, farM],
        [5000, stopM],
        [7500, stopM],
        [11_500, farM + 1],
        [11_500 + away, farM + 1],
        [16_500 + away, stopM],
        [19_500 + away, stopM],
        [22_500 + away, pastM],
      ]);
      return simple(pattern, [vehicle]);
    }
    case 'tow truck': {
      const truck = anyVehicle(random, stopPath(random, random.between(2500, 6000)), laneX, simulatedKinds);
      const towed = anyPlate(random);
      const vehicle: Vehicle = { ...truck, shape: 'bus', towed: { plate: towed, heightM: random.between(1.25, 1.5) } };
      const own = visitOf(vehicle);
      return { ...simple(pattern, [vehicle]), expected: [own, { ...own, plate: towed }] };
    }
    case 'motorcycle crosses': {
      const scenario = simple(pattern, [anyVehicle(random, stopPath(random, random.between(6000, 9000)))]);
      const standsMs = scenario.vehicles[0]?.path[1]?.[0] ?? 0;
      const fromMs = standsMs + random.between(-1500, 2500);
      return { ...scenario, crossing: { fromMs, toMs: fromMs + random.between(1800, 3200) } };
    }
    case 'comes again': {
      const scenario = simple(pattern, [anyVehicle(random, stopPath(random, random.between(1500, 4000)))]);
      const [vehicle] = scenario.vehicles;
      if (!vehicle) return scenario;
      // Longer than what counts as the same visit: these are two.
      const fromMs = endOf(vehicle.path) + random.between(40_000, 90_000);
      const again = { ...vehicle, path: stopPath(random, random.between(1500, 4000), fromMs) };
      return simple(pattern, [vehicle, again]);
    }
  }
}

/** Metres from the camera at a time; null before it comes and after it has gone. Eased, as vehicles brake and pull away. */
export function placeAt(path: Path, atMs: number): number | null {
  const [first] = path;
  if (!first || atMs < first[0] || atMs > endOf(path)) return null;
  const next = path.findIndex(([knotMs]) => knotMs >= atMs);
  const to = path[Math.max(next, 1)];
  const from = path[Math.max(next, 1) - 1];
  if (!to || !from) return null;
  const share = (atMs - from[0]) / Math.max(to[0] - from[0], 1);
  // Passing by needs no easing; it stands still at a knot that has the same place before or after it.
  const stands = (index: number): boolean => {
    const here = path[index]?.[1];
    return here !== undefined && (path[index - 1]?.[1] === here || path[index + 1]?.[1] === here);
  };
  const index = Math.max(next, 1);
  const eased = stands(index)
    ? stands(index - 1)
      ? share * share * (3 - 2 * share)
      : 1 - (1 - share) ** 1.7
    : stands(index - 1)
      ? share ** 1.7
      : share;
  return from[1] + (to[1] - from[1]) * eased;
}
