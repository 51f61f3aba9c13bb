/**
 * Alerts: from matches to a matter that somebody must answer, and what recipients are told of it.
 *
 * takes: matches of one turn, feedback, receipts, evidence, the passing of time
 * gives: changes (alert, transitions, feedback, notices, deliveries) to store together, and effects for afterwards
 * keeps: open alerts in memory, as last stored; nothing on disk of its own
 * never: waits, does I/O, reads a clock, tells one recipient the same version twice
 * spec: design.md section 5; interfaces.md "Notices to recipients"
 */
import type { Alert, DeadlineKind, Delivery, DigestItem, EvidenceRef, Feedback, Notice } from '../domain/alert.ts';
import { endedAlertStates } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { AlertEffect, Outcome } from '../domain/effects.ts';
import type { AlertId, RecipientId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import type { Places } from '../domain/place.ts';
import { tierRank, type TierPolicies } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { answerAlert } from './answer.ts';
import { audienceOf, formFor, topLevel, type Addressed, type Audience, type Told } from './audience.ts';
import { createDeadlineWatch } from './deadline-watch.ts';
import { passTime } from './deadlines.ts';
import { createDuty, type Duty } from './duty.ts';
import { followed, followUpOf, needsBothSides, runningDeadlines } from './follow-up.ts';
import { gatewayActor, joinAlert, mergeMatches, newsOf, openAlert, take, type LifeStep } from './life.ts';
import { noticeData } from './notice-data.ts';
import { createOpenAlerts } from './open-alerts.ts';
import type { AlertsOptions } from './options.ts';
import { alertsOfDigest, createTelling } from './telling.ts';

export { audienceOf, formFor, type Audience, type Told } from './audience.ts';
export { createCanary, type Canary, type CanaryReport } from './canary.ts';
export { coverageFaults, type CoverageFault, type RuleInForce } from './coverage.ts';
export { createDuty, type Duty } from './duty.ts';
export { createProposals, type ProposalCollaborators, type RecordedMatch, type RuleChange } from './proposals.ts';
export { createFigures, type FigureReads } from './figures.ts';
export { transitionTable, stateAfter, type Step } from './transitions.ts';

/** Evidence named by one alert at most; more is kept with the camera's own records. */
const maxEvidence = 20;

/** Answers remembered until their rows are surely on disk; a commit takes milliseconds, people answer in minutes. */
const maxAnsweredIds = 10_000;

/** What this room asks of the store; called in the same turn, so it must answer at once. */
export interface AlertsReads {
  /** Any alert, ended ones too. */
  findAlert(id: AlertId): Alert | undefined;
  hasFeedback(id: string): boolean;
  /** The highest `sequence` of any delivery, 0 where there is none. */
  lastSequence(): number;
  /** What waits for a digest that was due at `nowMs`; a due time later than `longestWaitMs` ahead is a wrong clock's. */
  digestDue(nowMs: EpochMs, longestWaitMs: number): readonly DigestItem[];
}

/** How often the answer to "who is told?" was not the one that was meant, since start. */
export interface Reach {
  readonly raised: number;
  /** Alerts for which a role of the rule had nobody there, so that the next one up was told. */
  readonly fellUpward: number;
  /** Alerts for which nobody at all was on duty: people were told outside their hours. */
  readonly offDuty: number;
  /** Alerts that no recipient is configured for. Anything but 0 is a fault that `kanmen check` would have found. */
  readonly nobody: number;
}

export interface Alerts {
  /** The matches of one turn: all with one key make or join one alert. */
  apply(matches: readonly Match[], nowMs: EpochMs): Outcome;
  /** Somebody answered. A repeat by id is nothing; throws `alert.unknown`. */
  answer(feedback: Feedback, nowMs: EpochMs): Outcome;
  /** A notice was received: the first receipt of a report (of any notice, if nobody gets reports) moves `raised → delivered`. */
  delivered(delivery: Delivery, nowMs: EpochMs): Outcome;
  /**
   * Deadlines, shifts that change, the daily digest, news held back, quiet alerts; to be called about once a second.
   * `monotonicMs` is time that does not jump; without it the wall clock is taken for that.
   */
  tick(nowMs: EpochMs, monotonicMs?: number): Outcome;
  /** Evidence that was kept for the alert; throws `alert.unknown`. */
  attachEvidence(alertId: AlertId, refs: readonly EvidenceRef[], nowMs: EpochMs): Outcome;
  /** Takes what is stored in place of what is in memory: at start, and after a commit that failed. */
  reload(openAlerts: readonly Alert[]): void;
  open(): readonly Alert[];
  /** Who would be told of this alert at this moment. */
  audience(alert: Alert, at: EpochMs): Told;
  reach(): Reach;
  /** Sides that have not answered yet, and the deadlines that run. */
  awaits(alert: Alert): {
    readonly sides: readonly Notice['form'][];
    readonly deadlines: readonly { readonly kind: DeadlineKind; readonly at: EpochMs }[];
  };
}

/** A day, and an hour for a change of the clocks: no digest is further off. */
const longestDigestWaitMs = 25 * 3_600_000;
/** What was owed in the very second of the digest is on disk by then, so that one day has one digest. */
const digestGraceMs = 5000;

export function createAlerts(given: {
  readonly options: AlertsOptions;
  readonly policies: TierPolicies;
  readonly recipients: readonly Recipient[];
  /** Who is there when; without it everybody always is. */
  readonly duty?: Duty;
  readonly places: Places;
  /** Id of this gateway, as recipients read it. */
  readonly gateway: string;
  readonly random: Pick<Random, 'id'>;
  readonly reads: AlertsReads;
}): Alerts {
  const { options, policies, recipients, places, gateway, random, reads } = given;
  const duty = given.duty ?? createDuty([], options.timeZone);
  const settings = { policies, options };
  const open = createOpenAlerts();
  const watch = createDeadlineWatch(settings);
  const telling = createTelling({ options, recipients, places, gateway, random });
  /** Answers taken in since the last reload whose rows may not be on disk yet. */
  let answeredIds = new Set<string>();
  let lastMinute = -1;
  const reach = { raised: 0, fellUpward: 0, offDuty: 0, nobody: 0 };

  const audienceFor = (alert: Alert): Audience => ({
    tier: alert.tier,
    to: alert.to,
    department: alert.department ?? null,
    grid: places.area(alert.area)?.grid ?? null,
    escalation: alert.escalation,
    assigned: followUpOf(alert).transfers.flatMap(({ recipient }) => recipient ?? []),
  });
  const audience = (alert: Alert, at: EpochMs): Told =>
    audienceOf(audienceFor(alert), recipients, (recipient) => duty.isThere(recipient, at));

  const chosen = (step: LifeStep, told: readonly Addressed[], answer: Feedback | null): readonly Addressed[] => {
    const { audience: who } = step;
    if (who === 'all') return told;
    if (who === 'others') return told.filter(({ recipient }) => recipient.id !== answer?.recipient);
    return told.filter(({ recipient }) => who.includes(recipient.id));
  };

  const count = (step: LifeStep, { told, missing, offDuty }: Told): void => {
    if (step.news?.kind !== 'raised' || step.change !== 'raised') return;
    reach.raised += 1;
    if (told.length === 0) reach.nobody += 1;
    else if (offDuty) reach.offDuty += 1;
    else if (missing.length > 0) reach.fellUpward += 1;
  };

  /** Rows and effects of steps, one step for each alert. */
  const outcomeOf = (
    steps: readonly LifeStep[],
    nowMs: EpochMs,
    answer: Feedback | null = null,
    effects: readonly AlertEffect[] = [],
  ): Outcome => {
    const saved: Change[] = [];
    const told: Change[] = [];
    const shown: AlertEffect[] = [];
    for (const step of steps) {
      const reached = step.news ? audience(step.alert, nowMs) : null;
      const to = reached ? chosen(step, reached.told, answer) : [];
      if (reached) count(step, reached);
      const alert = step.news ? withVersion(step.alert, to, nowMs) : step.alert;
      open.put(alert);
      saved.push(
        { kind: 'alert-saved', alert },
        ...step.transitions.map((transition): Change => ({ kind: 'alert-transition', alertId: alert.id, transition })),
      );
      shown.push({ kind: 'alert-changed', alert });
      if (!step.news) continue;
      const context = { places, gateway, timeZone: options.timeZone };
      // The same for everyone but for two fields: made once, because a storm raises thousands.
      const data = noticeData(alert, step.news, context);
      // It has become worse than blue: what waits for the digest is told now, with everything else.
      if (step.news.kind === 'tier-raised') told.push({ kind: 'digest-dropped', alertId: alert.id });
      for (const addressed of to) told.push(...telling.tell(alert, step.change, data, addressed, nowMs));
    }
    if (answer) saved.push({ kind: 'feedback-recorded', feedback: answer, receivedAt: nowMs });
    const due: AlertEffect[] = told.some(({ kind }) => kind === 'delivery-created') ? [{ kind: 'deliveries-due' }] : [];
    return { changes: [...saved, ...told], effects: [...effects, ...due, ...shown] };
  };

  const withVersion = (alert: Alert, to: readonly Addressed[], nowMs: EpochMs): Alert => {
    const known = followUpOf(alert).told;
    const fresh = to.map(({ recipient }) => recipient.id).filter((id) => !known.includes(id));
    return followed(
      { ...alert, version: alert.version + 1 },
      { toldAt: nowMs, toldCount: alert.count, ...(fresh.length > 0 && { told: [...known, ...fresh] }) },
    );
  };

  /** Those who have come on duty since an alert was told, while nobody has taken it up: they are told now. */
  const newcomers = (alert: Alert, nowMs: EpochMs): RecipientId[] => {
    if (alert.acknowledgedAt !== null || alert.tier === 'blue' || followUpOf(alert).resolvedAt !== null) return [];
    const known = followUpOf(alert).told;
    return audience(alert, nowMs)
      .told.map(({ recipient }) => recipient.id)
      .filter((id) => known.length > 0 && !known.includes(id));
  };

  const timeStep = (open: Alert, nowMs: EpochMs, shiftsMayChange: boolean): LifeStep[] => {
    const { alert, due } = watch.look(open);
    const step = passTime(alert, settings, nowMs, due, topLevel(audienceFor(alert), recipients));
    if (step) return [step];
    const quiet: LifeStep = { alert, transitions: [], news: null, change: 'updated', audience: 'all' };
    const come = shiftsMayChange ? newcomers(alert, nowMs) : [];
    if (come.length > 0)
      return [{ ...quiet, news: newsOf('raised', nowMs, alert.title.zh), change: 'updated', audience: come }];
    // Only its deadlines were moved, along with a clock that was set.
    return alert === open ? [] : [quiet];
  };

  const find = (id: AlertId): Alert => {
    const alert = open.byId(id) ?? reads.findAlert(id);
    if (!alert) throw new GatewayError('alert.unknown', 'no such alert', { facts: { alertId: id } });
    return alert;
  };

  const wantEvidence = ({ alert, news }: LifeStep, at: EpochMs): AlertEffect[] =>
    alert.area !== null && news && ['raised', 'reopened', 'tier-raised'].includes(news.kind)
      ? [{ kind: 'evidence-wanted', alertId: alert.id, area: alert.area, at }]
      : [];

  return {
    apply: (matches, nowMs) => {
      const byKey = new Map<string, [Match, ...Match[]]>();
      for (const match of matches) {
        const same = byKey.get(match.key);
        if (same) same.push(match);
        else byKey.set(match.key, [match]);
      }
      const steps: LifeStep[] = [];
      const effects: AlertEffect[] = [];
      for (const [key, same] of byKey) {
        const match = mergeMatches(same);
        const known = open.byKey(key);
        const step = known
          ? joinAlert(known, match, settings, nowMs)
          : openAlert(random.id() as AlertId, match, settings, nowMs);
        steps.push(step);
        effects.push(...wantEvidence(step, match.at));
      }
      return outcomeOf(steps, nowMs, null, effects);
    },

    answer: (feedback, nowMs) => {
      if (answeredIds.has(feedback.id) || reads.hasFeedback(feedback.id)) return { changes: [], effects: [] };
      const alert = find(feedback.alertId);
      answeredIds.add(feedback.id);
      for (const oldest of answeredIds) if (answeredIds.size > maxAnsweredIds) answeredIds.delete(oldest);
      if (endedAlertStates.includes(alert.state)) return outcomeOf([], nowMs, feedback);
      const role = recipients.find(({ id }) => id === feedback.recipient)?.role;
      const context = {
        // Given at the gateway itself: by the community, whose box it is.
        side: role === undefined ? 'notification' : formFor(role),
        // Whoever is meant, on duty now or not.
        sides: new Set(audienceOf(audienceFor(alert), recipients).told.map(({ form }) => form)),
        target: recipients.find(({ id, name }) => id === feedback.to || name === feedback.to) ?? null,
      } as const;
      const step = answerAlert(alert, feedback, context, settings, nowMs);
      const judged: AlertEffect[] = step.transitions.some(({ to }) => to === 'false-alarm')
        ? [{ kind: 'false-alarm-judged', alert: step.alert }]
        : [];
      return outcomeOf([step], nowMs, feedback, judged);
    },

    delivered: (delivery, nowMs) => {
      const { alertId, recipient } = delivery;
      const ids = delivery.item === 'digest' ? alertsOfDigest(delivery) : alertId === null ? [] : [alertId];
      const steps = ids.flatMap((id): LifeStep[] => {
        const alert = open.byId(id);
        if (alert?.state !== 'raised') return [];
        // Those who are meant as well as those who stood in when it was sent.
        const told = [...audienceOf(audienceFor(alert), recipients).told, ...audience(alert, nowMs).told];
        const form = recipients.find((known) => known.id === recipient)?.role;
        if (form !== undefined && formFor(form) === 'notification' && told.some((each) => each.form === 'report'))
          return [];
        const taken = take(alert, 'deliver', { by: recipient, why: 'receipt', nowMs });
        const at = followUpOf(alert).deliveredAt ?? nowMs;
        return [
          {
            alert: followed(taken.alert, { deliveredAt: at, deliverBy: null }),
            transitions: taken.transitions,
            news: null,
            change: 'updated',
            audience: 'all',
          },
        ];
      });
      return steps.length === 0 ? { changes: [], effects: [] } : outcomeOf(steps, nowMs);
    },

    tick: (nowMs, monotonicMs = nowMs) => {
      watch.passed(nowMs, monotonicMs);
      const minute = Math.floor(nowMs / 60_000);
      const shiftsMayChange = minute !== lastMinute;
      lastMinute = minute;
      // Red first, here as everywhere: what is told first has the lower sequence.
      const alerts = [...open.all()].sort((a, b) => tierRank(a.tier) - tierRank(b.tier));
      const outcome = outcomeOf(
        alerts.flatMap((alert) => timeStep(alert, nowMs, shiftsMayChange)),
        nowMs,
      );
      watch.keepOnly((id) => open.byId(id) !== undefined);
      const owed = reads.digestDue((nowMs - digestGraceMs) as EpochMs, longestDigestWaitMs);
      if (owed.length === 0) return outcome;
      return {
        changes: [...outcome.changes, ...telling.digests(owed, nowMs)],
        effects: [{ kind: 'deliveries-due' }, ...outcome.effects],
      };
    },

    attachEvidence: (alertId, refs, nowMs) => {
      const alert = find(alertId);
      const fresh = refs
        .filter(({ id }) => !alert.evidence.some((known) => known.id === id))
        .slice(0, maxEvidence - alert.evidence.length);
      if (fresh.length === 0) return { changes: [], effects: [] };
      const changed: Alert = { ...alert, evidence: [...alert.evidence, ...fresh] };
      const news = endedAlertStates.includes(alert.state)
        ? null
        : newsOf('evidence-added', nowMs, `${fresh.length}`, gatewayActor);
      return outcomeOf([{ alert: changed, transitions: [], news, change: 'updated', audience: 'all' }], nowMs);
    },

    reload: (openAlerts) => {
      open.replace(openAlerts);
      answeredIds = new Set();
      watch.clear();
      telling.reload(reads.lastSequence());
    },

    open: () => open.all(),
    audience,
    reach: () => ({ ...reach }),
    awaits: (alert) => {
      if (endedAlertStates.includes(alert.state)) return { sides: [], deadlines: [] };
      const meant = new Set(audienceOf(audienceFor(alert), recipients).told.map(({ form }) => form));
      const wanted = needsBothSides(alert.tier)
        ? [...meant]
        : alert.acknowledgedAt === null
          ? [...meant].slice(0, 1)
          : [];
      return {
        sides: wanted.filter((side) => !alert.followUp.answered.includes(side)),
        deadlines: [...runningDeadlines(alert)].map(([kind, at]) => ({ kind, at })),
      };
    },
  };
}
