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
  const state: Draft = { ...before };
  const elapsedMs = input.mediaTimeMs - before.lastMs;
  const broke = before.pictures > 0 && (elapsedMs < -tuning.backMs || elapsedMs > tuning.gapMs);
  if (broke) breakOff(state, input.mediaTimeMs);
  const first = before.pictures === 0;
  const quantiser = input.quantiser ?? before.quantiser;
  const cost = Math.log2(input.sizeBytes + 1) + quantiser * tuning.quantiserSlope;
  // A picture that costs next to nothing beside a key picture weighs as much as any other such: 30 or 60 bytes are one.
  const weight = input.key ? cost : log2Sum(cost, state.keyCost + tuning.floor);
  const sinceKey = input.key ? 0 : before.sinceKey + 1;
  state.pictures += 1;
  if (first) state.startedMs = input.mediaTimeMs;
  state.lastMs = broke || first ? input.mediaTimeMs : Math.max(before.lastMs, input.mediaTimeMs);
  state.lastKey = input.key;
  state.refreshes ||= input.recovery === true;
  state.sinceKey = sinceKey;
  state.quantiser = quantiser;
  let reason: GateReason | null = null;
  if (first || broke) reason = broke ? 'break' : 'learning';
  else if (isLearning(state)) reason = 'learning';
  // Nothing lies under the gate then, and sizes alone missed 4 of 18 passages.
  else if (state.refreshes) reason = 'no-key-pictures';

  const odd = input.key && takeKey(state, before, cost);
  // A stream of key pictures alone is judged by them.
  if (!input.key || before.lastKey) {
    const bucket = bucketOf(sinceKey) + (input.bidirectional === true ? bucketCount : 0);
    const found = takeInter(state, weight, bucket, Math.max(0, elapsedMs));
    reason ??= found;
  }
  return { state, decision: decide(state, reason, odd) };
}

/** The next state while it is being made: one copy a picture, changed in place. Lists in it are replaced, never changed. */
type Draft = { -readonly [Key in keyof GateState]: GateState[Key] };

function decide(state: Draft, reason: GateReason | null, odd: boolean): GateDecision {
  const doubtful = state.doubtful || odd;
  if (state.sensitivity === 'always') return { open: true, reason: 'always', doubtful };
  const now = state.lastMs;
  if (reason !== null) {
    state.openUntilMs = Math.max(state.openUntilMs, now + tuning.holdMs);
    state.reason = reason;
    state.signMs = now;
  }
  const open = now < state.openUntilMs;
  return { open, reason: reason ?? (open ? (state.reason === 'asked' ? 'asked' : 'hold') : 'quiet'), doubtful };
}

/** Time jumped: what was learned of sizes stays true, what hangs on time does not. */
function breakOff(state: Draft, nowMs: number): void {
  state.calm = calmAfterBreak(state.calm, state.lastMs, nowMs);
  state.lastMs = nowMs;
  state.lastKeyMs = nowMs;
  state.keyGapMs = 0;
  state.blockSum = 0;
  state.blockCount = 0;
  state.openUntilMs = 0;
  state.usualIntervalMs = 0;
}

/** True for another key picture than one would expect. */
function takeKey(state: Draft, before: GateState, cost: number): boolean {
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
  state.keyGapMs = keys.length === 0 ? 0 : state.lastMs - state.lastKeyMs;
  state.lastKeyMs = state.lastMs;
  state.keys = last(keys, cost);
  state.keyCost = median(state.keys);
  if (before.pictures > 0 && before.sinceKey > 0) state.keyGaps = last(keyGaps, gap);
  return odd;
}

function takeInter(state: Draft, weight: number, bucket: number, intervalMs: number): GateReason | null {
  const seen = state.seen[bucket] ?? 0;
  const known = state.level.fast.values.length > 0;
  // A place that was never seen takes the level as it is, so that it says neither rise nor fall.
  const shape = seen === 0 ? (known ? weight - (state.level.fast.values.at(-1) ?? 0) : 0) : (state.shape[bucket] ?? 0);
  state.shape = withShape(state, bucket, seen, shape, weight);
  if (seen < tuning.shapeMemory) state.seen = state.seen.with(bucket, seen + 1);
  if (state.blockCount === 0) state.blockFromMs = state.lastMs - intervalMs;
  state.blockSum += weight - shape;
  state.blockCount += 1;
  const blockMs = state.lastMs - state.blockFromMs;
  if (state.blockCount < tuning.blockPictures || blockMs < tuning.blockMs) return null;
  state.level = addBlock(state.level, state.blockSum / state.blockCount);
  const found = levelOf(state.level);
  const meanIntervalMs = blockMs / state.blockCount;
  const usual = state.usualIntervalMs === 0 ? meanIntervalMs : state.usualIntervalMs;
  // Where key pictures are rare, the net under the gate is too: what the gate does not notice, nobody does.
  const rare = Math.max(state.keyGapMs, state.lastMs - state.lastKeyMs) > tuning.rareKeyMs;
  const scale = sensitivities[state.sensitivity] * (rare ? tuning.rareKeyScale : 1);
  let reason: GateReason | null = null;
  const harmless = limitsWith(state.calm, state.lastMs);
  if (found.fastRise > Math.max(found.fastLimit * scale, harmless.fast)) reason = 'inter-size';
  else if (found.slowRise > Math.max(found.slowLimit * scale, harmless.slow)) reason = 'inter-size-slow';
  else if (meanIntervalMs < usual * tuning.rateRatio) reason = 'picture-rate';
  state.blockSum = 0;
  state.blockCount = 0;
  state.usualIntervalMs = usual + (meanIntervalMs - usual) * tuning.intervalGain;
  // Where pictures had to teach that a rise is harmless, a car may make no more of one.
  state.doubtful = found.doubtful || harmless.slow > tuning.slowMost || harmless.fast > tuning.fastMost;
  state.calm = noteBlock(state.calm, { atMs: state.lastMs, fastRise: found.fastRise, slowRise: found.slowRise });
  return reason;
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
