// Question: how long from a smoke sensor's publish until the desk has the alert stored, while all cameras see traffic?
import { setTimeout as sleep } from 'node:timers/promises';
import { connectDevice, createCommunity, smokeAlarm } from '../support/community.ts';
import { openDesk, openGateway, type Reader } from '../support/demo/clients.ts';
import { addDevices, addUser } from '../support/kanmen-process.ts';
import { createRandom } from '../support/simulators/random.ts';
import { startCameras } from '../support/simulators/start.ts';
import { camerasPlan, makeStory } from '../support/simulators/story.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

/** Between alarms: long enough that one does not wait for another (one takes 10 to 30 ms). */
const gapMs = 120;
/** Idle and busy take turns, so that what else the machine does falls on both. */
const turns = 4;
/** Draws of the bootstrap that says how sure the ratio of two p99 is. */
const draws = 1000;
const hourMs = 3_600_000;

/** The middle 95 % of the ratio of the two p99, over samples drawn anew from both. */
function ratioInterval(busy: readonly number[], idle: readonly number[], seed: number): [number, number] {
  const random = createRandom(seed);
  const p99 = (of: readonly number[]): number =>
    percentile(
      Array.from({ length: of.length }, () => of[random.integer(0, of.length - 1)] ?? 0),
      0.99,
    ) ?? 0;
  const ratios = Array.from({ length: draws }, () => p99(busy) / Math.max(1, p99(idle)));
  return [round(percentile(ratios, 0.025) ?? 0, 2), round(percentile(ratios, 0.975) ?? 0, 2)];
}

interface Alarmed {
  readonly source: string;
  readonly publishedAtMs: number;
}

/** ms from publish to stored at the desk, for each alarm; throws if one did not arrive. */
async function latencies(desk: Reader, alarms: readonly Alarmed[]): Promise<number[]> {
  for (const deadline = Date.now() + 30_000; ;) {
    const received = new Map(
      (await desk.list('/api/alerts?state=all')).map((alert) => [
        alert['source'] as string,
        Date.parse(alert['receivedAt'] as string),
      ]),
    );
    const found = alarms.flatMap(({ source, publishedAtMs }) => {
      const at = received.get(source);
      return at === undefined ? [] : [at - publishedAtMs];
    });
    if (found.length === alarms.length) return found;
    if (Date.now() > deadline)
      throw new Error(`${alarms.length - found.length} of ${alarms.length} alarms did not reach the desk`);
    await sleep(500);
  }
}

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const perTurn = full ? 250 : 15;
  const story = makeStory(seed);
  const cameras = await startCameras(
    camerasPlan(
      story,
      story.cameras.map((_, index) => ({ user: 'admin', password: `bench-${index}`, port: 0 })),
    ),
  );
  const ids = Array.from({ length: 2 * turns * perTurn }, (_, index) => `f-${String(index + 1).padStart(4, '0')}`);
  const community = await createCommunity({
    devices: [],
    gateway: {
      cameras: story.cameras.map(({ id, name, direction }) => ({ id, name, direction, url: cameras.urls.get(id) })),
      perception: { workers: 1 },
    },
  });
  try {
    // Without an area: sensors of one area would join one alert.
    const credentials = await addDevices(
      community.gatewayConfig,
      ids.map((id) => `fire/${id}`),
    );
    await addUser(community.deskConfig, 'bench', 'duty', 'benchmark-password');
    const deskProcess = await community.startDesk();
    const gateway = await community.startGateway();
    const desk = await openDesk(deskProcess.ready.api, { name: 'bench', password: 'benchmark-password' });
    const phase = async (turn: number): Promise<number[]> => {
      const mine = ids.map((_, index) => index).slice(turn * perTurn, (turn + 1) * perTurn);
      const devices = new Map<number, Awaited<ReturnType<typeof connectDevice>>>();
      for (const index of mine) {
        const credential = credentials[index];
        if (credential) devices.set(index, await connectDevice(gateway, credential));
      }
      const alarms: Alarmed[] = [];
      for (const index of mine) {
        const id = ids[index] ?? '';
        const publishedAtMs = Date.now();
        await devices.get(index)?.publishAsync(`${credentials[index]?.topicPrefix ?? ''}/alarm`, smokeAlarm(id), {
          qos: 1,
        });
        alarms.push({ source: `fire/${id}`, publishedAtMs });
        await sleep(gapMs);
      }
      for (const device of devices.values()) await device.endAsync(true);
      return latencies(desk, alarms);
    };
    const idle: number[] = [];
    const busy: number[] = [];
    await sleep(3000);
    for (let turn = 0; turn < turns; turn += 1) {
      // A story that begins in an hour: the gates are empty until then.
      await cameras.order({ order: 'start', atMs: Date.now() + hourMs });
      await sleep(3000);
      say(`turn ${turn + 1}, idle: the gates are empty`);
      idle.push(...(await phase(2 * turn)));
      await cameras.order({ order: 'start', atMs: Date.now() - 4000 });
      await sleep(3000);
      say(`turn ${turn + 1}, busy: vehicles at both gates`);
      busy.push(...(await phase(2 * turn + 1)));
    }
    const idleP99 = percentile(idle, 0.99) ?? 0;
    const busyP99 = percentile(busy, 0.99);
    // Cameras that saw nothing were not busy.
    const passages = (await openGateway(gateway.ready.api, community.folder.dir).list('/api/passages')).length;
    return {
      value: busyP99 === null || passages === 0 ? null : round(busyP99, 1),
      unit: 'ms',
      baseline: { name: 'idle p99, ms', value: round(idleP99, 1) },
      ...percentiles(busy),
      extra: {
        idle: percentiles(idle),
        ratio: round((busyP99 ?? 0) / Math.max(1, idleP99), 2),
        ratio95: ratioInterval(busy, idle, seed),
        ratioP95: round((percentile(busy, 0.95) ?? 0) / Math.max(1, percentile(idle, 0.95) ?? 0), 2),
        ratioP50: round((percentile(busy, 0.5) ?? 0) / Math.max(1, percentile(idle, 0.5) ?? 0), 2),
        ...{ cameras: story.cameras.length, passages },
      },
      ...(passages === 0 ? { void: 'no passage was seen while the cameras were to be busy' } : {}),
    };
  } finally {
    await community.close();
    await cameras.stop();
  }
}

export const alarmLatency: Benchmark = {
  name: 'alarm-latency',
  question: 'smoke sensor publish → stored at the desk, p99 with all cameras busy, against the same idle',
  run,
};
