import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';

/** Lets one part of a channel know that another has just got through. */
export interface Nudge {
  /** The far side has answered a delivery. */
  arrived(): void;
  /** A pause of `ms`, which ends once something has arrived, though never before `leastMs`; or when the signal aborts. */
  pause(ms: number, leastMs: number, signal: AbortSignal): Promise<void>;
}

export function createNudge(clock: Clock): Nudge {
  let wake: (() => void) | null = null;
  return {
    arrived: () => wake?.(),
    pause: async (ms, leastMs, signal) => {
      const early = new AbortController();
      const end = (): void => early.abort();
      wake = end;
      signal.addEventListener('abort', end, { once: true });
      await pause(clock, Math.min(ms, leastMs), signal);
      if (ms > leastMs && !signal.aborted) await pause(clock, ms - leastMs, early.signal);
      signal.removeEventListener('abort', end);
      wake = null;
    },
  };
}
