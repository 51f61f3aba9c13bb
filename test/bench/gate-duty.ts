// Question: how much of the time is video decoded at a gate with one passage a minute?
import {
  createCameraShared,
  createMotionGateOf,
  openFileSource,
  openLiveSource,
} from '../../gateway/perceive/camera/index.ts';
import type { LiveSourceReport } from '../../gateway/perceive/frame-source.ts';
import type { CameraId } from '../../gateway/domain/ids.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClipCamera } from '../support/simulators/clip-camera.ts';
import { makeClip, type MadeClip } from './camera-clips.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

/** The gate learns what is usual for so long after connecting, open all the while; that is once, and not counted. */
const learnMs = 12_000;

interface Duty {
  readonly first: LiveSourceReport;
  readonly last: LiveSourceReport;
  readonly frames: number;
}

const gateway = { framesPerSecond: 3, maxWidthPx: 1280, lookEveryMs: 5000 } as const;

/** A camera as it is at a gate, in its own time: whole turns of the clip. */
async function watchLive(made: MadeClip, minutes: number): Promise<Duty> {
  const camera = await startClipCamera({ clip: made.clip });
  const shared = createCameraShared({ decoders: 1, hardware: 'off', clock: systemClock, onDecoding: () => undefined });
  const source = openLiveSource({
    ...{ id: 'duty' as CameraId, url: camera.url, silentAfterMs: 10_000, transport: 'tcp', shared, clock: systemClock },
    ...gateway,
    gate: createMotionGateOf('normal'),
    onStatus: () => undefined,
  });
  const end = new AbortController();
  let frames = 0;
  const reading = (async () => {
    for await (const frame of source.frames(end.signal)) frames += frame.widthPx > 0 ? 1 : 0;
  })();
  try {
    while (source.report().seenMs < learnMs) await sleep(200);
    const first = source.report();
    while (source.report().seenMs - first.seenMs < minutes * 60_000) await sleep(200);
    return { first, last: source.report(), frames };
  } finally {
    end.abort();
    await reading;
    await shared.close();
    await camera.stop();
  }
}

/** The same clip once, through the same gate, net and decoder on demand, as fast as it can be read. */
async function watchFile(made: MadeClip): Promise<Duty> {
  const source = openFileSource({ ...gateway, path: made.path, gate: createMotionGateOf('normal') });
  const learned: { report: LiveSourceReport | null } = { report: null };
  source.fragments.attach({
    begin: () => undefined,
    take: ({ mediaTimeMs }) => {
      if (mediaTimeMs >= learnMs) learned.report ??= source.report();
    },
    end: () => undefined,
  });
  let frames = 0;
  for await (const frame of source.frames(new AbortController().signal)) frames += frame.widthPx > 0 ? 1 : 0;
  const last = source.report();
  return { first: learned.report ?? last, last, frames };
}

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const minutes = full ? 15 : 6;
  const made = await makeClip({
    ...{ seed, seconds: minutes * 60, fps: 12.5, heightPx: 720, bitrateKbit: 1500 },
    ...{ vehicles: minutes, firstMs: 20_000, everyMs: 60_000 },
  });
  say(full ? `${minutes} minutes with ${minutes} passages` : `${minutes} minutes with ${minutes} passages, at speed`);
  const { first, last, frames } = await (full ? watchLive(made, minutes) : watchFile(made));
  const seen = last.seenMs - first.seenMs;
  const inView = made.passages.reduce((sum, one) => sum + one.goneMs - one.visibleFromMs, 0) / 1000;
  const fault = seen < (minutes * 60_000 - learnMs) * 0.98 ? `only ${round(seen / 1000)} s were seen` : undefined;
  return {
    value: fault === undefined ? round((last.openMs - first.openMs) / seen) : null,
    unit: 'ratio',
    baseline: { name: 'share of the time with a vehicle in view', value: round(inView / (minutes * 60)) },
    ...{ n: minutes, p50: null, p95: null, p99: null },
    extra: {
      mediaSeconds: round(seen / 1000),
      atSpeed: !full,
      decoderSeconds: round((last.decodingMs - first.decodingMs) / 1000, 1),
      decoderStarts: last.decoderStarts - first.decoderStarts,
      netLooks: last.netLooks - first.netLooks,
      netWakes: last.netWakes - first.netWakes,
      framesLookedAt: frames,
      passageSeconds: round(inView / made.passages.length, 1),
    },
    ...(fault === undefined ? {} : { void: fault }),
  };
}

export const gateDuty: Benchmark = {
  name: 'gate-duty',
  question: 'share of the time that video is decoded, at a gate with one passage a minute',
  run,
};
