/** The steps of one alert's life: pure functions (alert, input) → what became of it. No clock, no ids, no I/O. */
import type { Alert, AlertTransition, NoticeChange } from '../domain/alert.ts';
import type { AlertId, RecipientId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import { worseTier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { followed, followUpOf, withHistory, within, type LifeSettings } from './follow-up.ts';
import type { News } from './notice-data.ts';
import type { AlertsOptions } from './options.ts';
import { stateAfter, type NotedStep, type Step } from './transitions.ts';

/** Who did what nobody did. */
export const gatewayActor = 'kanmen';
/** Events named by one alert: the first of them and the latest; the rest are in the log under the rule and time. */
const maxEvents = 100;
/** Repeats are told ever more rarely, down to one an hour. */
const slowestCountNewsMs = 3_600_000;

/** What one step came to. `news` null: nobody needs to hear of it. */
export interface LifeStep {
  readonly alert: Alert;
  readonly transitions: readonly AlertTransition[];
  readonly news: News | null;
  readonly change: NoticeChange;
  /** `others`: not the one who answered, who knows it already; or only these. */
  readonly audience: 'all' | 'others' | readonly RecipientId[];
}

function sooner(a: EpochMs | null, b: EpochMs | null): EpochMs | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b) as EpochMs;
}

/** Takes the step if the table allows it from where the alert stands; else nothing changes. */
export function take(
  alert: Alert,
  step: Step,
  who: { readonly by: string; readonly why: string; readonly nowMs: EpochMs },
): { readonly alert: Alert; readonly transitions: readonly AlertTransition[] } {
  const to = stateAfter(alert.state, step);
  if (to === null) return { alert, transitions: [] };
  const transitions: AlertTransition[] = [{ at: who.nowMs, from: alert.state, to, by: who.by, why: who.why, step }];
  return { alert: withHistory({ ...alert, state: to }, transitions), transitions };
}

/** Writes a step down that leaves the state as it is. */
export function note(
  alert: Alert,
  step: NotedStep,
  who: { readonly by: string; readonly why: string; readonly nowMs: EpochMs },
): { readonly alert: Alert; readonly transitions: readonly AlertTransition[] } {
  const { state } = alert;
  const transitions: AlertTransition[] = [{ at: who.nowMs, from: state, to: state, by: who.by, why: who.why, step }];
  return { alert: withHistory(alert, transitions), transitions };
}

/** Several matches of one turn with one key as one: worst tier, title of the highest weight, earliest time. */
export function mergeMatches(matches: readonly [Match, ...Match[]]): Match {
  const byWeight = [...matches].sort((a, b) => a.weight - b.weight);
  const named = byWeight.at(-1) ?? matches[0];
  return {
    ...named,
    tier: matches.map(({ tier }) => tier).reduce(worseTier),
    at: Math.min(...matches.map(({ at }) => at)) as EpochMs,
    area: named.area ?? matches.find(({ area }) => area !== null)?.area ?? null,
    facts: Object.assign({}, ...byWeight.map(({ facts }) => facts)) as Match['facts'],
    events: [...new Set(matches.flatMap(({ events }) => events))],
    to: [...new Set(matches.flatMap(({ to }) => to))],
  };
}

export function openAlert(id: AlertId, match: Match, settings: LifeSettings, nowMs: EpochMs): LifeStep {
  const policy = settings.policies[match.tier];
  const alert: Alert = {
    id,
    rule: match.rule,
    ruleVersion: match.ruleVersion,
    key: match.key,
    tier: match.tier,
    kind: match.kind,
    title: match.title,
    message: match.message,
    state: 'raised',
    occurredAt: match.at,
    raisedAt: nowMs,
    lastAt: match.at,
    count: 1,
    area: match.area,
    source: match.source,
    facts: match.facts,
    ...(match.why && { why: match.why }),
    events: match.events.slice(0, maxEvents),
    to: match.to,
    ...(match.department && { department: match.department }),
    evidence: [],
    owner: null,
    acknowledgedAt: null,
    closedAt: null,
    acknowledgeBy: within(nowMs, policy.acknowledgeWithinMs),
    outcomeBy: within(nowMs, policy.outcomeWithinMs),
    escalation: 0,
    version: 0,
    followUp: {
      titleWeight: match.weight,
      toldAt: nowMs,
      toldCount: 1,
      answered: [],
      resolvedAt: null,
      revisitBy: null,
      deliverBy: within(nowMs, policy.deliverWithinMs),
    },
  };
  const why = `rule ${match.rule} ${match.ruleVersion}`;
  const transitions: AlertTransition[] = [
    { at: nowMs, from: null, to: 'raised', by: gatewayActor, why, step: 'raise' },
  ];
  return {
    alert: withHistory(alert, transitions),
    transitions,
    change: 'raised',
    audience: 'all',
    news: newsOf('raised', nowMs, match.title.zh),
  };
}

export function newsOf(kind: News['kind'], at: EpochMs, text: string, by = gatewayActor): News {
  return { kind, by, at, text };
}

