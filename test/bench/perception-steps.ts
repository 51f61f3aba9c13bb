// Question: what does one picture cost, step by step, from the file to plates and faces?
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { BoxPx } from '../../gateway/domain/plate.ts';
import { loadModel, shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { createMotionGate } from '../../gateway/perceive/motion.ts';
import { openPlateFinder } from '../../gateway/perceive/plate-finder.ts';
import { openPlateReader } from '../../gateway/perceive/plate-reader.ts';
import { rectify } from '../../gateway/perceive/rectify.ts';
import { createScaler, letterbox } from '../../gateway/perceive/resample.ts';
import { kanmen } from '../support/kanmen-process.ts';
import { startCameras } from '../support/simulators/start.ts';
import { camerasPlan, makeStory } from '../support/simulators/story.ts';
import { renderFrames } from './passages/frames.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

interface Line {
  readonly plates?: readonly unknown[];
  readonly faces?: readonly unknown[];
  readonly timings_ms?: Readonly<Record<'decode' | 'detect' | 'read' | 'total', number>>;
}

/** Stills of a simulated gate with traffic, as JPEG files: what a camera gives, noise and encoding included. */
async function recordStills(dir: string, seed: number, count: number): Promise<void> {
  const story = makeStory(seed);
  const cameras = await startCameras(
    camerasPlan(
      story,
      story.cameras.map(() => ({ user: 'a', password: 'b', port: 0 })),
    ),
  );
  try {
    await cameras.order({ order: 'start', atMs: Date.now() - 5000 });
    await sleep(1000);
    const url = [...cameras.urls.values()][0] ?? '';
    await promisify(execFile)('ffmpeg', [
      '-v',
      'error',
      '-rtsp_transport',
      'tcp',
      '-i',
      url,
      '-vf',
      'fps=2',
      '-frames:v',
      String(count),
      '-q:v',
      '3',
      join(dir, '%04d.jpg'),
    ]);
  } finally {
    await cameras.stop();
  }
}

/** ms (p50) of each step of one live picture with two vehicles in it, one thread, apart from each other. */
async function liveSteps(seed: number, turns: number, modelsDir: string): Promise<Record<string, number>> {
  const frames = await renderFrames(seed, 1, ['two lanes']);
  const busiest = frames[Math.floor(frames.length / 2)];
  if (!busiest) return {};
  const region: BoxPx = [0, 0, busiest.widthPx, busiest.heightPx];
  const scaler = createScaler();
  const motion = createMotionGate();
  const finder = await openPlateFinder(await loadModel(modelsDir, 'plate-finder'), 1, scaler);
  const reader = await openPlateReader(await loadModel(modelsDir, 'plate-reader'), 1);
  const sidePx = finder.liveLook.maxSidePx;
  const target = letterbox(region, sidePx);
  const bytes = new Uint8Array(target.width * target.height * 3);
  const found = await finder.find(busiest, region, sidePx, 'live');
  const plates = found.slice(0, 2).map(({ rows }) => rows);
  const steps: Record<string, () => unknown> = {
    motion: () => motion(busiest),
    scale: () => {
      scaler.forget();
      scaler.fillBytes(busiest, region, target, bytes);
    },
    find: () => {
      scaler.forget();
      return finder.find(busiest, region, sidePx, 'live');
    },
    readOne: () => reader.read(busiest, plates.slice(0, 1)),
    readTwo: () => reader.read(busiest, plates),
    rectify: () => plates[0]?.[0] && rectify(busiest, plates[0][0], 168, 48),
  };
  const result: Record<string, number> = {};
  for (const [name, step] of Object.entries(steps)) {
    const times: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      const startedMs = performance.now();
      await step();
      times.push(performance.now() - startedMs);
    }
    result[name] = round(percentile(times.slice(2), 0.5) ?? 0, 2);
  }
  await Promise.all([finder.release(), reader.release()]);
  return { ...result, platesFound: found.length };
}

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const count = full ? 200 : 40;
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-steps-'));
  try {
    say(`recording ${count} stills from a simulated gate`);
    await recordStills(dir, seed, count);
    const files = readdirSync(dir)
      .sort()
      .map((name) => join(dir, name));
    // The first pictures warm the models up.
    const { stdout } = await kanmen(['inspect', '--json', ...files.slice(0, 5), ...files]);
    const lines = stdout
      .trim()
      .split('\n')
      .slice(5)
      .map((line) => JSON.parse(line) as Line);
    const timings = lines.flatMap(({ timings_ms }) => timings_ms ?? []);
    const p50 = (step: 'decode' | 'detect' | 'read' | 'total'): number =>
      round(
        percentile(
          timings.map((one) => one[step]),
          0.5,
        ) ?? 0,
        1,
      );
    return {
      value: timings.length === 0 ? null : p50('total'),
      unit: 'ms',
      baseline: null,
      ...percentiles(timings.map(({ total }) => total)),
      extra: {
        p50Ms: { decode: p50('decode'), detect: p50('detect'), read: p50('read') },
        liveMs: await liveSteps(seed, full ? 100 : 15, settings['models'] ?? shippedModelsDir()),
        plates: lines.reduce((sum, { plates }) => sum + (plates?.length ?? 0), 0),
        faces: lines.reduce((sum, { faces }) => sum + (faces?.length ?? 0), 0),
      },
      ...(timings.length === 0 ? { void: 'no picture was read' } : {}),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const perceptionSteps: Benchmark = {
  name: 'perception-steps',
  question: 'ms for one 1280×720 still by step: decode, detect, read',
  run,
};
