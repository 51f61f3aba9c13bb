import type { GatewayEvent } from '../domain/event.ts';
import { sourceOf } from '../domain/event.ts';
import type { AreaId } from '../domain/ids.ts';
import type {
  Addressee,
  ExplainedCondition,
  ExplainedTime,
  FactValue,
  Match,
  MatchExplanation,
} from '../domain/match.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Reference } from './cel-bounds.ts';
import type { CelExpression } from './cel.ts';
import type { CompiledRule } from './compiled-rule.ts';

/** A rule about to match: everything that its expressions can name, and how it came to it. */
export interface Situation {
  readonly at: EpochMs;
  readonly context: Record<string, unknown>;
  readonly area: AreaId | null;
  readonly source: string | null;
  /** The events by their names in the rule; `event` for a plain rule. */
  readonly events: readonly (readonly [as: string, event: GatewayEvent | EventGlimpse])[];
  readonly time: ExplainedTime;
  readonly lateByS: number | null;
}

/** An event of which only this much is still known: `count` keeps no whole events. */
export type EventGlimpse = Pick<GatewayEvent, 'id' | 'at'>;

export interface ChosenTier {
  readonly tier: Tier;
  readonly rank: number;
  readonly condition: CelExpression | null;
  readonly to: readonly Addressee[];
  /** Tiers before it whose condition did not hold. */
  readonly passedOver: number;
}

/** The first entry of the rule's tiers that holds; null where none does. */
export function pickTier(rule: CompiledRule, context: Record<string, unknown>): ChosenTier | null {
  for (const [passedOver, { tier, condition, to }] of rule.tiers.entries()) {
    if (condition === null || condition.evaluate(context) === true) {
      return { tier, rank: tierRank(tier), condition, to: to ?? rule.to, passedOver };
    }
  }
  return null;
}

/** The match that people will see: with the values that were compared, the rule's version, and why this tier. */
export function createMatch(rule: CompiledRule, tier: ChosenTier, situation: Situation): Match {
  const { context } = situation;
  const standIn = `${rule.id}:${situation.source ?? situation.area ?? 'site'}`;
  const why = explain(rule, tier, situation);
  return {
    rule: rule.id,
    ruleVersion: rule.version,
    tier: tier.tier,
    kind: rule.kind,
    title: rule.title,
    message: { zh: rule.message.zh.render(context), en: rule.message.en.render(context) },
    key: rule.key?.renderAll(context) ?? standIn,
    at: situation.at,
    area: situation.area,
    source: situation.source,
    facts: factsOf(rule, why, context),
    events: [...new Set(situation.events.map(([, event]) => event.id))],
    to: tier.to,
    ...(rule.department && { department: rule.department }),
    weight: rule.weight,
    why,
  };
}

function explain(rule: CompiledRule, tier: ChosenTier, situation: Situation): MatchExplanation {
  const { context } = situation;
  const valueOf = ([record, field]: Reference): FactValue => {
    const value = context[record];
    return factOf(field === null ? value : (value as Record<string, unknown> | undefined)?.[field]);
  };
  const condition = (of: string, expression: CelExpression, eventName: string): ExplainedCondition => ({
    of,
    expression: expression.source.trim(),
    values: expression.references.map(([record, field]) => {
      // In a side's own condition its event is called `event`; outside it has the side's name.
      const named = record === 'event' ? eventName : record;
      return [field === null ? named : `${named}.${field}`, valueOf([named, field])] as const;
    }),
  });
  const conditions = rule.sides.flatMap((side) =>
    side.condition ? [condition(side.name === 'event' ? 'if' : `${side.name}.if`, side.condition, side.name)] : [],
  );
  if (rule.joint) conditions.push(condition('if', rule.joint, 'event'));
  return {
    rule: rule.id,
    version: rule.version,
    conditions,
    time: situation.time,
    tier: {
      tier: tier.tier,
      condition: tier.condition ? condition('tier', tier.condition, 'event') : null,
      passedOver: tier.passedOver,
    },
    events: situation.events.flatMap(([as, event]) =>
      'kind' in event ? [{ id: event.id, kind: event.kind, at: event.at, source: sourceOf(event), as }] : [],
    ),
    lateByS: situation.lateByS,
  };
}

/** Names that say nothing to people, or what stands beside the facts already. */
const unspoken = new Set(['now', 'place']);

function factsOf(
  rule: CompiledRule,
  why: MatchExplanation,
  context: Record<string, unknown>,
): Readonly<Record<string, FactValue>> {
  const facts: Record<string, FactValue> = {};
  const all = [...why.conditions, ...(why.tier.condition ? [why.tier.condition] : [])];
  for (const { values } of all) {
    for (const [name, value] of values) if (!unspoken.has(name)) facts[factName(name)] = value;
  }
  if (why.time.kind === 'for') facts['heldS'] = why.time.heldS;
  if (why.time.kind === 'count') facts['count'] = why.time.count;
  if (why.time.kind === 'absent') facts['awaitedS'] = why.time.withinS;
  if (why.lateByS !== null) facts['lateByS'] = why.lateByS;
  for (const [name, expression] of rule.facts) facts[name] = expression.evaluate(context) ?? null;
  const because = [...new Set(all.map(({ expression }) => expression))].join(' ; ');
  return { ...facts, rule: rule.id, ruleVersion: rule.version, because };
}

/** `params.warnC` → `warnC`; `event.portC` → `portC`; `heat.portC` → `heatPortC`. */
function factName(name: string): string {
  const [record = '', field] = name.split('.');
  if (field === undefined) return record;
  if (['params', 'state', 'event', 'window'].includes(record)) return field;
  return `${record}${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}

function factOf(value: unknown): FactValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
