import { sourceOf, type GatewayEvent } from '../domain/event.ts';
import type { CompiledRule, CompiledSide, Pattern } from './compiled-rule.ts';
import type { RuleMemory } from './memory.ts';
import { noOutcome, raise, remember, type Outcome } from './raise.ts';
import type { RuleState } from './rule-state.ts';
import { asEpoch, fits, inForce, memoryKey, plainSituation, type Surroundings } from './surroundings.ts';
import { contextFor } from './windows.ts';

type Absent = Extract<Pattern, { kind: 'absent' }>;

/**
 * `absent`: after an event of `when`, nothing of what is awaited comes for the same `per` in time. Where both are the
 * same, each event begins the wait anew.
 */
export function stepAbsent(
  rule: CompiledRule,
  pattern: Absent,
  sides: readonly CompiledSide[],
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const ends = sides.includes(pattern.side) && fits(rule, pattern.side, event, context, around);
  if (!ends && !sides.some(({ role }) => role === 'main')) return noOutcome;
  const main = rule.sides[0];
  const begins = main !== undefined && inForce(rule, event.at, around) && fits(rule, main, event, context, around);
  if (!begins && !(ends && memory.has(rule.id))) return noOutcome;
  if (behindMs > around.latenessMs) {
    around.count(rule.id, 'tooLate');
    return noOutcome;
  }
  const key = memoryKey(rule, event, context);
  const state = memory.get(rule.id, key) ?? {};
  const { awaited, ...rest } = state;
  const answered = ends && awaited !== undefined && event.at >= awaited.at && event.at <= awaited.at + pattern.withinMs;
  const waiting = answered ? undefined : awaited;
  const first = begins && isFirst(rule, pattern, key, waiting, event, memory, behindMs, around) ? event : waiting;
  return first === awaited ? noOutcome : remember(rule, key, { ...rest, awaited: first });
}

/** Whether the wait begins (or began) with this event. */
function isFirst(
  rule: CompiledRule,
  pattern: Absent,
  key: string,
  waiting: GatewayEvent | undefined,
  event: GatewayEvent,
  memory: RuleMemory,
  behindMs: number,
  around: Surroundings,
): boolean {
  if (waiting && waiting.at <= event.at) return false;
  if (behindMs === 0 && !waiting) return true;
  // Out of order: what would have answered it may be known already.
  const toMs = Math.min(event.at + pattern.withinMs, waiting?.at ?? Infinity);
  const kinds = new Set(pattern.side.filters.map(({ kind }) => kind));
  const later = memory.recent.between(sourceOf(event), kinds, { fromMs: event.at, toMs }, event.receivedAt);
  return !later.some((other) => {
    const context = contextFor(rule, memory, other, other.at, around);
    return memoryKey(rule, other, context) === key && fits(rule, pattern.side, other, context, around);
  });
}

/** What was awaited did not come. */
export function absentDue(
  rule: CompiledRule,
  pattern: Absent,
  key: string,
  state: RuleState,
  memory: RuleMemory,
  around: Surroundings,
): Outcome {
  const { awaited, ...rest } = state;
  if (!awaited) return noOutcome;
  const at = awaited.at + pattern.withinMs;
  const context = contextFor(rule, memory, awaited, at, around);
  const situation = plainSituation(awaited, {
    at: asEpoch(at),
    context,
    time: { kind: 'absent', withinS: pattern.withinMs / 1000, since: awaited.at },
    lateByS: null,
  });
  return raise(rule, key, { state: rest, changed: true }, situation, around);
}
