import { tuning } from './tuning.ts';

/** The last minutes of one measure, and what they say of it while nothing moves. Log2 throughout. */
export interface Course {
  /** Oldest first. */
  readonly values: readonly number[];
  /** The same, smallest first: keeping them ranked is cheaper than sorting them each time. */
  readonly ranked: readonly number[];
  /** Its middle in a quiet scene, and the spread about it (one standard deviation, robust). */
  readonly quiet: number;
  readonly spread: number;
}

/** Two measures of one stream: means of blocks of pictures, and means of the newest few blocks, which tell small rises from chance. */
export interface LevelState {
  readonly fast: Course;
  readonly slow: Course;
}

const emptyCourse: Course = { values: [], ranked: [], quiet: 0, spread: 0 };
export const emptyLevel: LevelState = { fast: emptyCourse, slow: emptyCourse };

export interface LevelFinding {
  /** How far the newest block, and the newest few together, lie above the quiet level, and what is allowed. */
  readonly fastRise: number;
  readonly fastLimit: number;
  readonly slowRise: number;
  readonly slowLimit: number;
  /** The spread is so large that the limits would hide a car, were they not cut off. */
  readonly doubtful: boolean;
}

const at = (ranked: readonly number[], share: number): number => ranked[Math.round(share * (ranked.length - 1))] ?? 0;
const rank = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** First place whose value is not less than `value`. */
function placeOf(ranked: readonly number[], value: number): number {
  let low = 0;
  let high = ranked.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranked[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Where the values lie closest together: a quiet scene gives nearly the same value again and again, whatever moves gives
 * all sorts. So the quiet level is found even when something moves for most of the time; of two places that are about as
 * close the lower one counts. Shortest interval that holds a fifth of the values (Grübel's shorth, with a fifth for a half).
 */
function quietOf(ranked: readonly number[]): { quiet: number; spread: number } {
  const held = Math.max(Math.min(ranked.length, tuning.clusterLeast), Math.ceil(ranked.length * tuning.clusterRatio));
  let narrowest = Infinity;
  for (let from = 0; from + held <= ranked.length; from += 1)
    narrowest = Math.min(narrowest, (ranked[from + held - 1] as number) - (ranked[from] as number));
  for (let from = 0; from + held <= ranked.length; from += 1) {
    const [low, high] = [ranked[from] as number, ranked[from + held - 1] as number];
    if (high - low > narrowest * tuning.clusterSlack) continue;
    // A fifth about the middle of a normal spread is half of it wide if all is quiet, once it if half is.
    return { quiet: (low + high) / 2, spread: (high - low) / tuning.clusterWidth };
  }
  return { quiet: 0, spread: 0 };
}

/** Adds a value and keeps at most `keep` of the newest. */
function extend(course: Course, value: number, keep: number): Course {
  const { length } = course.values;
  if (length > keep) return courseOf([...course.values, value].slice(-keep));
  if (length < keep) {
    const ranked = course.ranked.toSpliced(placeOf(course.ranked, value), 0, value);
    return { values: [...course.values, value], ranked, ...quietOf(ranked) };
  }
  // Full, as it is for months: the oldest gives its place to the newest, in one copy each.
  const gone = placeOf(course.ranked, course.values[0] as number);
  const place = placeOf(course.ranked, value);
  const ranked = exchanged(course.ranked, gone, place > gone ? place - 1 : place, value);
  return { values: exchanged(course.values, 0, length - 1, value), ranked, ...quietOf(ranked) };
}

/** The list without what stands at `from`, and with `value` standing at `to`. */
function exchanged(list: readonly number[], from: number, to: number, value: number): number[] {
  const next = list.slice();
  for (let at = from; at < to; at += 1) next[at] = list[at + 1] as number;
  for (let at = from; at > to; at -= 1) next[at] = list[at - 1] as number;
  next[to] = value;
  return next;
}

function courseOf(values: readonly number[]): Course {
  const ranked = rank(values);
  return { values, ranked, ...quietOf(ranked) };
}

/**
 * Adds a block. A level that has fallen is taken over within seconds; one that has risen and then stands still within
 * `plateauBlocks` (infrared lamp, rain, another bit rate).
 */
export function addBlock({ fast, slow }: LevelState, block: number): LevelState {
  const change = changeOf([...fast.values.slice(-tuning.plateauBlocks), block], fast);
  if (change === 'fallen') {
    // More than half of `fallBlocks` are low; the newest half is so for sure.
    const low = [...fast.values.slice(1 - tuning.fallBlocks / 2), block];
    return { fast: courseOf(low), slow: courseOf([mean(low)]) };
  }
  const keep = change === 'risen' ? tuning.plateauBlocks : tuning.keptBlocks;
  const newest = [...fast.values.slice(1 - tuning.slowBlocks), block];
  return { fast: extend(fast, block, keep), slow: extend(slow, mean(newest), keep) };
}

/** Whether the scene's level has changed for good. */
function changeOf(blocks: readonly number[], { quiet, spread }: Course): 'fallen' | 'risen' | null {
  const newest = blocks.at(-1) ?? 0;
  if (newest < quiet && blocks.length > tuning.fallBlocks) {
    const fall = quiet - at(rank(blocks.slice(-tuning.fallBlocks)), 0.5);
    if (fall > Math.max(tuning.fallLeast, tuning.fallFactor * spread)) return 'fallen';
  }
  if (newest - quiet > tuning.fastLeast && blocks.length > tuning.plateauBlocks) {
    const tail = rank(blocks.slice(-tuning.plateauBlocks));
    const risen = at(tail, 0.1) - quiet > tuning.fastLeast;
    if (risen && at(tail, 0.9) - at(tail, 0.1) < Math.max(tuning.plateauLeast, tuning.plateauFactor * spread))
      return 'risen';
  }
  return null;
}

export function levelOf({ fast, slow }: LevelState): LevelFinding {
  const fastLimit = tuning.fastFactor * fast.spread;
  const slowLimit = tuning.slowFactor * slow.spread;
  return {
    fastRise: (fast.values.at(-1) ?? 0) - fast.quiet,
    fastLimit: Math.min(tuning.fastMost, Math.max(tuning.fastLeast, fastLimit)),
    slowRise: (slow.values.at(-1) ?? 0) - slow.quiet,
    slowLimit: Math.min(tuning.slowMost, Math.max(tuning.slowLeast, slowLimit)),
    doubtful: slowLimit > tuning.doubtMost,
  };
}
