import type { GatewayEvent } from '../domain/event.ts';
import { viewRecord } from './cel.ts';
import type { CompiledRule, CompiledSide } from './compiled-rule.ts';
import type { Situation } from './match.ts';
import { asEpoch, lateness, type Surroundings } from './surroundings.ts';

// What `together` and `sequence` have in common: several events, kept by the name of their side.

export type Steps = Readonly<Record<string, readonly GatewayEvent[]>>;

/**
 * Events kept a side: the newest. In the order of time the newest is the only one that counts; the others are for events
 * that come out of order.
 */
const maxPerSide = 8;

/** The lists with the event put in its place, without what no later event can reach. */
export function withEvent(steps: Steps, sides: readonly CompiledSide[], event: GatewayEvent, reachMs: number): Steps {
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
export function meetingKey(
  rule: CompiledRule,
  event: GatewayEvent,
  context: Record<string, unknown>,
): string | undefined {
  if (rule.per) return rule.per.renderAll(context);
  return rule.inArea ? (event.area ?? undefined) : 'site';
}

/** The context of a rule over several events: each under its name. */
export function jointContext(
  context: Record<string, unknown>,
  named: readonly (readonly [name: string, event: GatewayEvent])[],
): Record<string, unknown> {
  const joint: Record<string, unknown> = { ...context, event: undefined };
  for (const [name, event] of named) joint[name] = viewRecord(event as unknown as Record<string, unknown>);
  return joint;
}

/** Whether the rule's condition over all its events holds, where it has one. */
export function jointHolds(rule: CompiledRule, context: Record<string, unknown>, around: Surroundings): boolean {
  if (rule.joint === null) return true;
  const failure = { seen: false };
  const value = rule.joint.evaluate(context, (error) => {
    failure.seen = true;
    around.failed(rule.id, error);
  });
  if (value === undefined && !failure.seen) around.count(rule.id, 'absent');
  return value === true;
}

/** The situation of a rule over several events; `event` is the one that completed it. */
export function jointSituation(
  kind: 'together' | 'sequence',
  withinMs: number,
  named: readonly (readonly [name: string, event: GatewayEvent])[],
  given: { readonly event: GatewayEvent; readonly behindMs: number; readonly context: Record<string, unknown> },
  around: Surroundings,
): Situation {
  const times = named.map(([, event]) => event.at);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return {
    at: asEpoch(last),
    context: given.context,
    area: named.find(([, event]) => event.area !== null)?.[1].area ?? null,
    source: null,
    events: named,
    time: { kind, withinS: withinMs / 1000, spanS: (last - first) / 1000 },
    lateByS: lateness(given.event, given.behindMs, around),
  };
}
