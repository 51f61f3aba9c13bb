import type { CameraPlan, CamerasPlan, PersonVisit, VehicleVisit } from './camera-plan.ts';
import type {
  DeviceCredential,
  DevicesPlan,
  PlannedHeat,
  PlannedPile,
  PlannedSensor,
  PlannedSession,
  PlannedSmoke,
} from './device-plan.ts';
import { approachTimes } from './motion.ts';
import { walkMs } from './person.ts';
import { randomKind, type SimulatedKind } from './plate-text.ts';
import { createRandom, type Random } from './random.ts';
import { randomVisit } from './traffic.ts';

/** Nothing new happens after this; what is left of `storyLengthMs` is for the gateway to finish in. */
export const lastEventMs = 132_000;
export const storyLengthMs = 150_000;

export interface StoryArea {
  readonly id: string;
  readonly name: string;
  readonly grid: string;
}

export interface StoryCamera {
  readonly id: string;
  /** As it stands in the picture and in the configuration. */
  readonly name: string;
  /** A gate's camera also covers the charging shed beside the gate: the evidence picture comes from it. */
  readonly area: string;
  readonly direction: 'in' | 'out';
  readonly light: 'day' | 'night';
  readonly vehicles: readonly VehicleVisit[];
  readonly persons: readonly PersonVisit[];
}

/** Who drives when, what charges, what burns: all of it from one seed. Times are ms after the story's start. */
export interface Story {
  readonly seed: number;
  readonly site: { readonly id: string; readonly name: string };
  readonly grids: readonly { readonly id: string; readonly name: string; readonly people: readonly string[] }[];
  readonly areas: readonly StoryArea[];
  readonly cameras: readonly StoryCamera[];
  readonly piles: readonly PlannedPile[];
  readonly sensors: readonly PlannedSensor[];
  readonly sessions: readonly PlannedSession[];
  readonly heats: readonly PlannedHeat[];
  readonly smokes: readonly PlannedSmoke[];
}

const areas: readonly StoryArea[] = [
  { id: 'shed-east', name: '东门充电棚', grid: 'grid-1' },
  { id: 'shed-west', name: '西门充电棚', grid: 'grid-2' },
  { id: 'tower-1', name: '1号楼', grid: 'grid-1' },
  { id: 'tower-2', name: '2号楼', grid: 'grid-1' },
  { id: 'tower-3', name: '3号楼', grid: 'grid-2' },
];
const pilesPerShed = 10;
const portsPerPile = 10;
/** Sensors of each area, in the order of `areas`: 50 in all. */
const sensorsPerArea = [10, 10, 10, 10, 10];

/** A story of at most 150 s: two gates, two sheds, one port that overheats and smoke in the same shed within a minute. */
export function makeStory(seed: number): Story {
  const random = createRandom(seed);
  const piles = ['shed-east', 'shed-west'].flatMap((area, shed) =>
    Array.from({ length: pilesPerShed }, (_, index) => ({
      id: String(10_597_000 + shed * 100 + index + 1),
      area,
      ports: portsPerPile,
    })),
  );
  let number = 0;
  const sensors = areas.flatMap(({ id: area }, index) =>
    Array.from({ length: sensorsPerArea[index] ?? 0 }, () => ({
      id: `f-${String((number += 1)).padStart(4, '0')}`,
      area,
    })),
  );
  const trouble = makeTrouble(random.fork('trouble'), piles, sensors);
  return {
    seed,
    site: { id: 'demo', name: '示范小区' },
    grids: [
      { id: 'grid-1', name: '东网格', people: ['王芳'] },
      { id: 'grid-2', name: '西网格', people: ['李强'] },
    ],
    areas,
    cameras: makeCameras(random.fork('cameras')),
    piles,
    sensors,
    heats: [trouble.heat],
    smokes: [trouble.smoke],
    sessions: [trouble.session, ...makeSessions(random.fork('sessions'), piles, trouble.session)],
  };
}

function makeTrouble(
  random: Random,
  piles: readonly PlannedPile[],
  sensors: readonly PlannedSensor[],
): { heat: PlannedHeat; smoke: PlannedSmoke; session: PlannedSession } {
  const pile = random.pick(piles);
  const port = random.integer(1, pile.ports);
  const startsMs = random.integer(6000, 14_000);
  const heatsMs = random.integer(45_000, 60_000);
  const smokesMs = heatsMs + random.integer(20_000, 40_000);
  const sensor = random.pick(sensors.filter((one) => one.area === pile.area));
  return {
    // Above 60 °C and well below 70 °C: a matter for orange until smoke comes to it (standards 4.6).
    heat: { atMs: heatsMs, pile: pile.id, port, toC: random.integer(64, 67) },
    smoke: { atMs: smokesMs, sensor: sensor.id, forMs: 20_000 },
    session: {
      atMs: startsMs,
      pile: pile.id,
      port,
      order: orderNumber(random),
      powerW: random.integer(300, 420),
      // The pile's own protection cuts the port off some seconds after the smoke.
      endsAfterMs: smokesMs + 8000 - startsMs,
      stopReason: 'over_temp',
    },
  };
}

