import { calmAfterBreak, harmlessAt, learnCalm, noCalm, noteBlock, type Calm } from './calm.ts';
import { addBlock, emptyLevel, levelOf, type LevelState } from './level.ts';
import { sensitivities, tuning, type Sensitivity } from './tuning.ts';

/** One coded picture, in the order in which it came. */
export interface GateInput {
  readonly key: boolean;
  /** Bytes of the picture's slices, as `PictureMeter` weighs them; bytes of the whole sample will do where it cannot. */
  readonly sizeBytes: number;
  /** Luma quantiser of the picture, 0 to 51; null where it is not known. */
  readonly quantiser: number | null;
  /** Decode time since the stream began. */
  readonly mediaTimeMs: number;
  /** Whether it is a B picture; these are small and need a measure of their own. */
  readonly bidirectional?: boolean;
  /** Decoding may begin here although it is no key picture: the stream refreshes itself bit by bit and has no others. */
  readonly recovery?: boolean;
}

export const gateReasons = [
  'learning',
  'inter-size',
  'inter-size-slow',
  'picture-rate',
  'no-key-pictures',
  'break',
  'asked',
  'always',
  'hold',
  'quiet',
] as const;
/** Why the gate is as it is. `hold`: nothing moves any more, but it did a moment ago. `asked`: `openGate` was called. */
export type GateReason = (typeof gateReasons)[number];

export interface GateDecision {
  readonly open: boolean;
  readonly reason: GateReason;
  /**
   * Look at this picture if it is a key picture: sizes say little here, as noise or weather moves them as much as a car
   * would; or it is itself of another size than those before it, or before its time.
   */
  readonly doubtful: boolean;
}

/** All that the gate remembers of one stream: numbers and lists of bounded length, fit for JSON. */
export interface GateState {
  readonly sensitivity: Sensitivity;
  readonly pictures: number;
  readonly startedMs: number;
  readonly lastMs: number;
  readonly lastKey: boolean;
  readonly sinceKey: number;
  /** How much larger than the level a picture at this place after a key picture is wont to be, log2. */
  readonly shape: readonly number[];
  readonly seen: readonly number[];
  /** The block that is being filled: sum of residuals, pictures, first picture's time. */
  readonly blockSum: number;
  readonly blockCount: number;
  readonly blockFromMs: number;
  readonly level: LevelState;
  /** Weights of the last key pictures, log2, and the pictures between them. */
  readonly keys: readonly number[];
  readonly keyGaps: readonly number[];
  /** Their median. */
  readonly keyCost: number;
  /** The stream has no key pictures that a net could look at. */
  readonly refreshes: boolean;
  /** When the last key picture came, and how long after the one before it. */
  readonly lastKeyMs: number;
  readonly keyGapMs: number;
  readonly usualIntervalMs: number;
  readonly quantiser: number;
  readonly openUntilMs: number;
  readonly reason: GateReason;
  /** When the last sign of movement came. */
  readonly signMs: number;
  readonly doubtful: boolean;
  readonly calm: Calm;
}

/** A camera's gate before its first picture, and after every break: a new connection, codec or picture size. */
export function newGate(sensitivity: Sensitivity): GateState {
  return {
    sensitivity,
    pictures: 0,
    startedMs: 0,
    lastMs: 0,
    lastKey: false,
    sinceKey: 0,
    shape: Array.from({ length: bucketCount * 2 }, () => 0),
    seen: Array.from({ length: bucketCount * 2 }, () => 0),
    blockSum: 0,
    blockCount: 0,
    blockFromMs: 0,
    level: emptyLevel,
    keys: [],
    keyGaps: [],
    keyCost: 0,
    refreshes: false,
    lastKeyMs: 0,
    keyGapMs: 0,
    usualIntervalMs: 0,
    quantiser: 0,
    openUntilMs: 0,
    reason: 'learning',
    signMs: 0,
    doubtful: false,
    calm: noCalm,
  };
}

/** Opens the gate from outside for a while: something was seen in a key picture. */
export function openGate(state: GateState, forMs: number): GateState {
  return { ...state, openUntilMs: Math.max(state.openUntilMs, state.lastMs + forMs), reason: 'asked' };
}

/**
 * Decoded pictures have shown that nothing moved from `fromMs` to `untilMs` (decode time): shuts the gate unless there was
 * a sign since, and does not open it again for no more than that for a while.
 */
export function calmGate(state: GateState, fromMs: number, untilMs: number): GateState {
  const calm = learnCalm(state.calm, fromMs, untilMs);
  const { fast, slow } = limitsWith(calm, untilMs);
  const later = calm.marks.some(
    ({ atMs, fastRise, slowRise }) => atMs > untilMs && (fastRise > fast || slowRise > slow),
  );
  const strange = state.signMs > untilMs && !sizeReasons.has(state.reason);
  return { ...state, calm, openUntilMs: later || strange || isLearning(state) ? state.openUntilMs : state.lastMs };
}

