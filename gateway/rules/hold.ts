import { sourceOf, type EventKind, type GatewayEvent } from '../domain/event.ts';
import { passes, type CompiledRule, type Pattern } from './compiled-rule.ts';
import type { RuleMemory } from './memory.ts';
import { noOutcome, raise, remember, type Outcome } from './raise.ts';
import { without, type RuleState } from './rule-state.ts';
import {
  asEpoch,
  conditionHolds,
  fits,
  inForce,
  memoryKey,
  plainSituation,
  type Surroundings,
} from './surroundings.ts';
import { contextFor } from './windows.ts';

type Hold = Extract<Pattern, { kind: 'for' }>;

/** One look at the condition, for one key. */
interface Sample {
  readonly event: GatewayEvent;
  readonly holds: boolean;
}

/**
 * `for`: the condition holds from an event on until one says that it does not. An event that comes out of order, but not
 * too late, is put in its place among the ones that are known: what is remembered is then what it would be had they come
 * in order. A match that was told already is not taken back, but counted as disproved.
 */
export function stepHold(
  rule: CompiledRule,
  pattern: Hold,
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const side = rule.sides[0];
  if (!side || !passes(side.filters, event)) return noOutcome;
  const holds = inForce(rule, event.at, around) && conditionHolds(rule, side, context, around);
  if (!holds && !memory.has(rule.id)) return noOutcome;
  const key = memoryKey(rule, event, context);
  const state = memory.get(rule.id, key) ?? {};
  const sample: Sample = { event, holds };
  if (behindMs > 0) {
    if (behindMs > around.latenessMs) {
      around.count(rule.id, 'tooLate');
      return noOutcome;
    }
    const kinds = side.filters.map(({ kind }) => kind);
    const later = samplesOf(
      rule,
      key,
      memory,
      sourceOf(event),
      kinds,
      { fromMs: event.at, toMs: Infinity },
      event.receivedAt,
      around,
    );
    if (later.length > 0) return putInPlace(rule, pattern, key, state, sample, later, memory, around);
  }
  return holds
    ? stepTrue(rule, pattern, key, state, event, context, around)
    : stepFalse(rule, pattern, key, state, event, memory, around);
}

function stepTrue(
  rule: CompiledRule,
  pattern: Hold,
  key: string,
  state: RuleState,
  event: GatewayEvent,
  context: Record<string, unknown>,
  around: Surroundings,
): Outcome {
  const gapWasLong = state.gap !== undefined && event.at - state.gap >= pattern.releaseMs;
  const hold = gapWasLong ? undefined : state.hold;
  const rest = state.gap === undefined ? state : without(state, 'gap');
  if (!hold) return remember(rule, key, { ...rest, hold: { since: event.at, first: event, fired: false } });
  const changed = state.gap !== undefined;
  const early = event.at - hold.since < pattern.forMs;
  if (early && !changed) return noOutcome;
  const goesOn = { ...rest, hold };
  if (early) return remember(rule, key, goesOn);
  // What must wait for late events is completed by time alone.
  if (!hold.fired && rule.waitMs > 0) return changed ? remember(rule, key, goesOn) : noOutcome;
  return complete(rule, pattern, key, { ...goesOn, hold: { ...hold, fired: true } }, !hold.fired || changed, {
    event,
    at: event.at,
    context,
    around,
  });
}

function stepFalse(
  rule: CompiledRule,
  pattern: Hold,
  key: string,
  state: RuleState,
  event: GatewayEvent,
  memory: RuleMemory,
  around: Surroundings,
): Outcome {
  const { hold, gap, ...rest } = state;
  // An event from before the hold began says nothing about it.
  if (!hold || event.at < hold.since) return noOutcome;
  if (pattern.releaseMs > 0 && gap === undefined) return remember(rule, key, { ...state, gap: event.at });
  if (gap !== undefined && event.at - gap < pattern.releaseMs) return noOutcome;
  const ended = gap ?? event.at;
  // Its time had passed, only nothing had said so yet: a backlog that comes in one go, or a conclusion that waited.
  if (!hold.fired && pattern.tick && ended - hold.since >= pattern.forMs) {
    return completeInTime(rule, pattern, key, { ...state, hold }, rest, memory, event.receivedAt, around);
  }
  return remember(rule, key, rest);
}

/** Time alone completes the hold. `clockMs`: when it may do so; the same whenever it is asked. */
export function holdDue(
  rule: CompiledRule,
  pattern: Hold,
  key: string,
  state: RuleState,
  memory: RuleMemory,
  clockMs: number,
  around: Surroundings,
): Outcome {
  const { hold } = state;
  if (!hold || hold.fired) return noOutcome;
  const fired: RuleState = { ...state, hold: { ...hold, fired: true } };
  return completeInTime(rule, pattern, key, { ...state, hold }, fired, memory, clockMs, around);
}