const orderNumber = (random: Random): string => Array.from({ length: 16 }, () => random.integer(0, 9)).join('');

/** A handful of sessions that end within the story, and as many that go on; each port is used once. */
function makeSessions(random: Random, piles: readonly PlannedPile[], taken: PlannedSession): PlannedSession[] {
  const ports = piles.flatMap((pile) => Array.from({ length: pile.ports }, (_, index) => ({ pile, port: index + 1 })));
  const free = random.shuffle(ports.filter(({ pile, port }) => pile.id !== taken.pile || port !== taken.port));
  const finishing = random.integer(4, 6);
  const going = random.integer(4, 6);
  return free.slice(0, finishing + going).map(({ pile, port }, index) => {
    const ends = index < finishing;
    return {
      atMs: random.integer(3000, ends ? 35_000 : 90_000),
      pile: pile.id,
      port,
      order: orderNumber(random),
      powerW: random.integer(110, 420),
      endsAfterMs: ends ? random.integer(35_000, 85_000) : null,
      stopReason: ends ? random.pick(['full', 'user'] as const) : null,
    };
  });
}

function makeCameras(random: Random): StoryCamera[] {
  const walker = random.integer(0, 1);
  const patient = random.integer(0, 1);
  return ([0, 1] as const).map((index) => {
    const own = random.fork(`camera ${index}`);
    const vehicles = makeVehicles(own, index === patient);
    return {
      id: index === 0 ? 'gate-east' : 'gate-west',
      name: index === 0 ? '东门入口' : '西门出口',
      area: index === 0 ? 'shed-east' : 'shed-west',
      direction: index === 0 ? ('in' as const) : ('out' as const),
      light: index === 0 ? ('day' as const) : ('night' as const),
      vehicles,
      persons: index === walker ? [{ atMs: own.integer(12_000, lastEventMs - walkMs - 20_000) }] : [],
    };
  });
}

/** Three to five vehicles, no two at once, no plate and no kind but blue twice; one of them may wait long. */
function makeVehicles(random: Random, oneWaitsLong: boolean): VehicleVisit[] {
  const wanted = random.integer(3, 5);
  const longWait = oneWaitsLong ? random.integer(0, wanted - 1) : -1;
  const visits: VehicleVisit[] = [];
  const kinds = new Set<SimulatedKind>();
  let atMs = random.integer(2000, 9000);
  while (visits.length < wanted) {
    let kind = randomKind(random);
    if (kinds.has(kind)) kind = 'small';
    kinds.add(kind);
    const waitMs = visits.length === longWait ? random.integer(13_000, 17_000) : random.integer(1800, 4500);
    const visit = randomVisit(random, atMs, waitMs, kind);
    const goneMs = atMs + approachTimes(visit.approach).goneMs;
    if (goneMs > lastEventMs) break;
    visits.push(visit);
    atMs = Math.round(goneMs) + random.integer(2500, 7000);
  }
  return visits;
}

/** What the camera process is told. `port` 0 takes free ports. */
export function camerasPlan(
  story: Story,
  logins: readonly { user: string; password: string; port: number }[],
): CamerasPlan {
  return {
    seed: story.seed,
    cameras: story.cameras.map((camera, index): CameraPlan => {
      const login = logins[index];
      if (!login) throw new RangeError(`no login for camera ${camera.id}`);
      const { id, name, direction, light, vehicles, persons } = camera;
      return { id, name, direction, light, vehicles, persons, ...login };
    }),
  };
}

/** MQTT user names of all devices: what `kanmen devices add` is asked for, with the area of each. */
export function storyDevices(story: Story): readonly { readonly key: string; readonly area: string }[] {
  return [
    ...story.piles.map(({ id, area }) => ({ key: `charger/${id}`, area })),
    ...story.sensors.map(({ id, area }) => ({ key: `fire/${id}`, area })),
  ];
}

/** What the device process is told. */
export function devicesPlan(story: Story, broker: string, credentials: readonly DeviceCredential[]): DevicesPlan {
  const { seed, piles, sensors, sessions, heats, smokes } = story;
  return {
    seed,
    broker,
    credentials,
    piles,
    sensors,
    sessions,
    heats,
    smokes,
    telemetryEveryMs: 3000,
    sensorEveryMs: 20_000,
  };
}
