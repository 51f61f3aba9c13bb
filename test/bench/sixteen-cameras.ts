// Question: do 16 quiet 1080p cameras run steadily on this machine, without a drop, in how much memory?
import { setTimeout as sleep } from 'node:timers/promises';
import { startClipCamera } from '../support/simulators/clip-camera.ts';
import { makeClip } from './camera-clips.ts';
import { startCameraGateway } from './camera-gateway.ts';
import { percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { cpuSecondsOfTree, pssMbOfTree } from './process-tree.ts';

const count = 16;
/** Cameras that have been quiet for so long need no models (perceive/perception-worker.ts). */
const modelsSleepMs = 80_000;

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const seconds = full ? 600 : 30;
  const fps = settings['fps'] === '12.5' ? 12.5 : 25;
  const made = await makeClip({ seed, seconds: 20, fps, heightPx: 1080, bitrateKbit: 3000, vehicles: 0 });
  const cameras = await Promise.all(
    Array.from({ length: count }, (_, index) => startClipCamera({ clip: made.clip, offset: index * 31 })),
  );
  const { community, pid, counts, quiet } = await startCameraGateway(cameras, {}, true);
  try {
    say('waiting until every gate has learned that nothing moves');
    const settled = await quiet(6000, 240_000);
    say('waiting until the models sleep');
    await sleep(modelsSleepMs);
    say(`measuring for ${seconds} s`);
    const first = await counts();
    const cpuBefore = cpuSecondsOfTree(pid);
    const startedMs = Date.now();
    const memory: number[] = [];
    while (Date.now() - startedMs < seconds * 1000) {
      memory.push(pssMbOfTree(pid));
      await sleep(2000);
    }
    const last = await counts();
    const spanS = (Date.now() - startedMs) / 1000;
    const rate = (last.coded - first.coded) / spanS / count;
    const dropped = last.gopsDropped - first.gopsDropped + (last.framesDropped - first.framesDropped);
    const half = Math.floor(memory.length / 2);
    const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
    const fault = !settled
      ? 'the gates did not close within four minutes'
      : rate < fps * 0.97
        ? `only ${round(rate, 1)} of ${fps} pictures a second came through for each camera`
        : dropped > 0
          ? `${dropped} drops`
          : undefined;
    return {
      value: fault === undefined ? round(Math.max(...memory), 1) : null,
      unit: 'MB PSS of the process tree',
      baseline: null,
      ...percentiles(memory),
      extra: {
        cameras: count,
        codedPicturesPerSecond: round(rate, 2),
        dropped,
        coresUsed: round((cpuSecondsOfTree(pid) - cpuBefore) / spanS),
        growthRatio: round(mean(memory.slice(half)) / mean(memory.slice(0, half)) - 1),
        peakMb: round(Math.max(...memory), 1),
      },
      ...(fault === undefined ? {} : { void: fault }),
    };
  } finally {
    await community.close();
    for (const camera of cameras) await camera.stop();
  }
}

export const sixteenCameras: Benchmark = {
  name: 'sixteen-cameras',
  question: 'memory of the whole process tree with 16 quiet 1080p cameras, all steady and nothing dropped',
  run,
};
