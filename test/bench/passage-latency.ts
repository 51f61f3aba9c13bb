// Question: how long after a car has left the reading zone is its passage told, with four busy cameras?
import { cpus } from 'node:os';
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

/** Share of all cores that is at work over the next while. */
async function busyShare(ms: number): Promise<number> {
  const times = (): { all: number; idle: number } => {
    const each = cpus().map(({ times: { user, nice, sys, idle, irq } }) => ({
      all: user + nice + sys + idle + irq,
      idle,
    }));
    return each.reduce((sum, one) => ({ all: sum.all + one.all, idle: sum.idle + one.idle }), { all: 0, idle: 0 });
  };
  const before = times();
  await sleep(ms);
  const after = times();
  return 1 - (after.idle - before.idle) / Math.max(after.all - before.all, 1);
}

interface Left {
  readonly camera: string;
  readonly text: string;
  readonly atMs: number;
}

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const seconds = full ? 300 : 45;
  const clips = await Promise.all(
    Array.from({ length: cameraCount }, (_, index) =>
      makeClip({
        ...{ seed: seed + index, seconds: 60, fps: 12.5, heightPx: 720, bitrateKbit: 1500 },
        ...{ vehicles: 5, firstMs: 2000, everyMs: 10_000, waitMs: 500 },
      }),
    ),
  );
  // What others do on this machine before we begin: with half of it taken, a time says nothing of us. The load average
  // remembers what was a minute ago.
  const busyBefore = await busyShare(3000);
  const busy = busyBefore > 0.5;
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
        ...{ passages: expected.length, notRead: missed.length, framesDropped, busyBefore: round(busyBefore, 2) },
        note: 'p50, p95, p99 in ms',
      },
      ...(busy ? { void: `the machine was busy before it began: ${round(busyBefore * 100, 0)} % of its cores` } : {}),
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
