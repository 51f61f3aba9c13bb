import type { GatewayEvent } from '../domain/event.ts';
import type { CompiledRule } from './compiled-rule.ts';

/** What one rule remembers for one key. All of it is JSON and survives a restart; absent parts are left out. */
export interface RuleState {
  /** `for`: since when the condition holds, and the event that began it. */
  readonly hold?: { readonly since: number; readonly first: GatewayEvent; readonly fired: boolean };
  /** `count`: time and id of each event in the window, and what is counted, oldest first. */
  readonly seen?: readonly (readonly [at: number, id: string, what: string])[];
  /** `together`: the latest event of each side. */
  readonly sides?: Readonly<Record<string, GatewayEvent>>;
  /** `suppress`: the last match that was let through, and how bad it was (0 = red). */
  readonly last?: { readonly at: number; readonly rank: number };
}

/** The states of all rules, as the pure step reads them. */
export interface RuleMemory {
  get(rule: string, key: string): RuleState | undefined;
  entries(rule: string): Iterable<readonly [key: string, state: RuleState]>;
  has(rule: string): boolean;
}

/** A new state for one rule and key; null forgets it. */
export interface StateUpdate {
  readonly rule: string;
  readonly key: string;
  readonly state: RuleState | null;
}

export function encodeState(state: RuleState | null): string | null {
  return state === null ? null : JSON.stringify(state);
}

/** The state in a stored row; null where it is not one (a row of a version that nobody knows any more). */
export function decodeState(text: string): RuleState | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { hold, seen, sides, last } = value as Record<string, unknown>;
  const good =
    (hold === undefined || (isRecord(hold) && typeof hold['since'] === 'number' && isEvent(hold['first']))) &&
    (seen === undefined ||
      (Array.isArray(seen) && seen.every((entry) => Array.isArray(entry) && entry.length === 3))) &&
    (sides === undefined || (isRecord(sides) && Object.values(sides).every(isEvent))) &&
    (last === undefined || (isRecord(last) && typeof last['at'] === 'number' && typeof last['rank'] === 'number'));
  return good ? value : null;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isEvent = (value: unknown): boolean =>
  isRecord(value) && typeof value['kind'] === 'string' && typeof value['at'] === 'number';

const dayMs = 86_400_000;
/** Events up to a day old are live (interfaces.md), so nothing that one of them may need is forgotten earlier. */
const graceMs = dayMs;
/** A hold that nothing ended, nor completed, for a week is one of a device that is gone. */
const holdGraceMs = 7 * dayMs;

/** Whether nothing that may still come can make use of this state. */
export function isIdle(rule: CompiledRule, state: RuleState, nowMs: number): boolean {
  const suppressing =
    state.last !== undefined && rule.suppressMs !== null && nowMs - state.last.at <= rule.suppressMs + graceMs;
  const holding = state.hold !== undefined && nowMs - state.hold.since <= (rule.forMs ?? 0) + holdGraceMs;
  const newestSeen = state.seen?.at(-1)?.[0];
  const counting =
    newestSeen !== undefined && rule.count !== null && nowMs - newestSeen <= rule.count.withinMs + graceMs;
  const newestSide = Math.max(...Object.values(state.sides ?? {}).map((event) => event.at));
  const joining = rule.together !== null && nowMs - newestSide <= rule.together.withinMs + graceMs;
  return !suppressing && !holding && !counting && !joining;
}
