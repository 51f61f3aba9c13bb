import type { GatewayEvent } from '../domain/event.ts';
import type { CompiledRule, CompiledSide, Pattern } from './compiled-rule.ts';
import { jointHolds, meet, raiseJoint, type Named, type Steps } from './joined.ts';
import type { RuleMemory } from './memory.ts';
import { noOutcome, remember, type Outcome } from './raise.ts';
import { without, type RuleState } from './rule-state.ts';
import type { Surroundings } from './surroundings.ts';
import { contextFor } from './windows.ts';

type Sequence = Extract<Pattern, { kind: 'sequence' }>;
/** Chains that wait for one key. */
const maxReady = 8;

/**
 * `sequence`: events one after the other in event time, whatever the order in which they come. With `without` a chain
 * waits for late events that could disprove it, since what has been told cannot be taken back.
 */
export function stepSequence(
  rule: CompiledRule,
  pattern: Sequence,
  sides: readonly CompiledSide[],
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const { withinMs } = pattern;
  const met = meet(rule, sides, memory, event, context, withinMs + around.latenessMs + rule.waitMs, around);
  if (!met) return noOutcome;
  const { held, key, next } = met;
  const main = held.filter(({ role }) => role === 'main');
  const chain = chainOf(rule, pattern, next.steps, main, event, (named) => jointHolds(rule, context, named, around));
  if (chain === null) return remember(rule, key, next);
  if (pattern.without && rule.waitMs > 0) {
    const mine = { dueAt: event.receivedAt + rule.waitMs, ids: chain.map(([, { id }]) => id) };
    return remember(rule, key, { ...next, ready: [...(next.ready ?? []), mine].slice(-maxReady) });
  }
  return raiseJoint(rule, 'sequence', chain, { key, state: next, withinMs, event, behindMs, context }, around);
}

/** A chain has waited for what could disprove it. */
export function sequenceDue(
  rule: CompiledRule,
  pattern: Sequence,
  key: string,
  state: RuleState,
  memory: RuleMemory,
  around: Surroundings,
): Outcome {
  const [ready, ...others] = state.ready ?? [];
  if (!ready) return noOutcome;
  const rest: RuleState = others.length > 0 ? { ...state, ready: others } : without(state, 'ready');
  const { steps = {} } = rest;
  const chain = rule.sides.flatMap(({ name }, index): Named => {
    const event = steps[name]?.find(({ id }) => id === ready.ids[index]);
    return event ? [[name, event]] : [];
  });
  const last = chain.at(-1)?.[1];
  if (!last || chain.length < rule.sides.length || isBroken(pattern, steps, chain)) return remember(rule, key, rest);
  const context = contextFor(rule, memory, last, last.at, around);
  const { withinMs } = pattern;
  return raiseJoint(rule, 'sequence', chain, { key, state: rest, withinMs, event: last, behindMs: 0, context }, around);
}

/** A chain with the event at hand in it: as its last step if that can be, the other steps as near as can be. */
function chainOf(
  rule: CompiledRule,
  pattern: Sequence,
  steps: Steps,
  held: readonly CompiledSide[],
  event: GatewayEvent,
  accepts: (named: Named) => boolean,
): Named | null {
  const { sides } = rule;
  for (let own = sides.length - 1; own >= 0; own -= 1) {
    if (!held.some(({ name }) => name === sides[own]?.name)) continue;
    const search = (index: number, later: readonly GatewayEvent[]): Named | null => {
      if (index < 0) {
        const named = sides.map(({ name }, at) => [name, later[at]] as const);
        const chain = named.filter((entry): entry is readonly [string, GatewayEvent] => entry[1] !== undefined);
        return isInTime(pattern, chain) && !isBroken(pattern, steps, chain) && accepts(chain) ? chain : null;
      }
      const list = index === own ? [event] : (steps[sides[index]?.name ?? ''] ?? []);
      const next = later[0];
      for (let place = list.length - 1; place >= 0; place -= 1) {
        const candidate = list[place];
        if (!candidate || (next && (candidate.at > next.at || candidate.id === next.id))) continue;
        if (later.some(({ id }) => id === candidate.id)) continue;
        const found = search(index - 1, [candidate, ...later]);
        if (found) return found;
      }
      return null;
    };
    const found = search(sides.length - 1, []);
    if (found) return found;
  }
  return null;
}

function isInTime({ withinMs, stepMs }: Sequence, chain: Named): boolean {
  const times = chain.map(([, { at }]) => at);
  if ((times.at(-1) ?? 0) - (times[0] ?? 0) > withinMs) return false;
  return times.every((at, index) => {
    const longest = stepMs[index] ?? null;
    return index === 0 || longest === null || at - (times[index - 1] ?? at) <= longest;
  });
}

/** Whether what must not happen happened between the first and the last step. */
function isBroken({ without }: Sequence, steps: Steps, chain: Named): boolean {
  if (!without) return false;
  const [first, last] = [chain[0]?.[1], chain.at(-1)?.[1]];
  if (!first || !last) return true;
  return (steps[without.name] ?? []).some(
    ({ at, id }) => at >= first.at && at <= last.at && id !== first.id && id !== last.id,
  );
}
