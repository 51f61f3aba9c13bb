/** Whole values for this room's tests: each can be altered in part. */
import type { Alert, Delivery, Notice } from '../domain/alert.ts';
import type { ChargingEvent, ChargingSession, FireEvent, PassageEvent } from '../domain/event.ts';
import type {
  AlertId,
  CameraId,
  DeliveryId,
  DeviceKey,
  EventId,
  NoticeId,
  RecipientId,
  RuleId,
} from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';

export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5) as EpochMs;
export const at = (afterMs: number): EpochMs => (startMs + afterMs) as EpochMs;

export const sampleFire = (id: string, part: Partial<FireEvent> = {}): FireEvent => ({
  kind: 'fire',
  id: id as EventId,
  at: startMs,
  receivedAt: startMs,
  area: null,
  late: false,
  device: 'fire/f-0012' as DeviceKey,
  alarm: 'smoke',
  active: true,
  ...part,
});

export const sampleReading = (id: string, part: Partial<ChargingEvent> = {}): ChargingEvent => ({
  kind: 'charging',
  id: id as EventId,
  at: startMs,
  receivedAt: startMs,
  area: null,
  late: false,
  device: 'charger/10597059' as DeviceKey,
  port: 1,
  report: 'telemetry',
  state: 'charging',
  powerW: 312.4,
  voltageV: 221.2,
  currentA: 1.43,
  energyKwh: 0.48,
  durationS: 3600,
  ambientC: 24,
  portC: 41,
  order: null,
  stopReason: null,
  ...part,
});

export const samplePassage = (id: string, plate: string | null, part: Partial<PassageEvent> = {}): PassageEvent => ({
  kind: 'passage',
  id: id as EventId,
  at: startMs,
  receivedAt: startMs,
  area: null,
  late: false,
  camera: 'gate-north' as CameraId,
  subject: plate === null ? 'person' : 'vehicle',
  direction: 'in',
  startedAt: startMs,
  endedAt: startMs,
  plate:
    plate === null
      ? null
      : {
          text: plate,
          confidenceRatio: 0.98,
          characterConfidenceRatios: [0.98],
          kind: 'small',
          color: 'blue',
          accepted: true,
        },
  registered: null,
  evidence: null,
  ...part,
});

export const sampleSession = (id: string, part: Partial<ChargingSession> = {}): ChargingSession => ({
  id,
  device: 'charger/10597059' as DeviceKey,
  port: 1,
  area: null,
  order: null,
  startedAt: startMs,
  endedAt: null,
  lastAt: startMs,
  energyKwh: 0.1,
  meanPowerW: 300,
  peakPowerW: 320,
  maxPortC: 40,
  stopReason: null,
  samples: 1,
  ...part,
});

export const sampleAlert = (id: string, part: Partial<Alert> = {}): Alert => ({
  id: id as AlertId,
  rule: 'smoke' as RuleId,
  ruleVersion: '0123456789ab',
  key: `smoke/${id}`,
  tier: 'red',
  kind: 'fire.smoke',
  title: { zh: '烟雾报警', en: 'Smoke' },
  message: { zh: '车棚烟雾报警', en: 'Smoke in the shed' },
  state: 'raised',
  occurredAt: startMs,
  raisedAt: startMs,
  lastAt: startMs,
  count: 1,
  area: null,
  source: 'fire/f-0012',
  facts: {},
  events: [],
  to: ['station'],
  evidence: [],
  owner: null,
  acknowledgedAt: null,
  closedAt: null,
  acknowledgeBy: null,
  outcomeBy: null,
  escalation: 0,
  version: 1,
  followUp: {
    titleWeight: 1,
    toldAt: startMs,
    toldCount: 1,
    answered: [],
    resolvedAt: null,
    revisitBy: null,
  },
  ...part,
});

export const sampleNotice = (id: string, alertId: string): Notice => ({
  id: id as NoticeId,
  alertId: alertId as AlertId,
  alertVersion: 1,
  recipient: 'station' as RecipientId,
  form: 'report',
  change: 'raised',
  createdAt: startMs,
});

export const sampleDelivery = (id: string, sequence: number, part: Partial<Delivery> = {}): Delivery => ({
  id: id as DeliveryId,
  item: 'notice',
  notice: 'n1' as NoticeId,
  alertId: 'a1' as AlertId,
  recipient: 'station' as RecipientId,
  channel: 'desk',
  tier: 'red',
  sequence,
  type: 'kanmen.notice.raised.v1',
  data: { alertId: 'a1' },
  createdAt: startMs,
  state: 'pending',
  attempts: 0,
  nextAttemptAt: startMs,
  lastError: null,
  deliveredAt: null,
  ...part,
});
