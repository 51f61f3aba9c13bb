/** `always` keeps the gate open: for a camera that is not to be trusted, or whose box has cores to spare. */
export const sensitivityNames = ['low', 'normal', 'high', 'always'] as const;
export type Sensitivity = (typeof sensitivityNames)[number];

/** Limits are multiplied with this. */
export const sensitivities: Readonly<Record<Sensitivity, number>> = { low: 1.6, normal: 1, high: 0.7, always: 1 };

/** Figures of the gate; how they came about: decisions/compressed-gate.md. Weights are log2: 0.1 is 7 %, 0.3 is 23 %. */
export const tuning = {
  floor: Math.log2(0.01),
  quantiserSlope: 0.25,
  backMs: 2000,
  gapMs: 10_000,
  learnMs: 10_000,
  holdMs: 1500,
  blockPictures: 4,
  blockMs: 320,
  keptBlocks: 300,
  clusterRatio: 0.2,
  clusterLeast: 10,
  clusterSlack: 1.3,
  clusterWidth: 0.7,
  fastFactor: 6,
  fastLeast: 0.06,
  fastMost: 0.8,
  slowFactor: 3.5,
  slowLeast: 0.03,
  slowMost: 0.4,
  doubtMost: 0.2,
  slowBlocks: 5,
  fallBlocks: 8,
  fallFactor: 5,
  fallLeast: 0.2,
  plateauBlocks: 40,
  plateauFactor: 4,
  plateauLeast: 0.15,
  rareKeyMs: 4500,
  rareKeyScale: 0.35,
  leastKeys: 4,
  keptKeys: 8,
  keyLeast: 0.03,
  keyFactor: 10,
  keyMost: 0.3,
  earlyKeyRatio: 0.6,
  regularRatio: 0.85,
  rateRatio: 0.5,
  intervalGain: 0.01,
  shapeMemory: 100,
  shapeFirst: 6,
  shapeGain: 0.1,
  shapeGainOpen: 0.03,
  shapeStep: 0.5,
};
