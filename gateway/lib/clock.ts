import type { Brand } from './brand.ts';

/** Milliseconds since 1970-01-01T00:00Z, as the wall clock says. Can jump. */
export type EpochMs = Brand<number, 'EpochMs'>;
/** Milliseconds since some moment in this process's life. Never jumps, means nothing in another process. */
export type MonotonicMs = Brand<number, 'MonotonicMs'>;

export interface Timer {
  cancel(): void;
}

/** Time as a collaborator, so that tests can hold it still. */
export interface Clock {
  now(): EpochMs;
  monotonic(): MonotonicMs;
  /** Calls `callback` once, `delayMs` from now. The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now() as MonotonicMs,
  after: (delayMs, callback) => {
    // setTimeout's longest delay is 2^31-1 ms; longer waits would fire at once.
    const handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), 2_147_483_647));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Asks the clock to call `work` every `periodMs`, the next wait starting when `work` has ended. */
export function repeat(clock: Clock, periodMs: number, work: () => void | Promise<void>): Timer {
  let cancelled = false;
  let timer: Timer = { cancel: () => undefined };
  const schedule = (): void => {
    timer = clock.after(periodMs, () => {
      void Promise.resolve(work()).finally(() => {
        if (!cancelled) schedule();
      });
    });
  };
  schedule();
  return {
    cancel: () => {
      cancelled = true;
      timer.cancel();
    },
  };
}
