import type { Addressee, FactValue, Match } from '../domain/match.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import type { Reference } from './cel-bounds.ts';
import type { CelExpression } from './cel.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { Situation } from './engine.ts';

export interface ChosenTier {
  readonly tier: Tier;
  readonly rank: number;
  readonly condition: CelExpression | null;
  readonly to: readonly Addressee[];
}

/** The first entry of the rule's tiers that holds; null where none does. */
export function pickTier(rule: CompiledRule, context: Record<string, unknown>): ChosenTier | null {
  for (const { tier, condition, to } of rule.tiers) {
    if (condition === null || condition.evaluate(context) === true) {
      return { tier, rank: tierRank(tier), condition, to: to ?? rule.to };
    }
  }
  return null;
}

/** The match that people will see: with the values that were compared, the rule's version, and why this tier. */
export function createMatch(rule: CompiledRule, tier: ChosenTier, situation: Situation): Match {
  const { context } = situation;
  const standIn = `${rule.id}:${situation.source ?? situation.area ?? 'site'}`;
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
    facts: explain(rule, tier, context),
    events: situation.events,
    to: tier.to,
    weight: rule.weight,
  };
}

function explain(
  rule: CompiledRule,
  tier: ChosenTier,
  context: Record<string, unknown>,
): Readonly<Record<string, FactValue>> {
  const facts: Record<string, FactValue> = {};
  const put = ([record, field]: Reference): void => {
    const value: unknown = context[record];
    const name = field === null ? record : record === 'event' ? field : joinName(record, field);
    if (record === 'now' || record === 'place') return;
    const shown = field === null ? value : (value as Record<string, unknown> | undefined)?.[field];
    facts[name] = factOf(shown);
  };
  for (const side of rule.sides) {
    const plain = side.name === 'event';
    for (const [record, field] of side.condition?.references ?? []) {
      // In a side's own condition its event is called `event`; outside it has the side's name.
      put(!plain && record === 'event' ? [side.name, field] : [record, field]);
    }
  }
  for (const reference of tier.condition?.references ?? []) put(reference);
  if (rule.forMs !== null)
    facts['heldS'] = factOf((context['state'] as Record<string, unknown> | undefined)?.['heldS']);
  if (rule.count) facts['count'] = factOf((context['state'] as Record<string, unknown> | undefined)?.['count']);
  for (const [name, expression] of rule.facts) facts[name] = expression.evaluate(context) ?? null;
  const because = [...rule.sides.map((side) => side.condition?.source), tier.condition?.source]
    .filter((source) => source !== undefined)
    .map((source) => source.trim());
  return { ...facts, rule: rule.id, ruleVersion: rule.version, because: because.join(' ; ') };
}

/** `params` + `warnC` → `warnC`; `heat` + `portC` → `heatPortC`. */
function joinName(record: string, field: string): string {
  if (record === 'params' || record === 'state') return field;
  return `${record}${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}

function factOf(value: unknown): FactValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
