/** `always` keeps the gate open: for a camera that is not to be trusted, or whose box has cores to spare. */
export const sensitivityNames = ['low', 'normal', 'high', 'always'] as const;
export type Sensitivity = (typeof sensitivityNames)[number];

/** Limits are multiplied with this. */
export const sensitivities: Readonly<Record<Sensitivity, number>> = { low: 1.6, normal: 1, high: 0.7, always: 1 };

/** Figures of the gate; how they came about: decisions/compressed-gate.md. Weights are log2: 0.1 is 7 %, 0.3 is 23 %. */
export const tuning = {
  /** A picture that costs less than this share of a key picture weighs no less (log2). */
  floor: Math.log2(0.01),
  /** Log2 of bytes for each step of the quantiser. */
  quantiserSlope: 0.25,
  /** Times further back, or a gap longer than this, are a break. */
  backMs: 2000,
  gapMs: 10_000,
  /** Open for so long at first: enough blocks to know their spread; and until two GOPs have passed, up to the longer time. */
  learnMs: 10_000,
  learnMostMs: 120_000,
  /** Open for so long after the last sign: a car that stops is still being read. */
  holdMs: 1500,
  /** A block has at least so many pictures and lasts so long. */
  blockPictures: 4,
  blockMs: 320,
  /** About 100 s. */
  keptBlocks: 300,
  /** The quiet level: shortest interval with this share of the blocks; among those up to `clusterSlack` as wide, the lowest. */
  clusterRatio: 0.2,
  clusterLeast: 10,
  clusterSlack: 1.3,
  clusterWidth: 0.7,
  /** Limits of the rise of one block: spreads, bounded. */
  fastFactor: 6,
  fastLeast: 0.06,
  fastMost: 0.8,
  /** The same for the newest `slowBlocks` together. */
  slowFactor: 3.5,
  slowLeast: 0.03,
  slowMost: 0.4,
  /** A slow limit (before it is bounded) above this could hide a car: every key picture is to be looked at. */
  doubtMost: 0.35,
  slowBlocks: 5,
  /** Taken over when the middle of so many blocks has fallen by so much. */
  fallBlocks: 8,
  fallFactor: 5,
  fallLeast: 0.2,
  /** Taken over when so many blocks have risen and stand still: 13 s. */
  plateauBlocks: 40,
  plateauFactor: 4,
  plateauLeast: 0.15,
  /** Key pictures rarer than this: limits times the scale. */
  rareKeyMs: 4500,
  rareKeyScale: 0.35,
  /** Key pictures against the middle of the kept ones. */
  leastKeys: 4,
  keptKeys: 8,
  keyLeast: 0.03,
  keyFactor: 10,
  keyMost: 0.3,
  /** A key picture before this share of the usual interval, where intervals are regular to this share. */
  earlyKeyRatio: 0.6,
  regularRatio: 0.85,
  /** Pictures closer together than this share of the usual interval: a sparing camera wakes up. */
  rateRatio: 0.5,
  intervalGain: 0.01,
  /** Learning of the course between key pictures: share of the error taken over, when shut and when open; clipped after the first few. */
  shapeMemory: 100,
  shapeFirst: 6,
  shapeGain: 0.1,
  shapeGainOpen: 0.03,
  shapeStep: 0.5,
  /** Judged by decoded pictures: so many blocks back. */
  calmMarks: 32,
  /** A rise that was harmless counts half after so long; a rise this much above it is a sign again. */
  calmHalfLifeMs: 60_000,
  calmMargin: 1.2,
  /** However harmless, more than this opens the gate. */
  calmFastMost: 0.8,
  calmSlowMost: 0.4,
};