/** Until two GOPs are known: with one of a minute there is little that a net could look at, and little else to go by. */
function isLearning({ startedMs, lastMs, keys }: GateState): boolean {
  const knownMs = lastMs - startedMs;
  return knownMs < tuning.learnMs || (keys.length < 3 && knownMs < tuning.learnMostMs);
}

/** Signs that are a matter of how much. */
const sizeReasons: ReadonlySet<GateReason> = new Set(['inter-size', 'inter-size-slow']);

/** What was harmless, and a little more. */
function limitsWith(calm: Calm, nowMs: number): { fast: number; slow: number } {
  const known = harmlessAt(calm, nowMs);
  return { fast: known.fastRise * tuning.calmMargin, slow: known.slowRise * tuning.calmMargin };
}

/** 16 places after a key picture one by one, then four for each doubling: 36 reach to 512 pictures. */
const bucketCount = 36;
const bucketOf = (sinceKey: number): number =>
  sinceKey < 16 ? sinceKey : Math.min(bucketCount - 1, 16 + Math.floor(4 * Math.log2(sinceKey / 16)));

/**
 * Takes one picture and says whether something may be moving. Pure; a few µs.
 *
 * A picture's weight is log2(bytes) + quantiser × slope: what motion costs, whether the encoder pays in bits (variable
 * bit rate) or in quality (constant). Its usual course between key pictures is taken off; what is left is averaged over
 * blocks and set against the quiet level of the last minutes (`level.ts`).
 */
export function watchPicture(before: GateState, input: GateInput): { state: GateState; decision: GateDecision } {
  let state = before;
  const elapsedMs = input.mediaTimeMs - state.lastMs;
  const broke = state.pictures > 0 && (elapsedMs < -tuning.backMs || elapsedMs > tuning.gapMs);
  if (broke) state = afterBreak(state, input.mediaTimeMs);
  const first = state.pictures === 0;
  const quantiser = input.quantiser ?? state.quantiser;
  const cost = Math.log2(input.sizeBytes + 1) + quantiser * tuning.quantiserSlope;
  // A picture that costs next to nothing beside a key picture weighs as much as any other such: 30 or 60 bytes are one.
  const weight = input.key ? cost : log2Sum(cost, state.keyCost + tuning.floor);
  const sinceKey = input.key ? 0 : state.sinceKey + 1;
  const intervalMs = Math.max(0, elapsedMs);
  state = {
    ...state,
    pictures: state.pictures + 1,
    startedMs: first ? input.mediaTimeMs : state.startedMs,
    lastMs: broke || first ? input.mediaTimeMs : Math.max(state.lastMs, input.mediaTimeMs),
    lastKey: input.key,
    refreshes: state.refreshes || input.recovery === true,
    sinceKey,
    quantiser,
  };
  let reason: GateReason | null = null;
  if (first || broke) reason = broke ? 'break' : 'learning';
  else if (isLearning(state)) reason = 'learning';
  // Nothing lies under the gate then, and sizes alone missed 4 of 18 passages.
  else if (state.refreshes) reason = 'no-key-pictures';

  const keyed = input.key ? takeKey(state, before, cost) : { state, odd: false };
  state = keyed.state;
  // A stream of key pictures alone is judged by them.
  if (!input.key || before.lastKey) {
    const found = takeInter(
      state,
      weight,
      bucketOf(sinceKey) + (input.bidirectional === true ? bucketCount : 0),
      intervalMs,
    );
    state = found.state;
    reason ??= found.reason;
  }
  return decide(state, reason, keyed.odd);
}

function decide(
  state: GateState,
  reason: GateReason | null,
  odd: boolean,
): { state: GateState; decision: GateDecision } {
  const now = state.lastMs;
  const doubtful = state.doubtful || odd;
  if (state.sensitivity === 'always') return { state, decision: { open: true, reason: 'always', doubtful } };
  const next =
    reason === null
      ? state
      : { ...state, openUntilMs: Math.max(state.openUntilMs, now + tuning.holdMs), reason, signMs: now };
  const open = now < next.openUntilMs;
  const shown = reason ?? (open ? (next.reason === 'asked' ? 'asked' : 'hold') : 'quiet');
  return { state: next, decision: { open, reason: shown, doubtful } };
}

/** Time jumped: what was learned of sizes stays true, what hangs on time does not. */
function afterBreak(state: GateState, nowMs: number): GateState {
  return {
    ...state,
    lastMs: nowMs,
    lastKeyMs: nowMs,
    keyGapMs: 0,
    blockSum: 0,
    blockCount: 0,
    openUntilMs: 0,
    usualIntervalMs: 0,
    calm: calmAfterBreak(state.calm, state.lastMs, nowMs),
  };
}

