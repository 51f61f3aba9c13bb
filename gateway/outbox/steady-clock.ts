import type { Clock, EpochMs } from '../lib/clock.ts';

/**
 * The wall clock, but it never goes back and is never slower than time itself. A wall clock that is set back does not put
 * off what is due, also where it was wrongly set forward before and waits were reckoned from there; one that is set
 * forward makes things due early, which does no harm.
 */
export function createSteadyNow(clock: Clock): () => EpochMs {
  let offsetMs = clock.now() - clock.monotonic();
  return () => {
    offsetMs = Math.max(offsetMs, clock.now() - clock.monotonic());
    return Math.floor(clock.monotonic() + offsetMs) as EpochMs;
  };
}
