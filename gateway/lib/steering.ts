/**
 * How a test steers the time and the disk of a process that runs: a small JSON file, named by `KANMEN_STEER` and read only
 * with `KANMEN_TEST=1` (main.ts). Several processes that read one file have one time.
 */
import { readFileSync } from 'node:fs';
import type { Clock, EpochMs, MonotonicMs, Timer } from './clock.ts';

/** `now = fromMs + (real now − realMs) × rate`. */
export interface Steering {
  readonly realMs: number;
  readonly fromMs: number;
  /** 1: as fast as time itself. */
  readonly rate: number;
  /** What a commit comes to. */
  readonly disk: 'sound' | 'full' | 'read-only';
}

const asItIs = (): Steering => ({ realMs: 0, fromMs: 0, rate: 1, disk: 'sound' });

/** What the file says; time as it is where there is none, or where it is just being written. */
export function readSteering(file: string): Steering {
  try {
    return { ...asItIs(), ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<Steering>) };
  } catch {
    return asItIs();
  }
}

const lookMs = 20;

interface Waiting {
  readonly dueMs: number;
  readonly callback: () => void;
  handle: NodeJS.Timeout | undefined;
}

/**
 * A clock whose wall time the file sets and whose speed the file sets. A new speed holds for timers that already run; a
 * wall clock that is set jumps, and monotonic time does not notice. Reads the file 50 times a second.
 */
export function createSteeredClock(file: string): Clock {
  let steering = readSteering(file);
  let sinceReal = performance.now();
  let sinceMonotonic = performance.now();
  const waiting = new Set<Waiting>();

  const monotonic = (): MonotonicMs =>
    (sinceMonotonic + (performance.now() - sinceReal) * steering.rate) as MonotonicMs;

  const arm = (entry: Waiting): void => {
    clearTimeout(entry.handle);
    // 2^31-1 ms is the longest that setTimeout knows.
    const delayMs = Math.min(Math.max((entry.dueMs - monotonic()) / steering.rate, 0), 2_147_483_647);
    entry.handle = setTimeout(() => {
      waiting.delete(entry);
      entry.callback();
    }, delayMs);
    entry.handle.unref();
  };

  setInterval(() => {
    const next = readSteering(file);
    const newRate = next.rate !== steering.rate;
    if (newRate) {
      sinceMonotonic = monotonic();
      sinceReal = performance.now();
    }
    steering = next;
    if (newRate) for (const entry of waiting) arm(entry);
  }, lookMs).unref();

  return {
    now: () => Math.floor(steering.fromMs + (Date.now() - steering.realMs) * steering.rate) as EpochMs,
    monotonic,
    after: (delayMs, callback): Timer => {
      const entry: Waiting = { dueMs: monotonic() + Math.max(delayMs, 0), callback, handle: undefined };
      waiting.add(entry);
      arm(entry);
      return {
        cancel: () => {
          waiting.delete(entry);
          clearTimeout(entry.handle);
        },
      };
    },
  };
}

/** Throws what SQLite throws when the disk is as the file says; nothing while it is sound. */
export function passSteeredDisk(file: string): void {
  const { disk } = readSteering(file);
  if (disk === 'sound') return;
  // SQLite's result codes 13 (SQLITE_FULL) and 8 (SQLITE_READONLY), where diskFaultOf looks for them.
  throw Object.assign(
    new Error(disk === 'full' ? 'database or disk is full' : 'attempt to write a readonly database'),
    {
      errcode: disk === 'full' ? 13 : 8,
    },
  );
}
