import type { EpochMs } from '../lib/clock.ts';
import { sourceOf, type GatewayEvent } from '../domain/event.ts';
import type { AreaId, EventId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import { viewRecord, type RecordView } from './cel.ts';
import { passes, type CompiledRule, type CompiledSide } from './compiled-rule.ts';
import { isInForce, isWithin, type LocalTime, type NightHours } from './local-time.ts';
import { createMatch, pickTier } from './match.ts';
import type { RuleSet } from './rule-set.ts';
import type { RuleMemory, RuleState, StateUpdate } from './rule-state.ts';

/** What the step needs beside the state and the event, and where it counts. */
export interface Surroundings {
  readonly localTime: LocalTime;
  readonly night: NightHours;
  /** Per rule; only for people to look at, no decision reads it. */
  count(rule: string, what: 'evaluated' | 'matched' | 'suppressed' | 'absent'): void;
  failed(rule: string, error: unknown): void;
}

export interface Step {
  readonly matches: readonly Match[];
  readonly updates: readonly StateUpdate[];
}

/** A rule about to match: everything that its expressions can name. */
export interface Situation {
  readonly at: EpochMs;
  readonly context: Record<string, unknown>;
  readonly area: AreaId | null;
  readonly source: string | null;
  readonly events: readonly EventId[];
}

const nothing: Step = { matches: [], updates: [] };

/** One event against the rules that could match it. Pure but for the counters: the new state is in `updates`. */
export function evaluateEvent(set: RuleSet, memory: RuleMemory, event: GatewayEvent, around: Surroundings): Step {
  // Late events are recorded, never alarmed (interfaces.md): the line does not send them, and it would not matter.
  if (event.late) return nothing;
  const candidates = set.candidates(event);
  if (candidates.length === 0) return nothing;
  const matches: Match[] = [];
  const updates: StateUpdate[] = [];
  const context = contextOf(event, event.at, around);
  for (const { rule, sides } of candidates) {
    context['params'] = rule.params;
    around.count(rule.id, 'evaluated');
    const result =
      rule.together === null
        ? stepPlain(rule, memory, event, context, around)
        : stepTogether(rule, sides, memory, event, context, around);
    if (result.match) matches.push(result.match);
    if (result.update) updates.push(result.update);
  }
  return { matches, updates };
}

/** Completes `for` conditions whose time has passed without a further event. Pure but for the counters. */
export function evaluateTick(set: RuleSet, memory: RuleMemory, nowMs: number, around: Surroundings): Step {
  const matches: Match[] = [];
  const updates: StateUpdate[] = [];
  for (const rule of set.byId.values()) {
    if (rule.forMs === null || !rule.document.tick || !memory.has(rule.id)) continue;
    for (const [key, state] of memory.entries(rule.id)) {
      const hold = state.hold;
      if (!hold || hold.fired || nowMs - hold.since < rule.forMs) continue;
      const at = (hold.since + rule.forMs) as EpochMs;
      const context = contextOf(hold.first, at, around);
      context['params'] = rule.params;
      const situation = plainSituation(hold.first, at, context, [hold.first.id]);
      const next: RuleState = { ...state, hold: { ...hold, fired: true } };
      const result = inForce(rule, at, around)
        ? raise(rule, key, { ...next, heldS: rule.forMs / 1000 }, situation, around)
        : noOutcome;
      if (result.match) matches.push(result.match);
      updates.push(result.update ?? { rule: rule.id, key, state: next });
    }
  }
  return { matches, updates };
}

interface Outcome {
  readonly match: Match | null;
  readonly update: StateUpdate | null;
}
const noOutcome: Outcome = { match: null, update: null };

function stepPlain(
  rule: CompiledRule,
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  around: Surroundings,
): Outcome {
  const side = rule.sides[0];
  if (!side || !passes(side.filters, event)) return noOutcome;
  const holds = inForce(rule, event.at, around) && conditionHolds(rule, side, context, around);
  if (rule.forMs === null && !holds) return noOutcome;
  if (!holds && !memory.has(rule.id)) return noOutcome;
  const key = memoryKey(rule, event, context);
  const state = memory.get(rule.id, key) ?? {};
  const situation = plainSituation(event, event.at, context, [event.id]);
  if (rule.forMs !== null) return stepFor(rule, rule.forMs, key, state, holds, event, situation, around);
  if (rule.count) return stepCount(rule, rule.count, key, state, event, situation, around);
  return raise(rule, key, state, situation, around);
}

function stepFor(
  rule: CompiledRule,
  forMs: number,
  key: string,
  state: RuleState,
  holds: boolean,
  event: GatewayEvent,
  situation: Situation,
  around: Surroundings,
): Outcome {
  const hold = state.hold;
  if (!holds) {
    // An event from before the hold began says nothing about it.
    if (!hold || event.at < hold.since) return noOutcome;
    const rest: RuleState | null = state.last ? { last: state.last } : null;
    return { match: null, update: { rule: rule.id, key, state: rest } };
  }
  if (!hold) {
    const begun: RuleState = { ...state, hold: { since: event.at, first: event, fired: false } };
    return { match: null, update: { rule: rule.id, key, state: begun } };
  }
  if (event.at - hold.since < forMs) return noOutcome;
  const events = hold.first.id === event.id ? [event.id] : [hold.first.id, event.id];
  const next: RuleState = hold.fired ? state : { ...state, hold: { ...hold, fired: true } };
  const outcome = raise(
    rule,
    key,
    { ...next, heldS: (event.at - hold.since) / 1000 },
    { ...situation, events },
    around,
  );
  return outcome.update || hold.fired ? outcome : { match: outcome.match, update: { rule: rule.id, key, state: next } };
}

function stepCount(
  rule: CompiledRule,
  count: NonNullable<CompiledRule['count']>,
  key: string,
  state: RuleState,
  event: GatewayEvent,
  situation: Situation,
  around: Surroundings,
): Outcome {
  const what = count.distinct?.renderAll(situation.context) ?? event.id;
  // Of each thing that is counted its newest event stands for it.
  const others = (state.seen ?? []).filter(([at, , other]) => other !== what || at > event.at);
  const known = others.some(([, , other]) => other === what);
  const all = (known ? others : [...others, [event.at, event.id, what] as const]).sort((a, b) => a[0] - b[0]);
  const newest = all.at(-1)?.[0] ?? event.at;
  // 100 is the most that `atLeast` can ask for.
  const seen = all.filter(([at]) => at >= newest - count.withinMs).slice(-100);
  const next: RuleState = { ...state, seen };
  const update = { rule: rule.id, key, state: next };
  if (seen.length < count.atLeast) return { match: null, update };
  const events = seen.map(([, id]) => id as EventId);
  const outcome = raise(rule, key, { ...next, count: seen.length }, { ...situation, events }, around);
  return outcome.update ? outcome : { match: outcome.match, update };
}

function stepTogether(
  rule: CompiledRule,
  sides: readonly CompiledSide[],
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  around: Surroundings,
): Outcome {
  const { withinMs, inArea } = rule.together ?? { withinMs: 0, inArea: true };
  if (!inForce(rule, event.at, around)) return noOutcome;
  const held = sides.filter((side) => passes(side.filters, event) && conditionHolds(rule, side, context, around));
  if (held.length === 0) return noOutcome;
  if (inArea && event.area === null) {
    around.count(rule.id, 'absent');
    return noOutcome;
  }
  const key = inArea ? (event.area ?? '') : 'site';
  const state = memory.get(rule.id, key) ?? {};
  const known: Record<string, GatewayEvent> = { ...state.sides };
  for (const side of held) {
    const other = known[side.name];
    if (!other || other.at <= event.at) known[side.name] = event;
  }
  const newest = Math.max(...Object.values(known).map((other) => other.at));
  const near: Record<string, GatewayEvent> = Object.fromEntries(
    Object.entries(known).filter(([, other]) => other.at >= newest - withinMs),
  );
  const next: RuleState = { ...state, sides: near };
  const update = { rule: rule.id, key, state: next };
  const complete = rule.sides.every((side) => near[side.name] !== undefined);
  const contributed = Object.values(near).some((other) => other.id === event.id);
  if (!complete || !contributed) return { match: null, update };
  const views: Record<string, RecordView> = {};
  for (const side of rule.sides) {
    const seen = near[side.name];
    if (seen) views[side.name] = viewRecord(seen as unknown as Record<string, unknown>);
  }
  const outcome = raise(
    rule,
    key,
    next,
    {
      at: event.at,
      context: { ...context, ...views },
      area: event.area,
      source: null,
      events: [...new Set(rule.sides.flatMap((side) => near[side.name]?.id ?? []))],
    },
    around,
  );
  return outcome.update ? outcome : { match: outcome.match, update };
}

/** The condition holds: picks the tier, keeps repeats back, makes the match. Without a match nothing changes here. */
function raise(
  rule: CompiledRule,
  key: string,
  full: RuleState & { readonly heldS?: number; readonly count?: number },
  situation: Situation,
  around: Surroundings,
): Outcome {
  const { heldS = 0, count = 1, ...state } = full;
  situation.context['state'] = viewRecord({ heldS, count });
  const tier = pickTier(rule, situation.context);
  if (!tier) return noOutcome;
  const last = state.last;
  if (
    rule.suppressMs !== null &&
    last &&
    Math.abs(situation.at - last.at) < rule.suppressMs &&
    tier.rank >= last.rank
  ) {
    around.count(rule.id, 'suppressed');
    return noOutcome;
  }
  around.count(rule.id, 'matched');
  const match = createMatch(rule, tier, situation);
  const next: RuleState = rule.suppressMs === null ? state : { ...state, last: { at: situation.at, rank: tier.rank } };
  const same = rule.suppressMs === null && state.hold === undefined && !state.seen && !state.sides;
  return { match, update: same ? null : { rule: rule.id, key, state: next } };
}

function conditionHolds(
  rule: CompiledRule,
  side: CompiledSide,
  context: Record<string, unknown>,
  around: Surroundings,
): boolean {
  if (side.condition === null) return true;
  const failure = { seen: false };
  const value = side.condition.evaluate(context, (error) => {
    failure.seen = true;
    around.failed(rule.id, error);
  });
  if (value === undefined && !failure.seen) around.count(rule.id, 'absent');
  return value === true;
}

function inForce(rule: CompiledRule, at: number, around: Surroundings): boolean {
  const schedule = rule.document.schedule;
  if (schedule === undefined) return true;
  return isInForce(schedule, around.localTime.minuteOfDay(at), around.localTime.weekday(at), around.night);
}

/** What a rule's memory is kept for. A value that is absent must not merge strangers, so the source stands in. */
function memoryKey(rule: CompiledRule, event: GatewayEvent, context: Record<string, unknown>): string {
  return (rule.per ?? rule.key)?.renderAll(context) ?? `${rule.id}:${sourceOf(event)}`;
}

function plainSituation(
  event: GatewayEvent,
  at: EpochMs,
  context: Record<string, unknown>,
  events: readonly EventId[],
): Situation {
  return { at, context, area: event.area, source: sourceOf(event), events };
}

function contextOf(event: GatewayEvent, at: number, around: Surroundings): Record<string, unknown> {
  const minute = around.localTime.minuteOfDay(at);
  const source = sourceOf(event);
  return {
    event: viewRecord(event as unknown as Record<string, unknown>),
    params: undefined,
    state: undefined,
    now: at,
    hour: Math.floor(minute / 60),
    night: isWithin(minute, around.night.fromMinute, around.night.toMinute),
    area: event.area ?? undefined,
    source,
    place: event.area ?? source,
  };
}