/** Whether a mere repeat may be told now: at most once in `countNewsEvery`, then at doubling distances, at most hourly. */
export function countNewsDue(alert: Alert, options: AlertsOptions, nowMs: EpochMs): boolean {
  const { toldAt, toldCount } = alert.followUp;
  if (alert.count === toldCount) return false;
  const slowestMs = Math.max(slowestCountNewsMs, options.countNewsEvery);
  const distanceMs =
    alert.tier === 'blue' ? 86_400_000 : Math.min(slowestMs, Math.max(options.countNewsEvery, toldAt - alert.raisedAt));
  // A clock that was set back must not silence an alert until it has caught up.
  return nowMs < toldAt || nowMs - toldAt >= distanceMs;
}

/**
 * A repeat of the cause joins the open alert. A worse tier, or a repeat after the outcome, needs a new acknowledgement:
 * the alert is `raised` again with deadlines from now; its owner stays the owner (首接责任).
 */
export function joinAlert(before: Alert, match: Match, settings: LifeSettings, nowMs: EpochMs): LifeStep {
  const { options, policies } = settings;
  const tier = worseTier(before.tier, match.tier);
  const worse = tier !== before.tier;
  const { resolvedAt, titleWeight } = before.followUp;
  const back = resolvedAt !== null && (worse || nowMs - resolvedAt >= options.reopenAfter);
  const names = match.weight > titleWeight;
  const renamed = names && (match.title.zh !== before.title.zh || match.title.en !== before.title.en);
  const events = [...new Set([...before.events, ...match.events])];
  let alert: Alert = {
    ...before,
    ...(names && { rule: match.rule, ruleVersion: match.ruleVersion, kind: match.kind, source: match.source }),
    ...(names && { title: match.title }),
    ...(match.weight >= titleWeight && { message: match.message }),
    ...(match.why && (worse || match.weight >= titleWeight) && { why: match.why }),
    tier,
    area: before.area ?? match.area,
    lastAt: Math.max(before.lastAt, match.at) as EpochMs,
    count: before.count + 1,
    facts: { ...before.facts, ...match.facts },
    events: events.length <= maxEvents ? events : [...events.slice(0, 10), ...events.slice(10 - maxEvents)],
    to: [...new Set([...before.to, ...match.to])],
    followUp: { ...before.followUp, titleWeight: Math.max(titleWeight, match.weight) },
  };
  if (!worse && !back) {
    const news = renamed
      ? newsOf('title-changed', nowMs, match.title.zh)
      : countNewsDue(alert, options, nowMs)
        ? newsOf('repeated', nowMs, `${alert.count}`)
        : null;
    return { alert, transitions: [], news, change: 'updated', audience: 'all' };
  }
  const why = back ? 'the cause came back after the outcome' : `tier rose from ${before.tier} to ${tier}`;
  const taken = reopened(alert, { by: gatewayActor, why, nowMs }, settings, back);
  const policy = policies[tier];
  const acknowledgeBy = within(nowMs, policy.acknowledgeWithinMs);
  const outcomeBy = within(nowMs, policy.outcomeWithinMs);
  alert = {
    ...taken.alert,
    acknowledgeBy: before.acknowledgedAt === null ? sooner(before.acknowledgeBy, acknowledgeBy) : acknowledgeBy,
    outcomeBy: back ? outcomeBy : sooner(before.outcomeBy, outcomeBy),
  };
  return {
    alert,
    transitions: taken.transitions,
    news: newsOf(back ? 'reopened' : 'tier-raised', nowMs, match.title.zh),
    change: worse ? 'escalated' : 'updated',
    audience: 'all',
  };
}

/**
 * The alert waits for an acknowledgement again, with deadlines from now. With `anew` (the matter came back, or a revisit
 * found it unsolved) all that was answered before counts no more; whoever owned it still does.
 */
export function reopened(
  before: Alert,
  who: { readonly by: string; readonly why: string; readonly nowMs: EpochMs },
  { policies }: LifeSettings,
  anew: boolean,
): { readonly alert: Alert; readonly transitions: readonly AlertTransition[] } {
  const taken = take(before, 'reopen', who);
  const policy = policies[before.tier];
  const alert: Alert = {
    ...taken.alert,
    acknowledgedAt: null,
    acknowledgeBy: within(who.nowMs, policy.acknowledgeWithinMs),
    outcomeBy: within(who.nowMs, policy.outcomeWithinMs),
  };
  return {
    transitions: taken.transitions,
    alert: followed(alert, {
      progressBy: null,
      steadyAt: null,
      deliverBy: taken.transitions.length > 0 ? within(who.nowMs, policy.deliverWithinMs) : null,
      ...(anew && {
        resolvedAt: null,
        revisitBy: null,
        feedbackBy: null,
        revisitAskedAt: null,
        revisitedAt: null,
        answered: [],
        reopened: followUpOf(before).reopened + 1,
      }),
    }),
  };
}
