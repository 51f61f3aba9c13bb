/** The steps of one alert's life: pure functions (alert, input) → what became of it. No clock, no ids, no I/O. */
import type { Alert, AlertTransition, Feedback, Notice, NoticeChange } from '../domain/alert.ts';
import type { AlertId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import type { Tier, TierPolicies } from '../domain/tier.ts';
import { worseTier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { News } from './notice-data.ts';
import type { AlertsOptions } from './options.ts';
import { stateAfter, type Step } from './transitions.ts';

/** Who did what nobody did. */
export const gatewayActor = 'kanmen';
/** Events named by one alert: the first of them and the latest; the rest are in the log under the rule and time. */
const maxEvents = 100;
/** Repeats are told ever more rarely, down to one an hour. */
const slowestCountNewsMs = 3_600_000;

export interface LifeSettings {
  readonly policies: TierPolicies;
  readonly options: AlertsOptions;
}

/** What one step came to. `news` null: nobody needs to hear of it. */
export interface LifeStep {
  readonly alert: Alert;
  readonly transitions: readonly AlertTransition[];
  readonly news: News | null;
  readonly change: NoticeChange;
  /** `others`: not the one who answered, who knows it already. */
  readonly audience: 'all' | 'others';
}

export const after = (at: EpochMs, ms: number): EpochMs => (at + ms) as EpochMs;
const within = (at: EpochMs, ms: number | null): EpochMs | null => (ms === null ? null : after(at, ms));

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
  return {
    alert: { ...alert, state: to },
    transitions: [{ at: who.nowMs, from: alert.state, to, by: who.by, why: who.why }],
  };
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
    },
  };
  const transitions: AlertTransition[] = [
    { at: nowMs, from: null, to: 'raised', by: gatewayActor, why: `rule ${match.rule} ${match.ruleVersion}` },
  ];
  return { alert, transitions, change: 'raised', audience: 'all', news: newsOf('raised', nowMs, match.title.zh) };
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
  const taken = take(alert, 'reopen', { by: gatewayActor, why, nowMs });
  const policy = policies[tier];
  const acknowledgeBy = within(nowMs, policy.acknowledgeWithinMs);
  const outcomeBy = within(nowMs, policy.outcomeWithinMs);
  alert = {
    ...taken.alert,
    acknowledgedAt: null,
    acknowledgeBy: before.acknowledgedAt === null ? sooner(before.acknowledgeBy, acknowledgeBy) : acknowledgeBy,
    outcomeBy: back ? outcomeBy : sooner(before.outcomeBy, outcomeBy),
    followUp: { ...alert.followUp, ...(back && { resolvedAt: null, revisitBy: null, answered: [] }) },
  };
  return {
    alert,
    transitions: taken.transitions,
    news: newsOf(back ? 'reopened' : 'tier-raised', nowMs, match.title.zh),
    change: worse ? 'escalated' : 'updated',
    audience: 'all',
  };
}

/** Red and orange are answered by both sides and revisited before they close; the rest close with their outcome. */
export const needsBothSides = (tier: Tier): boolean => tier === 'red' || tier === 'orange';

export interface AnswerContext {
  /** On which side the one who answers stands. */
  readonly side: Notice['form'];
  /** Sides that have a recipient at all. */
  readonly sides: ReadonlySet<Notice['form']>;
}

/** What somebody answered. Feedback out of order changes nothing but who has answered; it is kept all the same. */
export function answerAlert(
  before: Alert,
  feedback: Feedback,
  context: AnswerContext,
  settings: LifeSettings,
  nowMs: EpochMs,
): LifeStep {
  const { policies, options } = settings;
  const { answered } = before.followUp;
  const marked: Alert = {
    ...before,
    followUp: {
      ...before.followUp,
      answered: answered.includes(context.side) ? answered : [...answered, context.side],
    },
  };
  const who = { by: feedback.by, why: feedback.text === '' ? feedback.kind : feedback.text, nowMs };
  // The moment people meant, as far as it can be true: not before the alert, not after now.
  const meantAt = Math.min(nowMs, Math.max(feedback.at, before.raisedAt)) as EpochMs;
  const inHand = (alert: Alert): Alert => ({
    ...alert,
    owner: alert.owner ?? feedback.by,
    acknowledgedAt: alert.acknowledgedAt ?? meantAt,
  });
  const told = newsOf(feedback.kind, meantAt, feedback.text, feedback.by);
  const step: LifeStep = { alert: marked, transitions: [], news: null, change: 'updated', audience: 'others' };

  const go = (how: Step, change: (alert: Alert) => Alert, tellAnyway: boolean): LifeStep => {
    const taken = take(marked, how, who);
    const moved = taken.transitions.length > 0;
    return {
      ...step,
      alert: moved ? change(taken.alert) : marked,
      transitions: taken.transitions,
      news: moved || tellAnyway ? told : null,
    };
  };

  switch (feedback.kind) {
    case 'acknowledged':
      return finish(go('acknowledge', inHand, false), context, who);
    case 'progress':
      return finish(go('progress', inHand, true), context, who);
    case 'transferred':
      return finish(
        go(
          'transfer',
          (alert) => ({
            ...alert,
            owner: null,
            acknowledgedAt: null,
            acknowledgeBy: within(nowMs, policies[alert.tier].acknowledgeWithinMs),
          }),
          true,
        ),
        context,
        who,
      );
    case 'revisit':
      return finish(
        go('revisit', (alert) => ({ ...alert, followUp: { ...alert.followUp, revisitBy: null } }), false),
        context,
        who,
      );
    case 'outcome': {
      if (feedback.outcome === 'false-alarm') {
        const taken = go('dismiss', (alert) => ({ ...inHand(alert), closedAt: nowMs }), false);
        return taken.news === null ? taken : { ...taken, change: 'closed', audience: 'all' };
      }
      const awaitsRevisit = needsBothSides(before.tier) && feedback.outcome !== 'drill';
      const resolved = go(
        'resolve',
        (alert) => {
          const revisitBy = awaitsRevisit ? after(nowMs, options.revisitAfter) : null;
          return { ...inHand(alert), followUp: { ...alert.followUp, resolvedAt: nowMs, revisitBy } };
        },
        true,
      );
      if (resolved.transitions.length > 0 && !awaitsRevisit) return close(resolved, who);
      return finish(resolved, context, who);
    }
  }
}

type Who = Parameters<typeof take>[2];

function close(step: LifeStep, who: Who): LifeStep {
  const taken = take(step.alert, 'close', who);
  return {
    alert: { ...taken.alert, closedAt: who.nowMs },
    transitions: [...step.transitions, ...taken.transitions],
    news: step.news ?? newsOf('closed', who.nowMs, who.why, who.by),
    change: 'closed',
    audience: 'all',
  };
}

/** Closes a revisited alert once every side that is told of it has answered (双反馈). */
function finish(step: LifeStep, context: AnswerContext, who: Who): LifeStep {
  const { state, followUp } = step.alert;
  const allAnswered = [...context.sides].every((side) => followUp.answered.includes(side));
  return state === 'revisited' && allAnswered ? close(step, who) : step;
}
