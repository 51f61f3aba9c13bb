// Question: how many pictures a second does perception look at with 1, 2 and 4 cameras?
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../../gateway/lib/worker-url.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { usualWorkers } from '../../gateway/perceive/worker-count.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { renderFrames } from './passages/frames.ts';
import type { ScaleDone, ScaleWork } from './perception-scale-worker.ts';

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const modelsDir = settings['models'] ?? shippedModelsDir();
  say('drawing frames');
  const frames = await renderFrames(seed, 3, full ? ['stops', 'leaves', 'nose to tail', 'two lanes'] : ['stops']);
  const cores = availableParallelism();
  const perSecond: Record<string, number> = {};
  let looked = 0;
  let rows = 0;
  for (const cameras of [1, 2, 4]) {
    // As the product shares cameras out.
    const threads = Math.min(usualWorkers(cores), cameras);
    const workers = Array.from({ length: threads }, (_, index) => {
      const own = Math.floor(cameras / threads) + (index < cameras % threads ? 1 : 0);
      const workerData: ScaleWork = { modelsDir, cameras: own, frames, turns: full ? 6 : 1 };
      return new Worker(workerUrl(import.meta.url, 'perception-scale-worker'), { workerData });
    });
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const answers = workers.map(async (worker) => (await once(worker, 'message'))[0] as ScaleDone);
    for (const worker of workers) worker.postMessage('go');
    const done = await Promise.all(answers);
    await Promise.all(workers.map((worker) => worker.terminate()));
    const all = done.reduce((sum, one) => sum + one.frames, 0);
    const seconds = Math.max(...done.map(({ elapsedMs }) => elapsedMs)) / 1000;
    perSecond[cameras] = round(all / seconds, 1);
    looked += all;
    rows += done.reduce((sum, one) => sum + one.rows, 0);
    say(`  ${cameras} camera(s) on ${threads} thread(s): ${perSecond[cameras]} pictures/s`);
  }
  return {
    value: rows === 0 ? null : (perSecond[4] ?? null),
    unit: 'frames/s',
    baseline: { name: '1 camera', value: perSecond[1] ?? 0 },
    n: looked,
    p50: null,
    p95: null,
    p99: null,
    extra: { framesPerSecond: perSecond, threads: usualWorkers(cores), passages: rows },
    ...(rows === 0 ? { void: 'no vehicle was read' } : {}),
  };
}

export const perceptionScale: Benchmark = {
  name: 'perception-scale',
  question: '1280×720 pictures a second with 1, 2 and 4 cameras, vehicles in most of them',
  run,
};