/** The match of a hold whose time is full, by the newest event that was seen in it; `next` is remembered. */
function completeInTime(
  rule: CompiledRule,
  pattern: Hold,
  key: string,
  state: RuleState & { readonly hold: NonNullable<RuleState['hold']> },
  next: RuleState,
  memory: RuleMemory,
  clockMs: number,
  around: Surroundings,
): Outcome {
  const { hold } = state;
  const at = hold.since + pattern.forMs;
  if (!inForce(rule, at, around)) return remember(rule, key, next);
  const kinds = rule.sides[0]?.filters.map(({ kind }) => kind) ?? [];
  const span = { fromMs: hold.since, toMs: at };
  const seen = samplesOf(rule, key, memory, sourceOf(hold.first), kinds, span, clockMs, around).filter(
    ({ holds }) => holds,
  );
  const newest = seen.at(-1)?.event;
  const event = newest ?? hold.first;
  const context = contextFor(rule, memory, event, at, around);
  // What the first event's window saw may not be known any more after a restart: then it is known to nobody.
  if (!newest) context['window'] = undefined;
  const outcome = complete(rule, pattern, key, { ...next, hold }, true, { event, at, context, around });
  // `complete` needs the hold to explain itself; what is remembered is `next`, and the match that was told.
  const last = outcome.update?.state?.last;
  return { match: outcome.match, update: remember(rule, key, { ...next, ...(last && { last }) }).update };
}

function complete(
  rule: CompiledRule,
  pattern: Hold,
  key: string,
  state: RuleState & { readonly hold: NonNullable<RuleState['hold']> },
  changed: boolean,
  now: {
    readonly event: GatewayEvent;
    readonly at: number;
    readonly context: Record<string, unknown>;
    readonly around: Surroundings;
  },
): Outcome {
  const { hold } = state;
  const { event, at, context, around } = now;
  const situation = plainSituation(event, {
    at: asEpoch(at),
    context,
    time: {
      kind: 'for',
      askedS: pattern.forMs / 1000,
      heldS: (at - hold.since) / 1000,
      since: asEpoch(hold.since),
    },
    lateByS: null,
    events:
      hold.first.id === event.id
        ? [['event', event]]
        : [
            ['event', hold.first],
            ['event', event],
          ],
  });
  return raise(rule, key, { state, changed }, situation, around);
}

/** The source's samples of this rule and key in a span of event time, oldest first. */
function samplesOf(
  rule: CompiledRule,
  key: string,
  memory: RuleMemory,
  source: string,
  kinds: readonly EventKind[],
  span: { readonly fromMs: number; readonly toMs: number },
  clockMs: number,
  around: Surroundings,
): readonly Sample[] {
  const side = rule.sides[0];
  if (!side) return [];
  return memory.recent.between(source, new Set(kinds), span, clockMs).flatMap((other) => {
    if (!passes(side.filters, other)) return [];
    const context = contextFor(rule, memory, other, other.at, around);
    if (memoryKey(rule, other, context) !== key) return [];
    return [{ event: other, holds: inForce(rule, other.at, around) && fits(rule, side, other, context, around) }];
  });
}

/** Puts a sample before later ones that are known. */
function putInPlace(
  rule: CompiledRule,
  pattern: Hold,
  key: string,
  state: RuleState,
  { event, holds }: Sample,
  later: readonly Sample[],
  memory: RuleMemory,
  around: Surroundings,
): Outcome {
  const next = later[0];
  const { hold } = state;
  if (!next) return noOutcome;
  if (!holds) {
    if (!hold || event.at <= hold.since) return noOutcome;
    if (!next.holds) return state.gap === next.event.at ? remember(rule, key, { ...state, gap: event.at }) : noOutcome;
    if (next.event.at - event.at < pattern.releaseMs) return noOutcome;
    // It ended in between, and began anew with the next sample.
    if (hold.fired && event.at - hold.since < pattern.forMs) around.count(rule.id, 'disproved');
    return remember(rule, key, { ...state, hold: { since: next.event.at, first: next.event, fired: false } });
  }
  if (next.holds && hold && hold.since <= next.event.at && state.gap === undefined) {
    if (hold.since < next.event.at) return noOutcome;
    // The hold that began with the next sample began with this one.
    const earlier = { ...state, hold: { ...hold, since: event.at, first: event } };
    const newest = later.filter((sample) => sample.holds).at(-1) ?? next;
    if (hold.fired || rule.waitMs > 0 || newest.event.at - event.at < pattern.forMs)
      return remember(rule, key, earlier);
    const context = contextFor(rule, memory, newest.event, newest.event.at, around);
    return complete(rule, pattern, key, { ...earlier, hold: { ...earlier.hold, fired: true } }, true, {
      event: newest.event,
      at: newest.event.at,
      context,
      around,
    });
  }
  // A hold that has ended already: with this sample it may have been long enough.
  const end = later.find((sample) => !sample.holds)?.event.at;
  if (end === undefined) return noOutcome;
  const span = { fromMs: event.at - pattern.forMs, toMs: event.at - 1 };
  const kinds = rule.sides[0]?.filters.map(({ kind }) => kind) ?? [];
  const before = samplesOf(rule, key, memory, sourceOf(event), kinds, span, event.receivedAt, around);
  const wasHolding = before.at(-1)?.holds === true;
  const wasLongEnough = next.holds && end - next.event.at >= pattern.forMs;
  if (wasHolding || wasLongEnough || !pattern.tick || end - event.at < pattern.forMs) return noOutcome;
  const past = { since: event.at, first: event, fired: false };
  return completeInTime(rule, pattern, key, { ...state, hold: past }, state, memory, event.receivedAt, around);
}
