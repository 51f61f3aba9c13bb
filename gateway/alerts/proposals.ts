import type { Alert } from '../domain/alert.ts';
import type { Commit } from '../domain/change.ts';
import type { AlertId, RuleId } from '../domain/ids.ts';
import type { ProposalEffect, RuleProposal } from '../domain/proposal.ts';
import type { EpochMs } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { formatDuration } from '../lib/quantities.ts';
import type { Random } from '../lib/random.ts';

/** A comparison that held when the alert was raised: `event.portC > params.warnC`. */
export interface Comparison {
  /** As the rule names it: `event.portC`. */
  readonly fact: string;
  readonly operator: '>' | '>=' | '<' | '<=';
  readonly param: string;
}

/** A rule in force, as far as a change of its settings needs it. */
export interface RuleKnown {
  readonly id: RuleId;
  readonly version: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly suppressMs: number | null;
}

/** Settings of one rule as they stand under `rules.settings.<id>`. */
export interface RuleChange {
  readonly params?: Readonly<Record<string, number>>;
  readonly suppress?: string;
}

/** Matches on recorded events that would have been one alert: the cause, from when to when, and how many. */
export interface RecordedMatch {
  readonly key: string;
  readonly at: EpochMs;
  readonly lastAt: EpochMs;
  readonly count: number;
}

/** What this part asks of others; `app/` joins it with the rules and the store. */
export interface ProposalCollaborators {
  /** Null: the rule is not in force any more. */
  rule(id: RuleId): RuleKnown | null;
  /** Alerts of the rule raised since, oldest first. */
  alertsOfRule(rule: RuleId, since: EpochMs): readonly Alert[];
  /** What the rule, changed or as it is (null), matches on recorded events. Rejects where that cannot be told. */
  backtest(rule: RuleId, change: RuleChange | null, since: EpochMs, until: EpochMs): Promise<readonly RecordedMatch[]>;
}

/** How far back false alarms are counted and rules are tried. */
export const proposalWindowMs = 30 * 86_400_000;
/** A threshold is never moved further than this by a proposal: people decide about more. */
const furthestMoveRatio = 0.25;
/** How long repeats are kept back at most. */
const longestSuppressMs = 24 * 3_600_000;

const isFalse = ({ state }: Alert): boolean => state === 'false-alarm';

/** A number as people write it in a setting: so many digits as the threshold has, but enough to tell it from the value. */
function justBeyond(value: number, operator: Comparison['operator'], like: number): number {
  const decimals = (String(like).split('.')[1] ?? '').length;
  const step = 10 ** -decimals;
  const up = operator === '>' || operator === '>=';
  const rounded = up ? Math.ceil(value / step) * step : Math.floor(value / step) * step;
  // With > the value itself no longer holds at the threshold; with >= it still would.
  const strict = operator === '>' || operator === '<';
  const moved = strict ? rounded : up ? rounded + step : rounded - step;
  return Number(moved.toFixed(decimals));
}

const comparing = /\b([a-z]\w*\.\w+)\s*(>=|<=|>|<)\s*params\.(\w+)/g;

/** What the alert's own explanation says was compared with a parameter of the rule. */
export function comparisonsOf({ why }: Alert): Comparison[] {
  const conditions = why ? [...why.conditions, ...(why.tier.condition ? [why.tier.condition] : [])] : [];
  const found = conditions.flatMap(({ expression }) =>
    [...expression.matchAll(comparing)].map(([, fact, operator, param]) => ({
      fact: fact ?? '',
      operator: operator as Comparison['operator'],
      param: param ?? '',
    })),
  );
  return found.filter(
    (one, index) => found.findIndex((other) => other.fact === one.fact && other.param === one.param) === index,
  );
}

/** The value of a field when the alert was raised; null where it is no number. */
function valueOf(alert: Alert, fact: string): number | null {
  const explained = alert.why?.conditions.flatMap(({ values }) => values).find(([name]) => name === fact)?.[1];
  const value = explained ?? alert.facts[fact.replace(/^\w+\./, '')];
  return typeof value === 'number' ? value : null;
}

interface Idea {
  readonly change: RuleProposal['change'];
  readonly settings: RuleChange;
  readonly reason: RuleProposal['reason'];
}

/** The threshold that would have spared the false alarms and none that was true, if it is near enough. */
function thresholdIdea(rule: RuleKnown, judged: Alert, alerts: readonly Alert[]): Idea | null {
  for (const { fact, operator, param } of comparisonsOf(judged)) {
    const limit = rule.params[param];
    const seen = valueOf(judged, fact);
    if (typeof limit !== 'number' || seen === null) continue;
    const valuesOf = (which: readonly Alert[]): number[] => which.flatMap((alert) => valueOf(alert, fact) ?? []);
    const up = operator === '>' || operator === '>=';
    const others = valuesOf(alerts.filter((alert) => alert.id !== judged.id && !isFalse(alert)));
    const spares = (threshold: number, value: number): boolean =>
      up
        ? operator === '>'
          ? value <= threshold
          : value < threshold
        : operator === '<'
          ? value >= threshold
          : value > threshold;
    // The furthest false value that can be spared; the one just judged is the least that is asked for.
    const candidates = [...new Set([...valuesOf(alerts.filter(isFalse)), seen])]
      .map((value) => justBeyond(value, operator, limit))
      .sort((a, b) => (up ? b - a : a - b));
    const to = candidates.find(
      (threshold) =>
        (up ? threshold > limit : threshold < limit) &&
        Math.abs(threshold - limit) <= Math.abs(limit) * furthestMoveRatio &&
        spares(threshold, seen) &&
        !others.some((value) => spares(threshold, value)),
    );
    if (to === undefined) continue;
    const spared = valuesOf(alerts.filter(isFalse)).filter((value) => spares(to, value)).length;
    return {
      change: { setting: `params.${param}`, from: limit, to },
      settings: { params: { [param]: to } },
      reason: {
        zh: `误报时 ${fact.replace(/^event\./, '')} 为 ${seen}，阈值 ${param} 为 ${limit}。改为 ${to} 可免去近 30 天 ${spared} 次误报，不影响已查实的预警。`,
        en: `${fact.replace(/^event\./, '')} was ${seen} at a threshold ${param} of ${limit}. At ${to}, ${spared} false alarms of the last 30 days are spared and none that was true.`,
      },
    };
  }
  return null;
}

