// Question: how much of the time is video decoded at a gate with one passage a minute?
import { createCameraShared, createMotionGateOf, openLiveSource } from '../../gateway/perceive/camera/index.ts';
import type { CameraId } from '../../gateway/domain/ids.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClipCamera } from '../support/simulators/clip-camera.ts';
import { makeClip } from './camera-clips.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

/** The gate learns what is usual for so long after connecting, open all the while; that is once, and not counted. */
const learnMs = 12_000;

async function run({ full, seed, say }: BenchmarkOptions): Promise<Finding> {
  const minutes = full ? 15 : 2;
  const made = await makeClip({
    ...{ seed, seconds: 120, fps: 12.5, heightPx: 720, bitrateKbit: 1500 },
    ...{ vehicles: 2, firstMs: 20_000, everyMs: 60_000 },
  });
  const camera = await startClipCamera({ clip: made.clip });
  const shared = createCameraShared({ decoders: 1, hardware: 'off', clock: systemClock, onDecoding: () => undefined });
  const source = openLiveSource({
    ...{ id: 'duty' as CameraId, url: camera.url, framesPerSecond: 3, maxWidthPx: 1280, silentAfterMs: 10_000 },
    ...{ transport: 'tcp', gate: createMotionGateOf('normal'), lookEveryMs: 5000, shared, clock: systemClock },
    onStatus: () => undefined,
  });
  const end = new AbortController();
  let frames = 0;
  const reading = (async () => {
    for await (const frame of source.frames(end.signal)) frames += frame.widthPx > 0 ? 1 : 0;
  })();
  try {
    say('the gate learns');
    while (source.report().seenMs < learnMs) await sleep(200);
    const first = source.report();
    say(`${minutes} minutes with ${minutes} passages`);
    // Whole turns of the clip: each has as many passages as minutes.
    while (source.report().seenMs - first.seenMs < minutes * 60_000) await sleep(200);
    const last = source.report();
    const seen = last.seenMs - first.seenMs;
    const open = last.openMs - first.openMs;
    return {
      value: round(open / seen),
      unit: 'ratio',
      baseline: null,
      ...{ n: minutes, p50: null, p95: null, p99: null },
      extra: {
        mediaSeconds: round(seen / 1000),
        decoderSeconds: round((last.decodingMs - first.decodingMs) / 1000, 1),
        decoderStarts: last.decoderStarts - first.decoderStarts,
        netLooks: last.netLooks - first.netLooks,
        netWakes: last.netWakes - first.netWakes,
        framesLookedAt: frames,
        passageSeconds: round(
          made.passages.reduce((sum, one) => sum + one.goneMs - one.visibleFromMs, 0) / 1000 / made.passages.length,
          1,
        ),
      },
    };
  } finally {
    end.abort();
    await reading;
    await shared.close();
    await camera.stop();
  }
}

export const gateDuty: Benchmark = {
  name: 'gate-duty',
  question: 'share of the time that video is decoded, at a gate with one passage a minute',
  run,
};
