/**
 * Alerts: from matches to a matter that somebody must answer, and what recipients are told of it.
 *
 * takes: matches of one turn, feedback, receipts, evidence, the passing of time
 * gives: changes (alert, transitions, feedback, notices, deliveries) to store together, and effects for afterwards
 * keeps: open alerts in memory, as last stored; nothing on disk of its own
 * never: waits, does I/O, reads a clock, tells one recipient the same version twice
 * spec: design.md section 5; interfaces.md "Notices to recipients"
 */
import type { Alert, Delivery, EvidenceRef, Feedback, Notice, NoticeChange } from '../domain/alert.ts';
import { endedAlertStates } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { AlertEffect, Outcome } from '../domain/effects.ts';
import type { AlertId, DeliveryId, NoticeId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import { noticeTypes, type NoticeData } from '../domain/notice.ts';
import type { Places } from '../domain/place.ts';
import type { TierPolicies } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import { nextTimeOfDay } from '../lib/local-time.ts';
import type { Random } from '../lib/random.ts';
import { audienceOf, formFor, type Addressed } from './audience.ts';
import { passTime } from './deadlines.ts';
import { answerAlert, gatewayActor, joinAlert, mergeMatches, newsOf, openAlert, take, type LifeStep } from './life.ts';
import { firstAttemptAt, noticeData, type SharedNoticeData } from './notice-data.ts';
import { createOpenAlerts } from './open-alerts.ts';
import type { AlertsOptions } from './options.ts';

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
}

export interface Alerts {
  /** The matches of one turn: all with one key make or join one alert. */
  apply(matches: readonly Match[], nowMs: EpochMs): Outcome;
  /** Somebody answered. A repeat by id is nothing; throws `alert.unknown`. */
  answer(feedback: Feedback, nowMs: EpochMs): Outcome;
  /** A notice was received: the first receipt of a report (of any notice, if nobody gets reports) moves `raised → delivered`. */
  delivered(delivery: Delivery, nowMs: EpochMs): Outcome;
  /** Deadlines, news held back, quiet alerts; to be called about once a second. */
  tick(nowMs: EpochMs): Outcome;
  /** Evidence that was kept for the alert; throws `alert.unknown`. */
  attachEvidence(alertId: AlertId, refs: readonly EvidenceRef[], nowMs: EpochMs): Outcome;
  /** Takes what is stored in place of what is in memory: at start, and after a commit that failed. */
  reload(openAlerts: readonly Alert[]): void;
  open(): readonly Alert[];
}

export function createAlerts(given: {
  readonly options: AlertsOptions;
  readonly policies: TierPolicies;
  readonly recipients: readonly Recipient[];
  readonly places: Places;
  /** Id of this gateway, as recipients read it. */
  readonly gateway: string;
  readonly random: Pick<Random, 'id'>;
  readonly reads: AlertsReads;
}): Alerts {
  const { options, policies, recipients, places, gateway, random, reads } = given;
  const settings = { policies, options };
  const open = createOpenAlerts();
  /** Answers taken in since the last reload whose rows may not be on disk yet. */
  let answeredIds = new Set<string>();
  let sequence = 0;

  const audience = (alert: Alert): Addressed[] =>
    audienceOf(
      {
        tier: alert.tier,
        to: alert.to,
        grid: places.area(alert.area)?.grid ?? null,
        escalation: alert.escalation,
      },
      recipients,
    );

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
      const alert = step.news ? withVersion(step.alert, nowMs) : step.alert;
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
      for (const addressed of audience(alert)) {
        if (step.audience === 'others' && addressed.recipient.id === answer?.recipient) continue;
        told.push(...tell(alert, step.change, data, addressed, nowMs));
      }
    }
    if (answer) saved.push({ kind: 'feedback-recorded', feedback: answer, receivedAt: nowMs });
    const due: AlertEffect[] = told.length > 0 ? [{ kind: 'deliveries-due' }] : [];
    return { changes: [...saved, ...told], effects: [...effects, ...due, ...shown] };
  };

  const withVersion = (alert: Alert, nowMs: EpochMs): Alert => ({
    ...alert,
    version: alert.version + 1,
    followUp: { ...alert.followUp, toldAt: nowMs, toldCount: alert.count },
  });

  const tell = (
    alert: Alert,
    change: NoticeChange,
    data: SharedNoticeData,
    { recipient, form }: Addressed,
    nowMs: EpochMs,
  ): Change[] => {
    const notice: Notice = {
      id: random.id() as NoticeId,
      alertId: alert.id,
      alertVersion: alert.version,
      recipient: recipient.id,
      form,
      change,
      createdAt: nowMs,
    };
    sequence += 1;
    const delivery: Delivery = {
      id: random.id() as DeliveryId,
      item: 'notice',
      notice: notice.id,
      alertId: alert.id,
      recipient: recipient.id,
      channel: recipient.channel,
      tier: alert.tier,
      sequence,
      type: noticeTypes[change],
      data: { ...data, noticeId: notice.id, form } satisfies NoticeData,
      createdAt: nowMs,
      state: 'pending',
      attempts: 0,
      nextAttemptAt: firstAttemptAt(alert.tier, nowMs, (at) => nextTimeOfDay(at, options.digestAt, options.timeZone)),
      lastError: null,
      deliveredAt: null,
    };
    return [
      { kind: 'notice-created', notice },
      { kind: 'delivery-created', delivery },
    ];
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
        sides: new Set(audience(alert).map(({ form }) => form)),
      } as const;
      return outcomeOf([answerAlert(alert, feedback, context, settings, nowMs)], nowMs, feedback);
    },

    delivered: ({ alertId, recipient }, nowMs) => {
      const alert = alertId === null ? undefined : open.byId(alertId);
      if (alert?.state !== 'raised') return { changes: [], effects: [] };
      const told = audience(alert);
      const form = told.find((addressed) => addressed.recipient.id === recipient)?.form;
      if (form === 'notification' && told.some((addressed) => addressed.form === 'report'))
        return { changes: [], effects: [] };
      const taken = take(alert, 'deliver', { by: recipient, why: 'receipt', nowMs });
      return outcomeOf([{ ...taken, news: null, change: 'updated', audience: 'all' }], nowMs);
    },

    tick: (nowMs) => {
      const steps = open.all().flatMap((alert) => passTime(alert, settings, nowMs) ?? []);
      return outcomeOf(steps, nowMs);
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
      sequence = Math.max(sequence, reads.lastSequence());
    },

    open: () => open.all(),
  };
}
