/** Alerts, passages, sessions and notices for tests, with every field that a test does not care about filled in. */
import type { Alert, Delivery, Notice } from '../domain/alert.ts';
import type { ChargingSession, PassageEvent } from '../domain/event.ts';
import type { AlertId, AreaId, DeliveryId, EventId, NoticeId, RecipientId, RuleId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';

let made = 0;
/** A number that rises, so that ids made in one millisecond keep their order. */
const nextNumber = (): string => String((made += 1)).padStart(6, '0');

export function makeAlert(fields: Partial<Alert> = {}): Alert {
  const raisedAt = fields.raisedAt ?? (Date.now() as EpochMs);
  return {
    id: `alert-${nextNumber()}` as AlertId,
    rule: 'smoke' as RuleId,
    ruleVersion: '0123456789ab',
    key: 'smoke shed-1',
    tier: 'red',
    kind: 'fire.smoke',
    title: { zh: '1号车棚烟雾报警', en: 'Smoke in bike shed 1' },
    message: { zh: '感烟探测器 f-0012 报警。', en: 'Smoke detector f-0012 raised an alarm.' },
    state: 'delivered',
    occurredAt: raisedAt,
    raisedAt,
    lastAt: raisedAt,
    count: 1,
    area: 'shed-1' as AreaId,
    source: 'fire/f-0012',
    facts: { smokeDbm: 0.21, temperatureC: 41.5 },
    events: [],
    to: ['station', 'community'],
    evidence: [],
    owner: null,
    acknowledgedAt: null,
    closedAt: null,
    acknowledgeBy: (raisedAt + 5 * 60_000) as EpochMs,
    outcomeBy: (raisedAt + 24 * 3_600_000) as EpochMs,
    escalation: 0,
    version: 1,
    followUp: {
      titleWeight: 1,
      toldAt: raisedAt,
      toldCount: 1,
      answered: [],
      resolvedAt: null,
      revisitBy: null,
    },
    ...fields,
  };
}

export function makePassage(fields: Partial<PassageEvent> = {}): PassageEvent {
  const at = fields.at ?? (Date.now() as EpochMs);
  return {
    kind: 'passage',
    id: `event-${nextNumber()}` as EventId,
    at,
    receivedAt: at,
    area: 'gate-east' as AreaId,
    late: false,
    camera: 'east-in' as PassageEvent['camera'],
    subject: 'vehicle',
    direction: 'in',
    startedAt: at,
    endedAt: at,
    plate: {
      text: '浙B12345',
      confidenceRatio: 0.97,
      characterConfidenceRatios: [0.97, 0.99, 0.99, 0.99, 0.99, 0.99, 0.99],
      kind: 'small',
      color: 'blue',
      accepted: true,
    },
    registered: true,
    evidence: null,
    ...fields,
  };
}

export function makeSession(fields: Partial<ChargingSession> = {}): ChargingSession {
  const startedAt = fields.startedAt ?? (Date.now() as EpochMs);
  return {
    id: `session-${nextNumber()}`,
    device: 'charger/10597059' as ChargingSession['device'],
    port: 3,
    area: 'shed-1' as AreaId,
    order: null,
    startedAt,
    endedAt: null,
    lastAt: startedAt,
    energyKwh: 0.42,
    meanPowerW: 180,
    peakPowerW: 240,
    maxPortC: 38.5,
    stopReason: null,
    samples: 12,
    ...fields,
  };
}

/** A notice of the alert to the station, and its delivery. */
export function makeNotice(alert: Alert, state: Delivery['state']): readonly [Notice, Delivery] {
  const id = `notice-${nextNumber()}` as NoticeId;
  const station = 'station' as RecipientId;
  return [
    {
      id,
      alertId: alert.id,
      alertVersion: alert.version,
      recipient: station,
      form: 'report',
      change: 'raised',
      createdAt: alert.raisedAt,
    },
    {
      id: `delivery-${nextNumber()}` as DeliveryId,
      item: 'notice',
      notice: id,
      alertId: alert.id,
      recipient: station,
      channel: 'station-desk',
      tier: alert.tier,
      sequence: 1,
      type: 'kanmen.notice.raised.v1',
      data: {},
      createdAt: alert.raisedAt,
      state,
      attempts: state === 'pending' ? 2 : 1,
      nextAttemptAt: alert.raisedAt,
      lastError: state === 'delivered' ? null : 'connection refused',
      deliveredAt: state === 'delivered' ? ((alert.raisedAt + 900) as EpochMs) : null,
    },
  ];
}
