// Question: how long after a car has left the reading zone is its passage told, with four busy cameras?
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { createPerception } from '../../gateway/perceive/index.ts';
import { cameraOptions, modelsOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { startClipCamera } from '../support/simulators/clip-camera.ts';
import { makeClip } from './camera-clips.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

const cameraCount = 4;
/** A passage told more than this after the car has left is no answer any more, but a miss. */
const missedAfterMs = 30_000;

interface Left {
  readonly camera: string;
  readonly text: string;
  readonly atMs: number;
}

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const seconds = full ? 300 : 45;
  // What others do on this machine before we begin: with more of it than cores, a time says nothing of us.
  const loadBefore = loadavg()[0] ?? 0;
  const busy = loadBefore > availableParallelism();
  const clips = await Promise.all(
    Array.from({ length: cameraCount }, (_, index) =>
      makeClip({
        ...{ seed: seed + index, seconds: 60, fps: 12.5, heightPx: 720, bitrateKbit: 1500 },
        ...{ vehicles: 5, firstMs: 2000, everyMs: 10_000, waitMs: 500 },
      }),
    ),
  );
  const left: Left[] = [];
  const cameras = await Promise.all(
    clips.map(({ clip, passages }, index) =>
      startClipCamera({
        clip,
        offset: index * 31,
        onPicture: (picture, atMs) => {
          for (const { readableUntilMs, text } of passages)
            if (Math.round((readableUntilMs * clip.fps) / 1000) === picture)
              left.push({ camera: `c${index}`, text, atMs });
        },
      }),
    ),
  );
  const told: { camera: string; text: string | null; atMs: number }[] = [];
  const perception = createPerception({
    cameras: cameras.map(({ url }, index) =>
      cameraOptions.parse({ id: `c${index}`, name: `c${index}`, url, direction: 'in', faces: false }),
    ),
    models: modelsOptions.parse({}),
    perception: perceptionOptions.parse({}),
    clock: systemClock,
    logger: silentLogger,
    unit: Math.random,
    onPassage: (passage) => {
      told.push({ camera: passage.camera, text: passage.plate?.text ?? null, atMs: Date.now() });
      return Promise.resolve();
    },
    onCamera: () => undefined,
  });
  await perception.start(new AbortController().signal);
  try {
    say('the gates learn');
    await sleep(12_000);
    const fromMs = Date.now();
    say(`${seconds} s with a passage every 10 s at each of ${cameraCount} gates`);
    await sleep(seconds * 1000);
    const untilMs = Date.now();
    await sleep(8000);
    const counters = perception.cameras().map((camera) => camera.counters);
    const expected = left.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs);
    const latencies: number[] = [];
    const missed: string[] = [];
    for (const { camera, text, atMs } of expected) {
      const found = told.find(
        (one) => one.camera === camera && one.text === text && Math.abs(one.atMs - atMs) < missedAfterMs,
      );
      // A car that waits long enough is told of before it leaves: that is in time.
      if (found) latencies.push(Math.max(found.atMs - atMs, 0));
      else missed.push(text);
    }
    const p95 = percentile(latencies, 0.95);
    const framesDropped = counters.reduce((sum, one) => sum + one.framesDropped, 0);
    return {
      value: busy || latencies.length < expected.length / 2 || p95 === null ? null : round(p95 / 1000),
      unit: 's, p95',
      baseline: null,
      ...percentiles(latencies),
      extra: {
        ...{ passages: expected.length, notRead: missed.length, framesDropped, loadBefore: round(loadBefore, 1) },
        note: 'p50, p95, p99 in ms',
      },
      ...(busy ? { void: `the machine was busy before it began: load ${round(loadBefore, 1)}` } : {}),
      ...(latencies.length < expected.length / 2
        ? { void: `only ${latencies.length} of ${expected.length} plates were read right: too little to time` }
        : {}),
    };
  } finally {
    await perception.stop();
    for (const camera of cameras) await camera.stop();
  }
}

export const passageLatency: Benchmark = {
  name: 'passage-latency',
  question:
    'seconds from a car leaving the reading zone to its passage event, p95, four cameras, a passage every 10 s each',
  run,
};
