import type { Alert, Delivery, DigestItem, EvidenceRef, Feedback, Notice } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { Outcome } from '../domain/effects.ts';
import type { AlertId, AreaId, EventId, EvidenceId, GridId, RecipientId, RuleId, SiteId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import { noticeDataSchema, type NoticeData } from '../domain/notice.ts';
import type { Places } from '../domain/place.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { DutyCalendar } from './duty-options.ts';
import { createDuty } from './duty.ts';
import { alertsOptions, tiersOptions } from './options.ts';
import { createAlerts, type Alerts } from './index.ts';

/** 2026-01-02 11:04:05 in Shanghai. */
export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5) as EpochMs;

export const somePlaces: Places = {
  site: { id: 'nb-0231' as SiteId, name: '春晓花园' },
  area: (id) => (id === null ? null : { id, name: `${id}号充电棚`, grid: (id === 'a2' ? 'g2' : 'g1') as GridId }),
  grid: (id) => (id === null ? null : { id, name: `网格${id}`, people: ['王芳'] }),
};

const recipient = (id: string, role: Recipient['role'], grid: string | null = null): Recipient => ({
  id: id as RecipientId,
  name: id,
  role,
  grid,
  channel: 'desk',
});
export const someRecipients: readonly Recipient[] = [
  recipient('station', 'station'),
  recipient('fire-department', 'department'),
  recipient('property', 'community'),
  recipient('grid-1', 'grid', 'g1'),
  recipient('grid-2', 'grid', 'g2'),
];

export function matchOf(changes: Partial<Match> = {}): Match {
  return {
    rule: 'charging-over-temperature' as RuleId,
    ruleVersion: 'abcdef012345',
    tier: 'orange',
    kind: 'charging.over-temperature',
    title: { zh: '充电口过热', en: 'Charging port too hot' },
    message: { zh: '91 °C', en: '91 °C' },
    key: 'shed/a1',
    at: startMs,
    area: 'a1' as AreaId,
    source: 'charger/10597059',
    facts: { portC: 91 },
    events: ['e1' as EventId],
    to: ['community'],
    weight: 10,
    ...changes,
  };
}

let answers = 0;
export function answerOf(alertId: AlertId, kind: Feedback['kind'], changes: Partial<Feedback> = {}): Feedback {
  answers += 1;
  return {
    id: `f-${answers}`,
    alertId,
    kind,
    by: '李警官',
    at: startMs,
    text: '',
    outcome: kind === 'outcome' ? 'true' : null,
    recipient: 'station' as RecipientId,
    ...changes,
  };
}

export function evidenceOf(id: string): EvidenceRef {
  return { id: id as EvidenceId, kind: 'picture', sha256: 'a'.repeat(64), capturedAt: startMs, camera: 'gate' };
}

/** A room of alerts on a store in memory: what a commit would have kept can be asked for. */
export interface AlertsBench {
  readonly alerts: Alerts;
  readonly changes: Change[];
  /** Stores an outcome and gives it back. */
  keep(outcome: Outcome): Outcome;
  alert(): Alert;
  notices(): Notice[];
  deliveries(): Delivery[];
  data(): NoticeData[];
  states(): string[];
  /** A new room on the same store, as after a restart. */
  restarted(): AlertsBench;
}

/** What waits for the digest after these changes, as the store would keep it. */
export function owed(changes: readonly Change[]): DigestItem[] {
  const waiting = new Map<string, DigestItem>();
  for (const change of changes) {
    if (change.kind === 'digest-owed') {
      const { notice } = change.item;
      waiting.set(`${notice.alertId} ${notice.recipient}`, change.item);
    }
    if (change.kind !== 'digest-made' && change.kind !== 'digest-dropped') continue;
    for (const [key, { notice }] of waiting) {
      const gone =
        change.kind === 'digest-dropped' ? notice.alertId === change.alertId : change.notices.includes(notice.id);
      if (gone) waiting.delete(key);
    }
  }
  return [...waiting.values()];
}

export function createAlertsBench(
  overrides: {
    readonly recipients?: readonly Recipient[];
    readonly options?: Record<string, unknown>;
    readonly changes?: Change[];
    readonly ids?: { next: number };
    readonly duty?: readonly DutyCalendar[];
    readonly tiers?: Record<string, unknown>;
  } = {},
): AlertsBench {
  const changes = overrides.changes ?? [];
  const ids = overrides.ids ?? { next: 1 };
  const saved = (): Map<AlertId, Alert> => {
    const byId = new Map<AlertId, Alert>();
    for (const change of changes) if (change.kind === 'alert-saved') byId.set(change.alert.id, change.alert);
    return byId;
  };
  const deliveries = (): Delivery[] =>
    changes.flatMap((change) => (change.kind === 'delivery-created' ? [change.delivery] : []));
  const alerts = createAlerts({
    options: alertsOptions.parse(overrides.options ?? {}),
    policies: tiersOptions.parse(overrides.tiers ?? {}),
    recipients: overrides.recipients ?? someRecipients,
    duty: createDuty(overrides.duty ?? [], 'Asia/Shanghai'),
    places: somePlaces,
    gateway: 'gw-1',
    random: { id: () => `id-${(ids.next += 1)}` },
    reads: {
      findAlert: (id) => saved().get(id),
      hasFeedback: (id) => changes.some((change) => change.kind === 'feedback-recorded' && change.feedback.id === id),
      lastSequence: () => Math.max(0, ...deliveries().map(({ sequence }) => sequence)),
      digestDue: (nowMs, longestWaitMs) =>
        owed(changes).filter(({ dueAt }) => dueAt <= nowMs || dueAt > nowMs + longestWaitMs),
    },
  });
  const reloaded = [...saved().values()].filter(({ state }) => state !== 'closed' && state !== 'false-alarm');
  alerts.reload(reloaded);
  return {
    alerts,
    changes,
    keep: (outcome) => {
      changes.push(...outcome.changes);
      return outcome;
    },
    alert: () => {
      const [only, ...others] = saved().values();
      if (!only || others.length > 0) throw new Error(`expected one alert, there are ${saved().size}`);
      return only;
    },
    notices: () => changes.flatMap((change) => (change.kind === 'notice-created' ? [change.notice] : [])),
    deliveries,
    data: () => deliveries().map(({ data }) => noticeDataSchema.parse(data)),
    states: () =>
      changes.flatMap((change) => (change.kind === 'alert-transition' ? [change.transition.to as string] : [])),
    restarted: () => createAlertsBench({ ...overrides, changes, ids }),
  };
}