/** `odd`: another key picture than one would expect. */
function takeKey(state: GateState, before: GateState, cost: number): { state: GateState; odd: boolean } {
  const { keys, keyGaps } = state;
  const scale = sensitivities[state.sensitivity];
  let odd = false;
  if (keys.length >= tuning.leastKeys) {
    const middle = median(keys);
    const spread = median(keys.map((key) => Math.abs(key - middle)));
    const limit = Math.min(tuning.keyMost, Math.max(tuning.keyLeast, tuning.keyFactor * spread)) * scale;
    odd = Math.abs(cost - middle) > limit;
  }
  const gap = before.sinceKey + 1;
  if (keyGaps.length >= tuning.leastKeys && gap < median(keyGaps) * tuning.earlyKeyRatio) {
    // Only where the camera is regular otherwise.
    odd ||= Math.min(...keyGaps) > median(keyGaps) * tuning.regularRatio;
  }
  const last = (list: readonly number[], value: number): number[] => [...list.slice(1 - tuning.keptKeys), value];
  return {
    state: {
      ...state,
      keys: last(keys, cost),
      keyCost: median(last(keys, cost)),
      lastKeyMs: state.lastMs,
      keyGapMs: keys.length === 0 ? 0 : state.lastMs - state.lastKeyMs,
      keyGaps: before.pictures > 0 && before.sinceKey > 0 ? last(keyGaps, gap) : keyGaps,
    },
    odd,
  };
}

function takeInter(
  state: GateState,
  weight: number,
  bucket: number,
  intervalMs: number,
): { state: GateState; reason: GateReason | null } {
  const seen = state.seen[bucket] ?? 0;
  const known = state.level.fast.values.length > 0;
  // A place that was never seen takes the level as it is, so that it says neither rise nor fall.
  const shape = seen === 0 ? (known ? weight - (state.level.fast.values.at(-1) ?? 0) : 0) : (state.shape[bucket] ?? 0);
  const residual = weight - shape;
  const blockFromMs = state.blockCount === 0 ? state.lastMs - intervalMs : state.blockFromMs;
  let next: GateState = {
    ...state,
    shape: withShape(state, bucket, seen, shape, weight),
    seen: seen < tuning.shapeMemory ? state.seen.with(bucket, seen + 1) : state.seen,
    blockSum: state.blockSum + residual,
    blockCount: state.blockCount + 1,
    blockFromMs,
  };
  if (next.blockCount < tuning.blockPictures || next.lastMs - blockFromMs < tuning.blockMs)
    return { state: next, reason: null };
  const level = addBlock(next.level, next.blockSum / next.blockCount);
  const found = levelOf(level);
  const meanIntervalMs = (next.lastMs - blockFromMs) / next.blockCount;
  const usual = next.usualIntervalMs === 0 ? meanIntervalMs : next.usualIntervalMs;
  // Where key pictures are rare, the net under the gate is too: what the gate does not notice, nobody does.
  const rare = Math.max(state.keyGapMs, next.lastMs - state.lastKeyMs) > tuning.rareKeyMs;
  const scale = sensitivities[state.sensitivity] * (rare ? tuning.rareKeyScale : 1);
  let reason: GateReason | null = null;
  const harmless = limitsWith(state.calm, next.lastMs);
  if (found.fastRise > Math.max(found.fastLimit * scale, harmless.fast)) reason = 'inter-size';
  else if (found.slowRise > Math.max(found.slowLimit * scale, harmless.slow)) reason = 'inter-size-slow';
  else if (meanIntervalMs < usual * tuning.rateRatio) reason = 'picture-rate';
  next = {
    ...next,
    level,
    blockSum: 0,
    blockCount: 0,
    usualIntervalMs: usual + (meanIntervalMs - usual) * tuning.intervalGain,
    // Where pictures had to teach that a rise is harmless, a car may make no more of one.
    doubtful: found.doubtful || harmless.slow > tuning.slowMost || harmless.fast > tuning.fastMost,
    calm: noteBlock(state.calm, { atMs: next.lastMs, fastRise: found.fastRise, slowRise: found.slowRise }),
  };
  return { state: next, reason };
}

/** The usual course between key pictures, learned while nothing moves, or while there is not much to go by. */
function withShape(state: GateState, bucket: number, seen: number, shape: number, weight: number): readonly number[] {
  if (seen === 0) return state.shape.with(bucket, shape);
  if (state.level.fast.values.length === 0) return state.shape;
  const quiet = state.lastMs >= state.openUntilMs || state.lastMs - state.startedMs < tuning.learnMs;
  // Against the level of the moment, so that a rise of all pictures does not pass for a course.
  const error = weight - (state.level.slow.values.at(-1) ?? 0) - shape;
  const gain = Math.max(1 / (seen + 1), quiet ? tuning.shapeGain : tuning.shapeGainOpen);
  // A first guess may be far off; later one odd picture must not spoil it.
  const most = seen < tuning.shapeFirst ? Infinity : tuning.shapeStep;
  const step = Math.max(-most, Math.min(most, error)) * gain;
  return state.shape.with(bucket, shape + step);
}

/** log2(2^a + 2^b). */
const log2Sum = (a: number, b: number): number => Math.max(a, b) + Math.log2(1 + 2 ** -Math.abs(a - b));

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
