// Question: how long from a smoke sensor's publish until the desk has the alert stored, while all cameras see traffic?
import { setTimeout as sleep } from 'node:timers/promises';
import { connectDevice, createCommunity, smokeAlarm } from '../support/community.ts';
import { openDesk, type Reader } from '../support/demo/clients.ts';
import { kanmen } from '../support/kanmen-process.ts';
import { startCameras } from '../support/simulators/start.ts';
import { camerasPlan, makeStory } from '../support/simulators/story.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

/** Between alarms: long enough that one does not wait for another. */
const gapMs = 400;

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
  const perPhase = full ? 200 : 40;
  const story = makeStory(seed);
  const cameras = await startCameras(
    camerasPlan(
      story,
      story.cameras.map((_, index) => ({ user: 'admin', password: `bench-${index}`, port: 0 })),
    ),
  );
  const ids = Array.from({ length: 2 * perPhase }, (_, index) => `f-${String(index + 1).padStart(4, '0')}`);
  const community = await createCommunity({
    devices: [],
    gateway: {
      cameras: story.cameras.map(({ id, name, direction }) => ({ id, name, direction, url: cameras.urls.get(id) })),
      perception: { workers: 1 },
    },
  });
  try {
    // Without an area: sensors of one area would join one alert.
    const { stdout } = await kanmen([
      'devices',
      'add',
      ...ids.map((id) => `fire/${id}`),
      '-c',
      community.gatewayConfig,
      '--json',
    ]);
    const credentials = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { username: string; password: string; topicPrefix: string });
    await kanmen(
      ['users', 'add', 'bench', '--role', 'manager', '--password-file', '-', '-c', community.deskConfig],
      'benchmark-password\n',
    );
    const deskProcess = await community.startDesk();
    const gateway = await community.startGateway();
    const desk = await openDesk(deskProcess.ready.api, { name: 'bench', password: 'benchmark-password' });
    const devices = await Promise.all(credentials.map((credential) => connectDevice(gateway, credential)));
    const phase = async (from: number): Promise<number[]> => {
      const alarms: Alarmed[] = [];
      for (let index = from; index < from + perPhase; index += 1) {
        const id = ids[index] ?? '';
        const publishedAtMs = Date.now();
        await devices[index]?.publishAsync(`${credentials[index]?.topicPrefix ?? ''}/alarm`, smokeAlarm(id), {
          qos: 1,
        });
        alarms.push({ source: `fire/${id}`, publishedAtMs });
        await sleep(gapMs);
      }
      return latencies(desk, alarms);
    };
    await sleep(3000);
    say('idle: the gates are empty');
    const idle = await phase(0);
    await cameras.order({ order: 'start', atMs: Date.now() - 4000 });
    await sleep(3000);
    say('busy: vehicles at both gates');
    const busy = await phase(perPhase);
    for (const device of devices) await device.endAsync(true);
    const idleP99 = percentile(idle, 0.99) ?? 0;
    const busyP99 = percentile(busy, 0.99);
    return {
      value: busyP99 === null ? null : round(busyP99, 1),
      unit: 'ms',
      baseline: { name: 'idle p99, ms', value: round(idleP99, 1) },
      ...percentiles(busy),
      extra: {
        idle: percentiles(idle),
        ratio: round((busyP99 ?? 0) / Math.max(1, idleP99), 2),
        cameras: story.cameras.length,
      },
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
