import type { GatewayEvent } from '../domain/event.ts';
import type { EventId } from '../domain/ids.ts';
import type { CompiledRule, Pattern } from './compiled-rule.ts';
import type { EventGlimpse } from './match.ts';
import type { RuleMemory } from './memory.ts';
import { noOutcome, raise, type Outcome } from './raise.ts';
import { asEpoch, fits, inForce, lateness, memoryKey, plainSituation, type Surroundings } from './surroundings.ts';

type Count = Extract<Pattern, { kind: 'count' }>;
type Seen = readonly [at: number, id: string, what: string];

/** `atLeast` is 100 at most; what is kept beyond is for events that come out of order. */
const maxSeen = 256;

/**
 * `count`: so many events, or different things, within a time. An event out of order is counted in every window that it
 * belongs to; order of arrival changes nothing.
 */
export function stepCount(
  rule: CompiledRule,
  pattern: Count,
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const side = rule.sides[0];
  if (!side || !inForce(rule, event.at, around) || !fits(rule, side, event, context, around)) return noOutcome;
  const key = memoryKey(rule, event, context);
  const state = memory.get(rule.id, key) ?? {};
  const what = pattern.distinct?.renderAll(context) ?? event.id;
  const all = [...(state.seen ?? []), [event.at, event.id, what] as const].sort((a, b) => a[0] - b[0]);
  const next = { ...state, seen: thinned(all, pattern.withinMs, around.latenessMs) };
  const window = bestWindow(all, event, pattern);
  if (window === null) return raiseNothing(rule, key, next);
  const events = window.seen.map(([at, id]): readonly [string, EventGlimpse | GatewayEvent] =>
    id === event.id ? ['event', event] : ['event', { id: id as EventId, at: asEpoch(at) }],
  );
  const situation = plainSituation(event, {
    at: asEpoch(window.at),
    context,
    time: { kind: 'count', withinS: pattern.withinMs / 1000, atLeast: pattern.atLeast, count: window.count },
    lateByS: lateness(event, behindMs, around),
    events,
  });
  return raise(rule, key, { state: next, changed: true }, situation, around);
}

const raiseNothing = (rule: CompiledRule, key: string, state: Parameters<typeof raise>[2]['state']): Outcome => ({
  match: null,
  update: { rule: rule.id, key, state },
});

/**
 * What later events may still need: everything within the lateness of the newest, before that of each thing only its
 * newest, and nothing that no window can reach.
 */
function thinned(all: readonly Seen[], withinMs: number, latenessMs: number): readonly Seen[] {
  const newest = all.at(-1)?.[0] ?? 0;
  const settled = new Set<string>();
  const kept: Seen[] = [];
  for (let index = all.length - 1; index >= 0 && kept.length < maxSeen; index -= 1) {
    const entry = all[index];
    if (!entry || entry[0] < newest - withinMs - latenessMs) break;
    if (entry[0] < newest - latenessMs) {
      if (settled.has(entry[2])) continue;
      settled.add(entry[2]);
    }
    kept.push(entry);
  }
  return kept.reverse();
}

/** The window with the event in it that counts most, the latest of these; null where none is full. */
function bestWindow(
  all: readonly Seen[],
  event: GatewayEvent,
  { withinMs, atLeast }: Count,
): { readonly at: number; readonly count: number; readonly seen: readonly Seen[] } | null {
  let best: { at: number; count: number; seen: readonly Seen[] } | null = null;
  for (const [from] of all) {
    if (from > event.at) break;
    if (event.at - from > withinMs) continue;
    const newestOf = new Map<string, Seen>();
    for (const entry of all) if (entry[0] >= from && entry[0] <= from + withinMs) newestOf.set(entry[2], entry);
    if (newestOf.size < atLeast || (best !== null && newestOf.size < best.count)) continue;
    const firstOf = new Map<string, number>();
    for (const [at, , what] of all) {
      if (at >= from && at <= from + withinMs && !firstOf.has(what)) firstOf.set(what, at);
    }
    // When it became full; a further event of a full window is a repeat at its own time.
    const full = [...firstOf.values()].sort((a, b) => a - b)[atLeast - 1] ?? event.at;
    best = {
      at: Math.max(full, event.at),
      count: newestOf.size,
      seen: [...newestOf.values()].sort((a, b) => a[0] - b[0]),
    };
  }
  return best;
}
