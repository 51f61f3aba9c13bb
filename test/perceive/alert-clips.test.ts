import { describe, expect, it } from 'vitest';
import { ringOf } from '../../gateway/app/clips.ts';
import { evidenceOptions } from '../../gateway/evidence/options.ts';
import { systemClock, type EpochMs } from '../../gateway/lib/clock.ts';
import type { Fragment, InitSegment } from '../../gateway/perceive/camera/fragment.ts';
import { timescale, writeFragment } from '../../gateway/perceive/camera/mp4-writer.ts';
import { createFragmentRing } from '../../gateway/perceive/camera/ring.ts';
import { encodeStream } from '../support/encoded-stream.ts';

const at = (ms: number): EpochMs => ms as EpochMs;
const startMs = 1_000_000;

describe('an alert’s clip of a busy camera', () => {
  /** 4 Mbit/s at 25 pictures a second, a key frame four times as heavy every 2 s: 20 kB a picture on average. */
  const heavy = (from: number): { init: InitSegment; fragments: (upToMs: number) => Fragment[] } => {
    const { init, fragments } = encodeStream({ codec: 'h264', seconds: 2, startMs });
    let next = 0;
    return {
      init,
      fragments: (upToMs) => {
        const made: Fragment[] = [];
        for (; next * 40 < upToMs; next += 1) {
          const key = next % 50 === 0;
          const like = fragments[key ? 0 : 1]!;
          const ticks = { decodeTicks: (next * timescale) / 25, durationTicks: timescale / 25, offsetTicks: 0 };
          const { bytes } = writeFragment({ nals: [Buffer.alloc(key ? 75_500 : 18_870)], key, ...ticks }, next);
          made.push({
            ...{ ...like, key, bytes, sizeBytes: bytes.length, sequence: next },
            ...{ mediaTimeMs: next * 40, durationMs: 40, capturedAtMs: at(from + next * 40) },
          });
        }
        return made;
      },
    };
  };

  it('holds all of the time before and after it with the settings as they come', async () => {
    const clips = evidenceOptions.parse({}).clips;
    const ring = createFragmentRing(ringOf(clips), systemClock);
    const stream = heavy(startMs);
    ring.begin(stream.init);
    for (const fragment of stream.fragments(90_000)) ring.take(fragment);
    expect(ring.report().dropped).toBe(0);
    expect(ring.report().sizeBytes).toBeGreaterThan(14_000_000);
    // A passage is told 20 s after it was read: its clip reaches back beyond that.
    const readAt = startMs + 70_000;
    const told = await ring.clip({ fromAt: at(readAt - clips.before), toAt: at(readAt + clips.after) });
    expect(told!.startsAt).toBeLessThanOrEqual(readAt - clips.before);
    expect(told!.endsAt).toBeGreaterThanOrEqual(readAt + clips.after);
    // An alarm now: what comes after it is waited for.
    const now = startMs + 90_000;
    const asked = ring.clip({ fromAt: at(now - clips.before), toAt: at(now + clips.after) });
    for (const fragment of stream.fragments(100_000)) ring.take(fragment);
    const clip = (await asked)!;
    expect(clip.startsAt).toBeLessThanOrEqual(now - clips.before);
    expect(clip.endsAt).toBeGreaterThanOrEqual(now + clips.after);
    expect(clip.bytes.length).toBeGreaterThan(7_500_000);
    ring.close();
  });
});
