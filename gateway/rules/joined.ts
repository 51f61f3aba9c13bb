import type { GatewayEvent } from '../domain/event.ts';
import type { CompiledRule, CompiledSide } from './compiled-rule.ts';
import type { RuleMemory } from './memory.ts';
import { raise, type Outcome } from './raise.ts';
import type { RuleState } from './rule-state.ts';
import { asEpoch, fits, holds, inForce, lateness, type Surroundings } from './surroundings.ts';

// What `together` and `sequence` have in common: several events, kept by the name of their side.

export type Steps = Readonly<Record<string, readonly GatewayEvent[]>>;
/** Events by the names that they have in the rule. */
export type Named = readonly (readonly [name: string, event: GatewayEvent])[];

/** An event that has found its place among those that a rule waits for. */
export interface Meeting {
  /** The sides that it satisfies; at least one. */
  readonly held: readonly CompiledSide[];
  readonly key: string;
  /** What is remembered, with the event in it. */
  readonly next: RuleState & { readonly steps: Steps };
}

/** Puts an event among the others of its rule; null where it satisfies no side or meets nothing. */
export function meet(
  rule: CompiledRule,
  sides: readonly CompiledSide[],
  memory: RuleMemory,
  event: GatewayEvent,
  context: Record<string, unknown>,
  reachMs: number,
  around: Surroundings,
): Meeting | null {
  if (!inForce(rule, event.at, around)) return null;
  const held = sides.filter((side) => fits(rule, side, event, context, around));
  if (held.length === 0) return null;
  const key = meetingKey(rule, event, context);
  if (key === undefined) {
    around.count(rule.id, 'absent');
    return null;
  }
  const state = memory.get(rule.id, key) ?? {};
  return { held, key, next: { ...state, steps: withEvent(state.steps ?? {}, held, event, reachMs) } };
}

/**
 * Events kept a side: the newest. In the order of time the newest is the only one that counts; the others are for events
 * that come out of order.
 */
const maxPerSide = 8;

/** The lists with the event put in its place, without what no later event can reach. */
function withEvent(steps: Steps, sides: readonly CompiledSide[], event: GatewayEvent, reachMs: number): Steps {
  const next: Record<string, readonly GatewayEvent[]> = { ...steps };
  for (const { name } of sides) {
    const list = [...(next[name] ?? [])];
    let place = list.length;
    while (place > 0 && (list[place - 1]?.at ?? 0) > event.at) place -= 1;
    list.splice(place, 0, event);
    next[name] = list.slice(-maxPerSide);
  }
  const newest = Math.max(...Object.values(next).map((list) => list.at(-1)?.at ?? 0));
  const kept: Record<string, readonly GatewayEvent[]> = {};
  for (const [name, list] of Object.entries(next)) {
    const near = list.filter((other) => other.at >= newest - reachMs);
    if (near.length > 0) kept[name] = near;
  }
  return kept;
}

/** Where the events of a rule meet: its `per`, else the area, else the site. Undefined where that is absent. */
function meetingKey(rule: CompiledRule, event: GatewayEvent, context: Record<string, unknown>): string | undefined {
  if (rule.per) return rule.per.renderAll(context);
  return rule.inArea ? (event.area ?? undefined) : 'site';
}

/** The context of a rule over several events: each under its name. */
function jointContext(context: Record<string, unknown>, named: Named): Record<string, unknown> {
  const joint: Record<string, unknown> = { ...context, event: undefined };
  for (const [name, event] of named) joint[name] = event;
  return joint;
}

/** Whether the rule's condition over all its events holds, where it has one. */
export function jointHolds(
  rule: CompiledRule,
  context: Record<string, unknown>,
  named: Named,
  around: Surroundings,
): boolean {
  return rule.joint === null || holds(rule, rule.joint, jointContext(context, named), around);
}

/** The rule's events have come together; `event` is the one that completed them, `state` what is remembered of them. */
export function raiseJoint(
  rule: CompiledRule,
  kind: 'together' | 'sequence',
  named: Named,
  given: {
    readonly key: string;
    readonly state: RuleState;
    readonly withinMs: number;
    readonly event: GatewayEvent;
    readonly behindMs: number;
    readonly context: Record<string, unknown>;
  },
  around: Surroundings,
): Outcome {
  const times = named.map(([, { at }]) => at);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const situation = {
    at: asEpoch(last),
    context: jointContext(given.context, named),
    area: named.find(([, { area }]) => area !== null)?.[1].area ?? null,
    source: null,
    events: named,
    time: { kind, withinS: given.withinMs / 1000, spanS: (last - first) / 1000 },
    lateByS: lateness(given.event, given.behindMs, around),
  };
  return raise(rule, given.key, { state: given.state, changed: true }, situation, around);
}
