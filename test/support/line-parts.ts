/** Rules and alerts of the smallest honest kind, for tests of the line with the real store: a smoke alarm makes a red alert. */
import type { Alert, Delivery } from '../../gateway/domain/alert.ts';
import type { Change } from '../../gateway/domain/change.ts';
import type { Outcome } from '../../gateway/domain/effects.ts';
import type { ChargingEvent, FireEvent } from '../../gateway/domain/event.ts';
import type {
  AlertId,
  AreaId,
  DeliveryId,
  DeviceKey,
  EventId,
  NoticeId,
  RecipientId,
  RuleId,
} from '../../gateway/domain/ids.ts';
import type { LineAlerts, LineRules } from '../../gateway/events/index.ts';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { GatewayError } from '../../gateway/lib/errors.ts';

export const smoke = (id: string, atMs: number, part: Partial<FireEvent> = {}): FireEvent => ({
  kind: 'fire',
  id: id as EventId,
  at: atMs as EpochMs,
  receivedAt: atMs as EpochMs,
  area: null,
  late: false,
  device: 'fire/f1' as DeviceKey,
  alarm: 'smoke',
  active: true,
  ...part,
});

export const reading = (id: string, atMs: number, part: Partial<ChargingEvent> = {}): ChargingEvent => ({
  kind: 'charging',
  id: id as EventId,
  at: atMs as EpochMs,
  receivedAt: atMs as EpochMs,
  area: null,
  late: false,
  device: 'charger/c1' as DeviceKey,
  port: 1,
  report: 'telemetry',
  state: 'charging',
  powerW: 312.4,
  voltageV: 221.2,
  currentA: 1.43,
  energyKwh: 0.48,
  durationS: null,
  ambientC: 24,
  portC: 41,
  order: '20260102030405000000010203040506',
  stopReason: null,
  ...part,
});

/** Matches smoke alarms that are active; remembers in a row how many each device has given. */
export function smokeRules(): LineRules & { readonly seen: Map<string, number>; readonly evaluated: string[] } {
  const seen = new Map<string, number>();
  const evaluated: string[] = [];
  return {
    seen,
    evaluated,
    evaluate: (event) => {
      evaluated.push(event.id);
      if (event.kind !== 'fire' || event.alarm !== 'smoke' || !event.active) return { matches: [], changes: [] };
      const count = (seen.get(event.device) ?? 0) + 1;
      seen.set(event.device, count);
      return {
        changes: [{ kind: 'rule-state', rule: 'smoke', key: event.device, state: String(count) }],
        matches: [
          {
            rule: 'smoke' as RuleId,
            ruleVersion: '0123456789ab',
            tier: 'red',
            kind: 'fire.smoke',
            title: { zh: '烟雾报警', en: 'Smoke' },
            message: { zh: '烟雾报警', en: 'Smoke' },
            key: `smoke/${event.device}`,
            at: event.at,
            area: event.area,
            source: event.device,
            facts: {},
            events: [event.id],
            to: ['station'],
            weight: 1,
          },
        ],
      };
    },
    tick: () => ({ matches: [], changes: [] }),
    reload: (rows) => {
      seen.clear();
      for (const row of rows) seen.set(row.key, Number(row.state));
    },
  };
}

/** One alert for each cause, with a notice and a delivery when it is raised; repeats are counted. */
export function plainAlerts(): LineAlerts & { readonly open: Map<string, Alert> } {
  const open = new Map<string, Alert>();
  let sequence = 0;
  const nothing: Outcome = { changes: [], effects: [] };
  const byId = (id: AlertId): Alert => {
    const found = [...open.values()].find((alert) => alert.id === id);
    if (!found) throw new GatewayError('alert.unknown', 'no such alert');
    return found;
  };
  const put = (alert: Alert, more: readonly Change[]): Outcome => {
    open.set(alert.key, alert);
    return {
      changes: [{ kind: 'alert-saved', alert }, ...more],
      effects: [{ kind: 'alert-changed', alert }],
    };
  };
  return {
    open,
    apply: ([match], nowMs) => {
      if (!match) return nothing;
      const known = open.get(match.key);
      if (known) return put({ ...known, count: known.count + 1, lastAt: match.at }, []);
      const id = `alert-${match.events[0]}` as AlertId;
      sequence += 1;
      const notice = {
        id: `notice-${id}` as NoticeId,
        alertId: id,
        alertVersion: 1,
        recipient: 'station' as RecipientId,
        form: 'report',
        change: 'raised',
        createdAt: nowMs,
      } as const;
      const delivery: Delivery = {
        id: `delivery-${id}` as DeliveryId,
        item: 'notice',
        notice: notice.id,
        alertId: id,
        recipient: notice.recipient,
        channel: 'desk',
        tier: match.tier,
        sequence,
        type: 'kanmen.notice.raised.v1',
        data: {},
        createdAt: nowMs,
        state: 'pending',
        attempts: 0,
        nextAttemptAt: nowMs,
        lastError: null,
        deliveredAt: null,
      };
      const { weight, at, ...said } = match;
      const raised = put(
        {
          ...said,
          id,
          state: 'raised',
          occurredAt: at,
          raisedAt: nowMs,
          lastAt: at,
          count: 1,
          evidence: [],
          owner: null,
          acknowledgedAt: null,
          closedAt: null,
          acknowledgeBy: null,
          outcomeBy: null,
          escalation: 0,
          version: 1,
          followUp: {
            titleWeight: weight,
            toldAt: nowMs,
            toldCount: 1,
            answered: [],
            resolvedAt: null,
            revisitBy: null,
          },
        },
        [
          { kind: 'notice-created', notice },
          { kind: 'delivery-created', delivery },
        ],
      );
      return {
        changes: raised.changes,
        effects: [
          { kind: 'evidence-wanted', alertId: id, area: match.area ?? ('none' as AreaId), at },
          { kind: 'deliveries-due' },
          ...raised.effects,
        ],
      };
    },
    answer: (feedback, nowMs) =>
      put({ ...byId(feedback.alertId), state: 'acknowledged', owner: feedback.by, acknowledgedAt: nowMs }, [
        { kind: 'feedback-recorded', feedback, receivedAt: nowMs },
      ]),
    delivered: (delivery) => (delivery.alertId ? put({ ...byId(delivery.alertId), state: 'delivered' }, []) : nothing),
    tick: () => nothing,
    attachEvidence: (alertId, refs) => put({ ...byId(alertId), evidence: refs }, []),
    reload: (alerts) => {
      open.clear();
      for (const alert of alerts) open.set(alert.key, alert);
    },
  };
}
