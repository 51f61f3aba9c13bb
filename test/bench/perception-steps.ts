// Question: what does one picture cost, step by step, from the file to plates and faces?
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { kanmen } from '../support/kanmen-process.ts';
import { startCameras } from '../support/simulators/start.ts';
import { camerasPlan, makeStory } from '../support/simulators/story.ts';
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

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
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
