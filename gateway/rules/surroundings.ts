import type { EpochMs } from '../lib/clock.ts';
import { sourceOf, type GatewayEvent } from '../domain/event.ts';
import type { RuleCounts } from '../domain/rule-report.ts';
import type { SiteCalendar } from './calendar.ts';
import type { CelExpression } from './cel.ts';
import { passes, type CompiledRule, type CompiledSide } from './compiled-rule.ts';
import type { ChosenTier, Situation } from './match.ts';

/** What is counted for a rule, while it is being counted. */
export type RuleCounters = { -readonly [What in keyof RuleCounts]: number };

/** What the step needs beside the state and the event, and where it counts. */
export interface Surroundings {
  readonly calendar: SiteCalendar;
  /** An event behind its source's newest by no more than this is put in its place. */
  readonly latenessMs: number;
  /** Per rule; only for people to look at, no decision reads it. */
  count(rule: string, what: Exclude<keyof RuleCounters, 'failed'>): void;
  failed(rule: string, error: unknown): void;
  /** The name of the window that keeps this match back; null where none does. */
  silencedBy(rule: CompiledRule, tier: ChosenTier, situation: Situation): string | null;
}

/** What expressions can name for an event. */
export function contextOf(event: GatewayEvent, at: number, around: Surroundings): Record<string, unknown> {
  const source = sourceOf(event);
  const moment = around.calendar.at(at);
  return {
    event,
    params: undefined,
    state: undefined,
    window: undefined,
    now: at,
    hour: moment.hour,
    night: moment.night,
    weekday: moment.weekday,
    date: moment.date,
    nightDate: moment.nightDate,
    workday: moment.workday,
    holiday: moment.holiday,
    schoolDay: moment.schoolDay,
    area: event.area ?? undefined,
    source,
    place: event.area ?? source,
  };
}

/** Whether the rule is in force at this time. */
export function inForce(rule: CompiledRule, at: number, around: Surroundings): boolean {
  const { schedule } = rule.document;
  return schedule === undefined || around.calendar.isInForce(schedule, at);
}

/** Whether an event fits a side: its filters and its condition. Counts what was absent. */
export function fits(
  rule: CompiledRule,
  side: CompiledSide,
  event: GatewayEvent,
  context: Record<string, unknown>,
  around: Surroundings,
): boolean {
  return passes(side.filters, event) && conditionHolds(rule, side, context, around);
}

export function conditionHolds(
  rule: CompiledRule,
  side: CompiledSide,
  context: Record<string, unknown>,
  around: Surroundings,
): boolean {
  if (side.condition === null) return true;
  return holds(rule, side.condition, context, around);
}

/** Whether a condition holds; counts where it does not for want of a field, or fails. */
export function holds(
  rule: CompiledRule,
  condition: CelExpression,
  context: Record<string, unknown>,
  around: Surroundings,
): boolean {
  try {
    const value = condition.run(context);
    if (value === undefined) around.count(rule.id, 'absent');
    return value === true;
  } catch (error) {
    around.failed(rule.id, error);
    return false;
  }
}

/** What a rule's memory is kept for. A value that is absent must not merge strangers, so the source stands in. */
export function memoryKey(rule: CompiledRule, event: GatewayEvent, context: Record<string, unknown>): string {
  return rule.per?.renderAll(context) ?? `${rule.id}:${sourceOf(event)}`;
}

/**
 * Seconds by which an event came late, if it came so late that it could not be put in its place; else null. It counts
 * from what happened to when the gateway had it.
 */
export function lateness(event: GatewayEvent, behindMs: number, around: Surroundings): number | null {
  const lateMs = Math.max(behindMs, event.receivedAt - event.at);
  return lateMs > around.latenessMs ? Math.round(lateMs / 1000) : null;
}

/** The situation of a rule over one event. */
export function plainSituation(
  event: GatewayEvent,
  given: Pick<Situation, 'at' | 'context' | 'time' | 'lateByS'> & { readonly events?: Situation['events'] },
): Situation {
  return {
    ...given,
    area: event.area,
    source: sourceOf(event),
    events: given.events ?? [['event', event]],
  };
}

export const asEpoch = (ms: number): EpochMs => ms as EpochMs;
