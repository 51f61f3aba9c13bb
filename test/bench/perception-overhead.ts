// Question: what does whole perception cost beyond decoding and the models' own time, on the same frames?
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { createCameraWatch } from '../../gateway/perceive/camera-watch.ts';
import { startPictureStream } from '../../gateway/perceive/camera/picture-stream.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { cameraOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { renderFrames } from './passages/frames.ts';

const widthPx = 1280;
const heightPx = 720;
/** Pictures a second of the recording; all of them are looked at. */
const perSecond = 3;

/** CPU ms of this process and of its children that have ended. Linux. */
function cpuMs(): number {
  // Fields 16 and 17 of /proc/self/stat: children waited for, in ticks of 10 ms.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + (Number(fields[13]) + Number(fields[14])) * 10;
}

/** One run of a model as it happened: which session, and what its input looked like. */
interface ModelRun {
  readonly session: InferenceSession;
  readonly input: string;
  readonly type: Tensor.Type;
  readonly dims: readonly number[];
  readonly outputs: readonly string[] | undefined;
}

/** Notes every model run until it is undone; costs microseconds a run. */
function noteRuns(): { readonly runs: ModelRun[]; undo(): void } {
  const runs: ModelRun[] = [];
  const { prototype } = InferenceSession as unknown as {
    prototype: { run: (...given: unknown[]) => Promise<unknown> };
  };
  const original = prototype.run;
  prototype.run = function (this: InferenceSession, ...given: unknown[]): Promise<unknown> {
    const feeds = given[0] as Record<string, Tensor>;
    const [[input, tensor] = []] = Object.entries(feeds);
    // The names of the outputs wanted, or the memory that they are to be put into.
    const wanted = given[1] as string[] | Record<string, Tensor> | undefined;
    const outputs = Array.isArray(wanted) ? wanted : wanted && Object.keys(wanted);
    if (input !== undefined && tensor)
      runs.push({ session: this, input, type: tensor.type, dims: [...tensor.dims], outputs });
    return original.apply(this, given);
  };
  return {
    runs,
    undo: () => {
      prototype.run = original;
    },
  };
}

async function writeVideo(path: string, seed: number, full: boolean): Promise<number> {
  const frames = await renderFrames(
    seed,
    perSecond,
    full ? ['stops', 'leaves', 'nose to tail', 'two lanes', 'drives through', 'tow truck'] : ['stops', 'leaves'],
  );
  const input = `-f rawvideo -pix_fmt rgb24 -s ${widthPx}x${heightPx} -r ${perSecond} -i pipe:0`;
  const child = spawn(
    'ffmpeg',
    `-loglevel error -y ${input} -c:v libx264 -preset superfast -crf 23 -g 12 -pix_fmt yuv420p ${path}`.split(' '),
    { stdio: ['pipe', 'inherit', 'inherit'] },
  );
  for (const { rgb } of frames) if (!child.stdin.write(rgb)) await once(child.stdin, 'drain');
  child.stdin.end();
  await once(child, 'close');
  return frames.length;
}

/** The decoder alone, as far as the pixels that perception takes: those of the video itself. */
async function decodeOnly(path: string): Promise<void> {
  const child = spawn('ffmpeg', `-nostdin -v error -threads 1 -i ${path} -pix_fmt yuv420p -f null -`.split(' '), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'close');
}

/** Everything, by the product's own decoder: pipe, motion, finder, reader, tracker, vote, evidence. */
async function wholePerception(path: string, perceiver: Perceiver): Promise<number> {
  let rows = 0;
  const watch = createCameraWatch({
    camera: cameraOptions.parse({ id: 'gate', name: 'gate', url: 'file:///bench', framesPerSecond: perSecond }),
    perception: perceptionOptions.parse({}),
    perceiver,
    onPassage: () => {
      rows += 1;
      return Promise.resolve();
    },
  });
  const stream = startPictureStream({
    input: ['-i', path],
    framesPerSecond: 100,
    maxWidthPx: widthPx,
    onPicture: async (picture) => {
      await watch.look({ ...picture, capturedAt: picture.mediaMs as EpochMs });
      picture.release();
    },
  });
  await stream.ended;
  await watch.finish();
  return rows;
}

async function replay(runs: readonly ModelRun[]): Promise<void> {
  for (const { session, input, type, dims, outputs } of runs) {
    const length = dims.reduce((product, size) => product * size, 1);
    const data = type === 'uint8' ? new Uint8Array(length).fill(90) : new Float32Array(length).fill(0.2);
    const feeds = { [input]: new Tensor(type, data as Float32Array, dims) };
    await (outputs ? session.run(feeds, outputs) : session.run(feeds));
  }
}

async function measured(work: () => Promise<unknown>): Promise<number> {
  const before = cpuMs();
  await work();
  return cpuMs() - before;
}

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-overhead-'));
  const path = join(dir, 'gate.mp4');
  const modelsDir = settings['models'] ?? shippedModelsDir();
  const perceiver = await openPerceiver({ modelsDir, threads: 1, minPlateWidthPx: 36, ebikePatterns: [] });
  const notes = noteRuns();
  try {
    say('recording a gate');
    const frames = await writeVideo(path, seed, full);
    say('warming up');
    await wholePerception(path, perceiver);
    notes.runs.length = 0;
    const ratios: number[] = [];
    let rows = 0;
    const costs = { whole: 0, decode: 0, models: 0 };
    const rounds = full ? 5 : 2;
    for (let turn = 0; turn < rounds; turn += 1) {
      notes.runs.length = 0;
      const whole = await measured(async () => {
        rows = await wholePerception(path, perceiver);
      });
      const runs = [...notes.runs];
      const models = await measured(() => replay(runs));
      const decode = await measured(() => decodeOnly(path));
      ratios.push(whole / (decode + models));
      costs.whole += whole / frames / rounds;
      costs.models += models / frames / rounds;
      costs.decode += decode / frames / rounds;
      say(`  ${round(whole, 0)} ms of CPU against ${round(decode, 0)} + ${round(models, 0)}`);
    }
    const value = [...ratios].sort((a, b) => a - b)[Math.floor(ratios.length / 2)] ?? null;
    const nothingRan = notes.runs.length === 0 || rows === 0;
    return {
      value: value === null || nothingRan ? null : round(value),
      unit: 'ratio',
      baseline: { name: 'decode + model runs alone, CPU ms a frame', value: round(costs.decode + costs.models, 2) },
      n: frames * rounds,
      p50: null,
      p95: null,
      p99: null,
      extra: {
        cpuMsAFrame: { whole: round(costs.whole, 2), decode: round(costs.decode, 2), models: round(costs.models, 2) },
        modelRunsAFrame: round(notes.runs.length / 2 / frames, 2),
        rows,
        ratios: ratios.map((ratio) => round(ratio)),
      },
      ...(nothingRan ? { void: 'no vehicle was read' } : {}),
    };
  } finally {
    notes.undo();
    await perceiver.release();
    rmSync(dir, { recursive: true, force: true });
  }
}

export const perceptionOverhead: Benchmark = {
  name: 'perception-overhead',
  question: 'CPU of whole perception ÷ CPU of decoding and the same model runs alone, same frames (target 1.15)',
  run,
};
