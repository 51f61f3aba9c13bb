import { sourceOf, type GatewayEvent } from '../domain/event.ts';
import type { Match } from '../domain/match.ts';
import { absentDue, stepAbsent } from './absence.ts';
import { assertNever } from '../lib/assert-never.ts';
import type { CompiledRule, CompiledSide } from './compiled-rule.ts';
import { stepCount } from './count.ts';
import { holdDue, stepHold } from './hold.ts';
import type { KeptMemory, RuleMemory } from './memory.ts';
import { noOutcome, raise, type Outcome } from './raise.ts';
import type { RuleSet } from './rule-set.ts';
import { dueOf, type RuleState, type StateUpdate } from './rule-state.ts';
import { sequenceDue, stepSequence } from './sequence.ts';
import { contextOf, fits, inForce, lateness, memoryKey, plainSituation, type Surroundings } from './surroundings.ts';
import { stepTogether } from './together.ts';
import { openWindows, type TakenSample } from './windows.ts';

export interface Step {
  readonly matches: readonly Match[];
  readonly updates: readonly StateUpdate[];
}

/** What one event comes to: with what it adds to the rules' windows. */
export interface EventStep extends Step {
  readonly samples: readonly TakenSample[];
}

const noMatches: readonly Match[] = [];
const noUpdates: readonly StateUpdate[] = [];
const noSamples: readonly TakenSample[] = [];
const nothing: EventStep = { matches: noMatches, updates: noUpdates, samples: noSamples };

/**
 * One event against the rules that could match it. Pure but for the counters: the new state is in `updates`, and the
 * caller adds the event to what is recent afterwards.
 */
export function evaluateEvent(set: RuleSet, memory: RuleMemory, event: GatewayEvent, around: Surroundings): EventStep {
  // Late events are recorded, never alarmed (interfaces.md): the line does not send them, and it would not matter.
  if (event.late) return nothing;
  const candidates = set.candidates(event);
  if (candidates.length === 0) return nothing;
  let matches: Match[] | null = null;
  let updates: StateUpdate[] | null = null;
  let samples: TakenSample[] | null = null;
  const context = contextOf(event, event.at, around);
  const behindMs = memory.recent.behindMs(event);
  for (const { rule, sides } of candidates) {
    context['params'] = rule.params;
    if (rule.windows.length > 0) {
      const taken = openWindows(rule, memory.windows, event, context, around.latenessMs, true);
      if (taken) (samples ??= []).push(taken);
    }
    around.count(rule.id, 'evaluated');
    const result = stepRule(rule, sides, memory, event, context, behindMs, around);
    if (result.match) (matches ??= []).push(result.match);
    if (result.update) (updates ??= []).push(result.update);
  }
  return { matches: matches ?? noMatches, updates: updates ?? noUpdates, samples: samples ?? noSamples };
}

/**
 * An event of the line, taken into memory whole: what time completed before it came (that must not depend on when
 * somebody last looked), what it comes to itself, and what later events need to know of it. `updates` are those that the
 * memory made of it.
 */
export function takeEvent(set: RuleSet, memory: KeptMemory, event: GatewayEvent, around: Surroundings): Step {
  const past = advanceClock(set, memory, event.receivedAt - 1, around);
  if (event.late || !set.kinds.has(event.kind)) return past;
  const now = evaluateEvent(set, memory, event, around);
  const put = now.updates.length === 0 ? noUpdates : now.updates.flatMap((update) => memory.put(update));
  keep(memory, event, now.samples);
  if (past.matches.length === 0 && past.updates.length === 0) return { matches: now.matches, updates: put };
  return { matches: [...past.matches, ...now.matches], updates: [...past.updates, ...put] };
}

/** Puts an event back that was taken before a restart: what is not stored is known again, and nothing is judged anew. */
export function recallEvent(set: RuleSet, memory: KeptMemory, event: GatewayEvent, around: Surroundings): void {
  if (event.late || !set.kinds.has(event.kind)) return;
  const windowed = set.candidates(event).filter(({ rule }) => rule.windows.length > 0);
  const context = windowed.length > 0 ? contextOf(event, event.at, around) : {};
  const samples = windowed.flatMap(({ rule }) => {
    context['params'] = rule.params;
    return openWindows(rule, memory.windows, event, context, around.latenessMs, true) ?? [];
  });
  keep(memory, event, samples);
}

