import type { Clock, EpochMs, MonotonicMs } from './clock.ts';

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export interface FakeClock extends Clock {
  /** Moves time forward, firing timers in order of their due time, and lets their promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Makes the wall clock jump without any timer noticing. */
  jumpWall(ms: number): void;
}

/** A clock that stands still until told: tests and rule back-tests use it in place of `systemClock`. */
export function createFakeClock(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)): FakeClock {
  let wallOffsetMs = startMs;
  let elapsedMs = 0;
  let order = 0;
  let waiting: Waiting[] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return {
    now: () => (wallOffsetMs + elapsedMs) as EpochMs,
    monotonic: () => elapsedMs as MonotonicMs,
    after: (delayMs, callback) => {
      const entry: Waiting = { dueMs: elapsedMs + Math.max(delayMs, 0), order: (order += 1), callback };
      waiting.push(entry);
      return {
        cancel: () => {
          waiting = waiting.filter((other) => other !== entry);
        },
      };
    },
    advance: async (ms) => {
      const untilMs = elapsedMs + ms;
      for (;;) {
        const next = waiting
          .filter((w) => w.dueMs <= untilMs)
          .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
        if (!next) break;
        waiting = waiting.filter((w) => w !== next);
        elapsedMs = Math.max(elapsedMs, next.dueMs);
        next.callback();
        await settle();
      }
      elapsedMs = untilMs;
      await settle();
    },
    jumpWall: (ms) => {
      wallOffsetMs += ms;
    },
  };
}
