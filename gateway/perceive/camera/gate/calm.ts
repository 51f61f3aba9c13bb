import { tuning } from './tuning.ts';

/** How far a measure lay above its quiet level, and when. */
interface Mark {
  readonly atMs: number;
  readonly fastRise: number;
  readonly slowRise: number;
}

/**
 * What decoded pictures have taught of one stream: how far its measures rise while nothing moves. A rate control that
 * swings, rain that sets in: no more than what was seen to be harmless opens the gate, for as long as that is fresh.
 */
export interface Calm {
  /** Of the newest blocks, oldest first; what is still to be judged. */
  readonly marks: readonly Mark[];
  /** Largest that were harmless, log2, as of `atMs`; they fade. */
  readonly fastRise: number;
  readonly slowRise: number;
  readonly atMs: number;
}

export const noCalm: Calm = { marks: [], fastRise: 0, slowRise: 0, atMs: 0 };

export function noteBlock(calm: Calm, mark: Mark): Calm {
  return { ...calm, marks: [...calm.marks.slice(1 - tuning.calmMarks), mark] };
}

/** Nothing moved from `fromMs` to `untilMs`: whatever rose in that time was harmless. */
export function learnCalm(calm: Calm, fromMs: number, untilMs: number): Calm {
  const marks = calm.marks.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
  const known = harmlessAt(calm, untilMs);
  const most = (values: readonly number[]): number => values.reduce((largest, value) => Math.max(largest, value), 0);
  return {
    ...calm,
    fastRise: Math.max(known.fastRise, most(marks.map(({ fastRise }) => fastRise))),
    slowRise: Math.max(known.slowRise, most(marks.map(({ slowRise }) => slowRise))),
    atMs: untilMs,
  };
}

/** The times are another stream's clock now. */
export function calmAfterBreak(calm: Calm, lastMs: number, nowMs: number): Calm {
  return { ...calm, marks: [], atMs: nowMs - Math.max(0, lastMs - calm.atMs) };
}

/** Limits that what was harmless up to now must not pass; 0: none known. */
export function harmlessAt(calm: Calm, nowMs: number): { readonly fastRise: number; readonly slowRise: number } {
  const left = 2 ** (-Math.max(0, nowMs - calm.atMs) / tuning.calmHalfLifeMs);
  return {
    fastRise: Math.min(calm.fastRise * left, tuning.calmFastMost),
    slowRise: Math.min(calm.slowRise * left, tuning.calmSlowMost),
  };
}
