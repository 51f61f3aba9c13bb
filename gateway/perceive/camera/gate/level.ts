import { tuning } from './tuning.ts';

/** Means of blocks of pictures and what they say of the quiet level. Log2 throughout. */
export interface LevelState {
  /** Oldest first. */
  readonly blocks: readonly number[];
  /** The same, smallest first: keeping them sorted is cheaper than sorting them for each block. */
  readonly ranked: readonly number[];
  /** The newest block. */
  readonly last: number;
  /** Level of the quiet scene, and the spread of blocks about it (one standard deviation, robust). */
  readonly quiet: number;
  readonly spread: number;
}

export const emptyLevel: LevelState = { blocks: [], ranked: [], last: 0, quiet: 0, spread: 0 };

export interface LevelFinding {
  /** How far the newest block, and the newest few together, lie above the quiet level, and what is allowed. */
  readonly fastRise: number;
  readonly fastLimit: number;
  readonly slowRise: number;
  readonly slowLimit: number;
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
 * Adds a block. The quiet level comes from the lower part of the last minutes, so that traffic for half of the time does
 * not lift it; a level that has fallen is taken over within seconds, one that has risen and then stands still within
 * `plateauBlocks` (infrared lamp, rain, another bit rate).
 */
export function addBlock(before: LevelState, block: number): LevelState {
  let blocks = [...before.blocks, block];
  let ranked = before.ranked.slice();
  ranked.splice(placeOf(ranked, block), 0, block);
  if (blocks.length > tuning.keptBlocks) {
    ranked.splice(placeOf(ranked, blocks[0] as number), 1);
    blocks = blocks.slice(1);
  }
  const keep = keptAfterChange(blocks, before);
  if (keep < blocks.length) {
    blocks = blocks.slice(-keep);
    ranked = rank(blocks);
  }
  // For a normal spread the 10 % and 30 % points lie 0.76 of it apart, the 30 % point 0.52 of it below the middle.
  const spread = (at(ranked, 0.3) - at(ranked, 0.1)) / 0.76;
  return { blocks, ranked, last: block, quiet: at(ranked, 0.3) + 0.52 * spread, spread };
}

/** How many of the newest blocks still count: fewer than all where the scene's level has changed for good. */
function keptAfterChange(blocks: readonly number[], { quiet, spread }: LevelState): number {
  const newest = blocks.at(-1) ?? 0;
  if (newest < quiet && blocks.length > tuning.fallBlocks) {
    const fall = quiet - at(rank(blocks.slice(-tuning.fallBlocks)), 0.5);
    if (fall > Math.max(tuning.fallLeast, tuning.fallFactor * spread)) return tuning.fallBlocks;
  }
  if (newest - quiet > tuning.fastLeast && blocks.length > tuning.plateauBlocks) {
    const tail = rank(blocks.slice(-tuning.plateauBlocks));
    const risen = at(tail, 0.1) - quiet > tuning.fastLeast;
    if (risen && at(tail, 0.9) - at(tail, 0.1) < Math.max(tuning.plateauLeast, tuning.plateauFactor * spread))
      return tuning.plateauBlocks;
  }
  return blocks.length;
}

export function levelOf({ blocks, last, quiet, spread }: LevelState): LevelFinding {
  const fast = tuning.fastFactor * spread;
  const slow = tuning.slowFactor * spread;
  return {
    fastRise: last - quiet,
    fastLimit: Math.min(tuning.fastMost, Math.max(tuning.fastLeast, fast)),
    slowRise: mean(blocks.slice(-tuning.slowBlocks)) - quiet,
    slowLimit: Math.min(tuning.slowMost, Math.max(tuning.slowLeast, slow)),
    doubtful: fast > tuning.fastMost,
  };
}
