// Question: how much memory does the whole process tree take with 4 busy cameras, 200 piles and 2 000 sensors, and does it grow?
import { setTimeout as sleep } from 'node:timers/promises';
import { createCommunity } from '../support/community.ts';
import { openGateway } from '../support/demo/clients.ts';
import { addDevices } from '../support/kanmen-process.ts';
import { startClipCamera } from '../support/simulators/clip-camera.ts';
import { startDevices } from '../support/simulators/start.ts';
import { makeClip } from './camera-clips.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { cpuSecondsOfTree, pssMbOfTree } from './process-tree.ts';

const cameraCount = 4;
const piles = 200;
const sensors = 2000;
const sampleEveryMs = 1000;

async function run({ full, seed, settings, say }: BenchmarkOptions): Promise<Finding> {
  const seconds = Number(settings['seconds'] ?? (full ? 1800 : 30));
  const warmUpS = full ? 120 : 15;
  const clips = await Promise.all(
    Array.from({ length: cameraCount }, (_, index) =>
      makeClip({
        ...{ seed: seed + index, seconds: 60, fps: 12.5, heightPx: 720, bitrateKbit: 1500 },
        ...{ vehicles: 5, firstMs: 2000, everyMs: 10_000, waitMs: 500 },
      }),
    ),
  );
  const cameras = await Promise.all(clips.map(({ clip }, index) => startClipCamera({ clip, offset: index * 31 })));
  const community = await createCommunity({
    devices: [],
    gateway: {
      cameras: cameras.map(({ url }, index) => ({ id: `c${index}`, name: `c${index}`, url, direction: 'in' })),
    },
  });
  let devices: Awaited<ReturnType<typeof startDevices>> | null = null;
  try {
    const pileIds = Array.from({ length: piles }, (_, index) => String(10_000_000 + index));
    const sensorIds = Array.from({ length: sensors }, (_, index) => `f-${String(index + 1).padStart(4, '0')}`);
    const credentials = await addDevices(
      community.gatewayConfig,
      [...pileIds.map((id) => `charger/${id}`), ...sensorIds.map((id) => `fire/${id}`)],
      'shed',
    );
    await community.startDesk();
    const gateway = await community.startGateway();
    const pid = gateway.child.pid ?? 0;
    devices = await startDevices({
      ...{ seed, broker: gateway.ready.mqtt ?? '', credentials, heats: [], smokes: [] },
      piles: pileIds.map((id) => ({ id, area: 'shed', ports: 10 })),
      sensors: sensorIds.map((id) => ({ id, area: 'shed' })),
      // One port of each pile in use: an evening.
      sessions: pileIds.map((pile, index) => ({
        ...{ atMs: index * 20, pile, port: (index % 10) + 1, order: `o-${pile}`, powerW: 180 + (index % 120) },
        ...{ endsAfterMs: null, stopReason: null },
      })),
      ...{ telemetryEveryMs: 10_000, sensorEveryMs: 60_000 },
    });
    await devices.order({ order: 'start' });
    say(`${warmUpS} s of warming up`);
    await sleep(warmUpS * 1000);
    say(`measuring for ${seconds} s`);
    const cpuBefore = cpuSecondsOfTree(pid);
    const startedAt = performance.now();
    const samples: number[] = [];
    while (performance.now() - startedAt < seconds * 1000) {
      samples.push(pssMbOfTree(pid));
      await sleep(sampleEveryMs);
    }
    const cores = (cpuSecondsOfTree(pid) - cpuBefore) / ((performance.now() - startedAt) / 1000);
    const reader = openGateway(gateway.ready.api, community.folder.dir);
    const passages = (await reader.list('/api/passages')).length;
    const sessions = (await reader.list('/api/sessions?state=running')).length;
    const online = (await reader.list('/api/devices')).filter((one) => one['state'] === 'online').length;
    // Short-lived decoders come and go: the floor tells of growth, the peak of what the box needs.
    const third = Math.floor(samples.length / 3);
    const floorOf = (part: readonly number[]): number => percentile(part, 0.1) ?? 0;
    const growth = floorOf(samples.slice(-third)) / floorOf(samples.slice(0, third)) - 1;
    const fault =
      online < piles + sensors
        ? `only ${online} of ${piles + sensors} devices were online`
        : passages === 0
          ? 'no passage was seen'
          : sessions < piles
            ? `only ${sessions} of ${piles} charging sessions ran`
            : undefined;
    return {
      value: fault === undefined ? round(Math.max(...samples), 1) : null,
      unit: 'MB PSS of the process tree',
      baseline: null,
      ...percentiles(samples),
      extra: {
        ...{ growthRatio: round(growth), seconds, coresUsed: round(cores), online, sessions, passages },
        ...{ cameras: cameraCount, piles, sensors },
      },
      ...(fault === undefined ? {} : { void: fault }),
    };
  } finally {
    await devices?.stop();
    await community.close();
    for (const camera of cameras) await camera.stop();
  }
}

export const memory: Benchmark = {
  name: 'memory',
  question: 'memory of the whole process tree with 4 busy cameras, 200 piles and 2 000 sensors, and its growth',
  run,
};
