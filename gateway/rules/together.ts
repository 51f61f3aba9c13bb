import type { GatewayEvent } from '../domain/event.ts';
import type { CompiledRule, CompiledSide, Pattern } from './compiled-rule.ts';
import { jointHolds, meet, raiseJoint, type Named, type Steps } from './joined.ts';
import type { RuleMemory } from './memory.ts';
import { noOutcome, remember, type Outcome } from './raise.ts';
import type { Surroundings } from './surroundings.ts';

/** `together`: an event of each side near each other, in any order of happening and of arrival. */
export function stepTogether(
  rule: CompiledRule,
  { withinMs }: Extract<Pattern, { kind: 'together' }>,
  sides: readonly CompiledSide[],
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  behindMs: number,
  around: Surroundings,
): Outcome {
  const met = meet(rule, sides, memory, event, context, withinMs + around.latenessMs, around);
  if (!met) return noOutcome;
  const { held, key, next } = met;
  const named = companyOf(rule, next.steps, held, event, withinMs, (company) =>
    jointHolds(rule, context, company, around),
  );
  if (named === null) return remember(rule, key, next);
  return raiseJoint(rule, 'together', named, { key, state: next, withinMs, event, behindMs, context }, around);
}

/** One event of each side, all within the time, the event at hand among them, the others as near to it as can be. */
function companyOf(
  rule: CompiledRule,
  steps: Steps,
  held: readonly CompiledSide[],
  event: GatewayEvent,
  withinMs: number,
  accepts: (named: Named) => boolean,
): Named | null {
  const near = (a: GatewayEvent, b: GatewayEvent): number => Math.abs(a.at - event.at) - Math.abs(b.at - event.at);
  const windows = [...new Set([event.at, ...Object.values(steps).flatMap((list) => list.map(({ at }) => at))])]
    .filter((from) => from <= event.at && event.at - from <= withinMs)
    .sort((a, b) => b - a);
  for (const from of windows) {
    for (const own of held) {
      const named = rule.sides.map((side): readonly [string, GatewayEvent | undefined] => {
        if (side.name === own.name) return [side.name, event];
        const inside = (steps[side.name] ?? []).filter(({ at }) => at >= from && at <= from + withinMs);
        return [side.name, inside.sort(near)[0]];
      });
      const complete = named.filter((entry): entry is readonly [string, GatewayEvent] => entry[1] !== undefined);
      if (complete.length === rule.sides.length && accepts(complete)) return complete;
    }
  }
  return null;
}
