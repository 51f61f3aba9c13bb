import type { Clock, EpochMs } from '../lib/clock.ts';

/**
 * The wall clock, but never slower than time itself: `max(wall, wall at the start + time since)`. A wall clock that is
 * set back does not put off what is due; one that is set forward makes things due early, which does no harm.
 */
export function createSteadyNow(clock: Clock): () => EpochMs {
  const offsetMs = clock.now() - clock.monotonic();
  return () => Math.max(clock.now(), Math.floor(clock.monotonic() + offsetMs)) as EpochMs;
}