/** Where one cause is judged false again and again, its repeats are kept back for as long as it takes to come back. */
function suppressIdea(rule: RuleKnown, judged: Alert, alerts: readonly Alert[]): Idea | null {
  const same = alerts.filter((alert) => alert.key === judged.key && isFalse(alert));
  const known = same.some(({ id }) => id === judged.id) ? same : [...same, judged];
  const times = known.map(({ occurredAt }) => occurredAt).sort((a, b) => a - b);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  const shortest = gaps.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...gaps);
  const hourMs = 3_600_000;
  const toMs = Math.min(longestSuppressMs, Math.ceil(shortest / hourMs + 1) * hourMs);
  if (!Number.isFinite(shortest) || shortest >= longestSuppressMs || toMs <= (rule.suppressMs ?? 0)) return null;
  const to = formatDuration(toMs);
  return {
    change: { setting: 'suppress', from: rule.suppressMs === null ? null : formatDuration(rule.suppressMs), to },
    settings: { suppress: to },
    reason: {
      zh: `同一原因近 30 天 ${known.length} 次误报。把重复抑制改为 ${to}，同一处在这段时间内只报一次（等级提高时仍会报）。`,
      en: `The same cause was a false alarm ${known.length} times in 30 days. With repeats kept back for ${to} it is told once in that time; a worse tier still is told.`,
    },
  };
}

/** The change that a false alarm suggests, or null where none is near enough to be proposed. Pure. */
export function ideaFor(rule: RuleKnown, judged: Alert, alerts: readonly Alert[]): Idea | null {
  return thresholdIdea(rule, judged, alerts) ?? suppressIdea(rule, judged, alerts);
}

/** What the change would have done. Pure. An alert is spared if nothing of its cause would have matched while it was seen. */
export function effectOf(
  before: readonly RecordedMatch[],
  after: readonly RecordedMatch[],
  alerts: readonly Alert[],
  span: { readonly since: EpochMs; readonly until: EpochMs },
): ProposalEffect {
  const matched = (matches: readonly RecordedMatch[], { key, occurredAt, lastAt }: Alert): boolean =>
    matches.some((match) => match.key === key && match.lastAt >= occurredAt && match.at <= lastAt);
  const total = (matches: readonly RecordedMatch[]): number => matches.reduce((sum, { count }) => sum + count, 0);
  // Only what the backtest finds at all can be lost by the change.
  const found = alerts.filter((alert) => matched(before, alert));
  const lost = found.filter((alert) => !matched(after, alert));
  return {
    ...span,
    before: total(before),
    after: total(after),
    falseAlarms: found.filter(isFalse).length,
    falseAlarmsSpared: lost.filter(isFalse).length,
    missed: lost.filter((alert) => !isFalse(alert)).map(({ id }): AlertId => id),
  };
}

function yamlOf(rule: RuleId, settings: RuleChange): string {
  const inner = settings.params
    ? `params: { ${Object.entries(settings.params)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', ')} }`
    : `suppress: ${settings.suppress ?? ''}`;
  return `rules:\n  settings:\n    ${rule}: { ${inner} }\n`;
}

/** Proposes changes of rules after false-alarm verdicts, with their effect on recorded history. Applies none. */
export function createProposals(given: {
  readonly ask: ProposalCollaborators;
  readonly commit: Commit;
  readonly now: () => EpochMs;
  readonly random: Pick<Random, 'id'>;
  readonly logger: Logger;
}): {
  /** Resolves with the proposal once it is stored, or null where there is nothing to propose. Never rejects. */
  judgedFalse(alert: Alert): Promise<RuleProposal | null>;
} {
  const { ask, commit, now, random, logger } = given;
  const propose = async (judged: Alert): Promise<RuleProposal | null> => {
    const rule = ask.rule(judged.rule);
    const until = now();
    const since = (until - proposalWindowMs) as EpochMs;
    if (!rule) return null;
    // The verdict itself may not be on disk as this is asked.
    const alerts = [...ask.alertsOfRule(rule.id, since).filter(({ id }) => id !== judged.id), judged];
    const idea = ideaFor(rule, judged, alerts);
    if (!idea) return null;
    let effect: ProposalEffect | null = null;
    let note: string | null = null;
    try {
      const before = await ask.backtest(rule.id, null, since, until);
      const after = await ask.backtest(rule.id, idea.settings, since, until);
      effect = effectOf(before, after, alerts, { since, until });
    } catch (error) {
      note = messageOf(error);
    }
    const proposal: RuleProposal = {
      id: random.id(),
      alertId: judged.id,
      rule: rule.id,
      ruleVersion: rule.version,
      madeAt: now(),
      change: idea.change,
      reason: idea.reason,
      yaml: yamlOf(rule.id, idea.settings),
      effect,
      note,
    };
    await commit([{ kind: 'proposal-made', proposal }]);
    return proposal;
  };
  return {
    judgedFalse: (alert) =>
      propose(alert).catch((error: unknown) => {
        logger.warn(
          { alertId: alert.id, rule: alert.rule, reason: messageOf(error) },
          'no change of the rule proposed',
        );
        return null;
      }),
  };
}
