// Question: does the memory of perception stay flat over 20 000 pictures?
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { createCameraWatch } from '../../gateway/perceive/camera-watch.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { cameraOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { openPerceiver } from '../../gateway/perceive/perceive.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { renderFrames } from './passages/frames.ts';

/** The short form ends in under a minute, however busy the machine is. */
const shortBudgetMs = 30_000;
const fullFrames = 20_000;

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const frames = await renderFrames(seed, 3, full ? ['stops', 'nose to tail', 'leaves'] : ['stops']);
  const perceiver = await openPerceiver({
    modelsDir: settings['models'] ?? shippedModelsDir(),
    threads: 1,
    minPlateWidthPx: 36,
    ebikePatterns: [],
  });
  let rows = 0;
  const watch = createCameraWatch({
    camera: cameraOptions.parse({ id: 'gate', name: 'gate', url: 'rtsp://bench/1', framesPerSecond: 3 }),
    perception: perceptionOptions.parse({}),
    perceiver,
    onPassage: () => {
      rows += 1;
      return Promise.resolve();
    },
  });
  const memoryMb: number[] = [];
  const startedMs = performance.now();
  let nowMs = 0;
  let looked = 0;
  try {
    while (full ? looked < fullFrames : performance.now() - startedMs < shortBudgetMs) {
      for (const frame of frames) {
        nowMs += 333;
        await watch.look({ ...frame, capturedAt: nowMs as EpochMs, mediaMs: nowMs });
        looked += 1;
      }
      // Other visits from here on.
      nowMs += 120_000;
      memoryMb.push(Math.round(process.memoryUsage().rss / 1e6));
    }
    await watch.finish();
  } finally {
    await perceiver.release();
  }
  say(`  ${looked} pictures, ${rows} rows`);
  // What models and buffers take is there after the first third; from then on nothing may grow.
  const settled = memoryMb.slice(Math.floor(memoryMb.length / 3));
  const part = Math.max(Math.floor(settled.length / 4), 1);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / Math.max(values.length, 1);
  const growth = mean(settled.slice(-part)) / Math.max(mean(settled.slice(0, part)), 1);
  const tooShort = memoryMb.length < 6;
  return {
    value: tooShort ? null : round(growth),
    unit: 'ratio',
    baseline: { name: 'MB after the first third', value: Math.round(mean(settled.slice(0, part))) },
    n: looked,
    p50: null,
    p95: null,
    p99: null,
    extra: { rssMb: memoryMb.filter((_mb, index) => index % Math.ceil(memoryMb.length / 20) === 0), passages: rows },
    ...(tooShort ? { void: `only ${memoryMb.length} turns in the time there was` } : {}),
  };
}

export const perceptionSoak: Benchmark = {
  name: 'perception-soak',
  question: 'memory at the end ÷ after the first third, over 20 000 pictures (--full); flat is 1',
  run,
};