function keep(memory: KeptMemory, event: GatewayEvent, samples: readonly TakenSample[]): void {
  memory.recent.add(event);
  for (const taken of samples) memory.windows.add(taken);
}

function stepRule(
  rule: CompiledRule,
  sides: readonly CompiledSide[],
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const { pattern } = rule;
  switch (pattern.kind) {
    case 'at-once':
      return stepAtOnce(rule, memory, event, context, behindMs, around);
    case 'for':
      return stepHold(rule, pattern, memory, event, context, behindMs, around);
    case 'count':
      return stepCount(rule, pattern, memory, event, context, behindMs, around);
    case 'together':
      return stepTogether(rule, pattern, sides, memory, event, context, behindMs, around);
    case 'sequence':
      return stepSequence(rule, pattern, sides, memory, event, context, behindMs, around);
    case 'absent':
      return stepAbsent(rule, pattern, sides, memory, event, context, behindMs, around);
    default:
      return assertNever(pattern);
  }
}

function stepAtOnce(
  rule: CompiledRule,
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const side = rule.sides[0];
  if (!side || !inForce(rule, event.at, around) || !fits(rule, side, event, context, around)) return noOutcome;
  const key = memoryKey(rule, event, context);
  const state = rule.suppress === null ? {} : (memory.get(rule.id, key) ?? {});
  const situation = plainSituation(event, {
    at: event.at,
    context,
    time: { kind: 'at-once' },
    lateByS: lateness(event, behindMs, around),
  });
  return raise(rule, key, { state, changed: false }, situation, around);
}

/** A source whose last event took longer than this to arrive is sending what it had kept: the rest is on its way. */
const promptMs = 5000;

/** When time may complete a state that is due at `dueAt`: not while its source is still sending what it had kept. */
function readyAt(state: RuleState, memory: RuleMemory, dueAt: number, latenessMs: number): number {
  const about = state.hold?.first ?? state.awaited;
  if (!about) return dueAt;
  // Not the newest event, but the newest that lagged: what comes promptly after it must not move the moment back.
  const receivedAt = memory.recent.newestLagging(sourceOf(about), about.kind, { lagMs: promptMs, clockMs: dueAt });
  return receivedAt === null ? dueAt : Math.max(dueAt, receivedAt + latenessMs);
}

function stepDue(
  rule: CompiledRule,
  key: string,
  state: RuleState,
  memory: RuleMemory,
  clockMs: number,
  around: Surroundings,
): Outcome {
  const { pattern } = rule;
  switch (pattern.kind) {
    case 'for':
      return holdDue(rule, pattern, key, state, memory, clockMs, around);
    case 'absent':
      return absentDue(rule, pattern, key, state, memory, around);
    case 'sequence':
      return sequenceDue(rule, pattern, key, state, memory, around);
    case 'at-once':
    case 'count':
    case 'together':
      return noOutcome;
    default:
      return assertNever(pattern);
  }
}

/**
 * Everything that time alone completes up to `clockMs`, in the order in which it is due; each is put into the memory
 * before the next is looked at. Which matches come of it does not depend on how often it is called: only on what was
 * received before. Pure but for the counters and `memory`.
 */
export function advanceClock(set: RuleSet, memory: KeptMemory, clockMs: number, around: Surroundings): Step {
  let step: { matches: Match[]; updates: StateUpdate[] } | null = null;
  for (let due = memory.takeDue(clockMs); due; due = memory.takeDue(clockMs)) {
    const rule = set.byId.get(due.rule);
    const dueAt = rule ? dueOf(rule, due.state) : null;
    if (!rule || dueAt === null) continue;
    const at = readyAt(due.state, memory, dueAt, around.latenessMs);
    if (at > clockMs) {
      memory.lookAgain(due.rule, due.key, at);
      continue;
    }
    const outcome = stepDue(rule, due.key, due.state, memory, at, around);
    step ??= { matches: [], updates: [] };
    if (outcome.match) step.matches.push(outcome.match);
    if (!outcome.update) continue;
    step.updates.push(...memory.put(outcome.update));
    // Two chains may be due at one moment: the memory takes the moment that was just used up for one that still stands.
    const { state } = outcome.update;
    if (state !== null && dueOf(rule, state) === dueAt) memory.lookAgain(due.rule, due.key, dueAt);
  }
  return step ?? nothing;
}
