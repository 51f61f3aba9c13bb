import type { EpochMs, MonotonicMs } from '../../lib/clock.ts';

/** Not anchored earlier than this: the first seconds' stamps of a stream are unreliable (design section 3). */
const settleMs = 2000;
const windowMs = 60_000;
/** The minimum is kept per second, so the window costs 60 numbers whatever the frame rate. */
const bucketMs = 1000;
/** A drift is told of once it was seen over this long: below, the network's jitter is larger. */
const driftAfterMs = 120_000;

export interface CaptureClock {
  /** Capture time of the frame with that media time, which arrived now. Never earlier than the one before. */
  captured(mediaMs: number, arrivedAt: MonotonicMs, now: EpochMs): EpochMs;
  /** How much faster the camera's clock runs than ours, in parts per million; null before two minutes have passed. */
  driftPpm(): number | null;
}

/**
 * Capture time of a frame from its media time: media time + offset, where the offset is the running minimum of
 * (arrival − media time) over 60 s. The frame that travelled fastest tells the truth best; the others were only late.
 * Good to about a frame plus the shortest way from the camera. Make a new one after every break.
 *
 * Arrival is taken on the monotonic clock and told in wall time, so that a wall clock that is set does not bend the minimum.
 */
export function createCaptureClock(): CaptureClock {
  const buckets: { second: number; offsetMs: number }[] = [];
  let firstMediaMs: number | null = null;
  let settled = false;
  let mark: { mediaMs: number; offsetMs: number } | null = null;
  let offsetMs = Infinity;
  let mediaNowMs = 0;
  let last: { at: EpochMs; wallMs: number } | null = null;
  /** Lets go of what the window has left behind; the lowest of what remains. */
  const lowestAfter = (second: number): number => {
    while (second - (buckets[0]?.second ?? second) > windowMs / bucketMs) buckets.shift();
    return buckets.reduce((lowest, bucket) => Math.min(lowest, bucket.offsetMs), Infinity);
  };
  return {
    captured: (mediaMs, arrivedAt, now) => {
      firstMediaMs ??= mediaMs;
      if (!settled && mediaMs - firstMediaMs >= settleMs) {
        settled = true;
        buckets.length = 0;
        offsetMs = Infinity;
      }
      const ownMs = arrivedAt - mediaMs;
      const second = Math.floor(mediaMs / bucketMs);
      const newest = buckets.at(-1);
      if (newest?.second === second) newest.offsetMs = Math.min(newest.offsetMs, ownMs);
      else buckets.push({ second, offsetMs: ownMs });
      if (ownMs < offsetMs) offsetMs = ownMs;
      if (second - (buckets[0]?.second ?? second) > windowMs / bucketMs) offsetMs = lowestAfter(second);
      mediaNowMs = mediaMs;
      // The window's first full minute is the mark that drift is measured from.
      if (mediaMs - firstMediaMs >= windowMs) mark ??= { mediaMs, offsetMs };
      const wallMs = now - arrivedAt;
      const at = Math.round(mediaMs + offsetMs + wallMs);
      // A frame that is less late than all before it moves the offset back; two frames keep their order nevertheless.
      const kept = last && Math.abs(wallMs - last.wallMs) < 500 ? Math.max(at, last.at) : at;
      last = { at: kept as EpochMs, wallMs };
      return last.at;
    },
    driftPpm: () => {
      if (mark === null || mediaNowMs - mark.mediaMs < driftAfterMs - windowMs) return null;
      return Math.round(((mark.offsetMs - offsetMs) / (mediaNowMs - mark.mediaMs)) * 1e6);
    },
  };
}
