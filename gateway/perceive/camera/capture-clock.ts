import type { EpochMs } from '../../lib/clock.ts';

/** Not anchored earlier than this: the first seconds' stamps of a stream are unreliable (design section 3). */
const settleMs = 2000;
const windowMs = 60_000;
/** The minimum is kept per second, so the window costs 60 numbers whatever the frame rate. */
const bucketMs = 1000;

/**
 * Capture time of a frame from its media time: media time + offset, where the offset is the running minimum of
 * (arrival − media time) over 60 s. The frame that travelled fastest tells the truth best; the others were only late.
 * Good to about a frame plus the shortest way from the camera. Make a new one after every break.
 */
export function createCaptureClock(): (mediaMs: number, arrivedAt: EpochMs) => EpochMs {
  const buckets: { second: number; offsetMs: number }[] = [];
  let firstMediaMs: number | null = null;
  let settled = false;
  return (mediaMs, arrivedAt) => {
    firstMediaMs ??= mediaMs;
    if (!settled && mediaMs - firstMediaMs >= settleMs) {
      settled = true;
      buckets.length = 0;
    }
    const offsetMs = arrivedAt - mediaMs;
    const second = Math.floor(mediaMs / bucketMs);
    const newest = buckets.at(-1);
    if (newest?.second === second) newest.offsetMs = Math.min(newest.offsetMs, offsetMs);
    else buckets.push({ second, offsetMs });
    while (buckets.length > 0 && second - (buckets[0]?.second ?? second) > windowMs / bucketMs) buckets.shift();
    return Math.round(mediaMs + Math.min(...buckets.map((bucket) => bucket.offsetMs))) as EpochMs;
  };
}
