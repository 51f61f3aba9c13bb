import type { GatewayEvent } from '../domain/event.ts';
import type { CompiledRule } from './compiled-rule.ts';

/** What one rule remembers for one key. All of it is JSON and survives a restart; absent parts are left out. */
export interface RuleState {
  /** `for`: since when the condition holds, and the event that began it. */
  readonly hold?: { readonly since: number; readonly first: GatewayEvent; readonly fired: boolean };
  /** `release`: since when the condition of a hold that goes on does not hold. */
  readonly gap?: number;
  /** `count`: time and id of each event in the window, and what is counted, oldest first. */
  readonly seen?: readonly (readonly [at: number, id: string, what: string])[];
  /** `together`, `sequence`: the latest events of each side or step, oldest first; `without` under its own name. */
  readonly steps?: Readonly<Record<string, readonly GatewayEvent[]>>;
  /** `sequence` with `without`: chains that wait for late events that could disprove them, and until when. */
  readonly ready?: readonly { readonly dueAt: number; readonly ids: readonly string[] }[];
  /** `absent`: the event after which something is awaited. */
  readonly awaited?: GatewayEvent;
  /** `suppress`: the last match or repeat, how bad it was (0 = red), and when people were last told. */
  readonly last?: { readonly at: number; readonly rank: number; readonly toldAt: number };
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
  if (!isRecord(value)) return null;
  const { hold, gap, seen, steps, ready, awaited, last } = value;
  const fits = (part: unknown, good: (given: Record<string, unknown>) => boolean): boolean =>
    part === undefined || (isRecord(part) && good(part));
  const good =
    fits(hold, (given) => typeof given['since'] === 'number' && isEvent(given['first'])) &&
    (gap === undefined || typeof gap === 'number') &&
    (seen === undefined ||
      (Array.isArray(seen) && seen.every((entry) => Array.isArray(entry) && entry.length === 3))) &&
    fits(steps, (given) => Object.values(given).every((list) => Array.isArray(list) && list.every(isEvent))) &&
    (ready === undefined || (Array.isArray(ready) && ready.every((chain) => isRecord(chain) && 'dueAt' in chain))) &&
    (awaited === undefined || isEvent(awaited)) &&
    fits(last, (given) => typeof given['at'] === 'number' && typeof given['rank'] === 'number') &&
    fits(last, (given) => typeof given['toldAt'] === 'number');
  return good ? value : null;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isEvent = (value: unknown): boolean =>
  isRecord(value) && typeof value['kind'] === 'string' && typeof value['at'] === 'number';

/** The same state without what is undefined; null where nothing is left to remember. */
export function tidy(state: { readonly [Part in keyof RuleState]?: RuleState[Part] | undefined }): RuleState | null {
  const kept: Record<string, unknown> = {};
  let any = false;
  for (const part in state) {
    const value = state[part as keyof RuleState];
    if (value === undefined) continue;
    kept[part] = value;
    any = true;
  }
  return any ? kept : null;
}

/** The state without one of its parts. */
export function without(state: RuleState, part: keyof RuleState): RuleState {
  return Object.fromEntries(Object.entries(state).filter(([name]) => name !== part));
}

/** When time alone brings this state to a match, as far as the state knows; null where it never does. */
export function dueOf(rule: CompiledRule, state: RuleState): number | null {
  const { pattern } = rule;
  switch (pattern.kind) {
    case 'for': {
      const { hold, gap } = state;
      if (!hold || hold.fired || !pattern.tick) return null;
      // In a gap it is not known yet whether the hold goes on: the next event says so.
      if (gap !== undefined && gap - hold.since < pattern.forMs) return null;
      return hold.since + pattern.forMs + rule.waitMs;
    }
    case 'absent':
      return state.awaited ? state.awaited.at + pattern.withinMs + rule.waitMs : null;
    case 'sequence':
      return state.ready?.[0]?.dueAt ?? null;
    case 'at-once':
    case 'count':
    case 'together':
      return null;
  }
}

const dayMs = 86_400_000;
/** Events up to a day old are live (interfaces.md), so nothing that one of them may need is forgotten earlier. */
const graceMs = dayMs;
/** A hold that nothing ended, nor completed, for a week is one of a device that is gone. */
const holdGraceMs = 7 * dayMs;

/** Whether nothing that may still come can make use of this state. */
export function isIdle(rule: CompiledRule, state: RuleState, nowMs: number): boolean {
  const { pattern } = rule;
  const { last, hold, seen, steps } = state;
  const suppressing = last !== undefined && rule.suppress !== null && nowMs - last.at <= rule.suppress.forMs + graceMs;
  const holding = hold !== undefined && pattern.kind === 'for' && nowMs - hold.since <= pattern.forMs + holdGraceMs;
  const newestSeen = seen?.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY;
  const counting = pattern.kind === 'count' && nowMs - newestSeen <= pattern.withinMs + graceMs;
  const newestStep = Math.max(...Object.values(steps ?? {}).map((list) => list.at(-1)?.at ?? 0));
  const joining =
    (pattern.kind === 'together' || pattern.kind === 'sequence') && nowMs - newestStep <= pattern.withinMs + graceMs;
  const awaiting = state.awaited !== undefined && pattern.kind === 'absent';
  return !suppressing && !holding && !counting && !joining && !awaiting;
}
