import { describe, expect, it } from 'vitest';
import type { Alert, Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertId, DeliveryId, NoticeId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createLateReceipts } from './receipts.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5) as EpochMs;
const recipients = [
  { id: 'station' as RecipientId, name: '派出所', role: 'station', channel: 'desk' },
  { id: 'property' as RecipientId, name: '物业', role: 'community', channel: 'mail' },
];
const rows: Delivery[] = [];
const row = (alert: string, recipient: string, changes: Partial<Delivery> = {}): Delivery => ({
  id: `${alert}-${recipient}` as DeliveryId,
  item: 'notice',
  notice: 'n' as NoticeId,
  alertId: alert as AlertId,
  recipient: recipient as RecipientId,
  channel: recipients.find(({ id }) => id === recipient)?.channel ?? 'desk',
  ...{ tier: 'red', sequence: rows.length + 1, type: 'kanmen.notice.raised.v1', data: {} },
  ...{ createdAt: at, state: 'pending', attempts: 0, nextAttemptAt: at, lastError: null, deliveredAt: null },
  ...changes,
});

function opened(deliveries: Delivery[], open: string[] = []) {
  const late = createLateReceipts({
    configuration: { recipients, alerts: { timeZone: 'Asia/Shanghai' } } as never,
    store: {
      delivery: (id) => deliveries.find((each) => each.id === id),
      deliveries: (alertId) => deliveries.filter((each) => each.alertId === alertId),
      openAlerts: () => open.map((id) => ({ id: id as AlertId }) as Alert),
    },
  });
  const arrive = (delivery: Delivery): void => {
    const index = deliveries.findIndex(({ id }) => id === delivery.id);
    deliveries[index] = { ...delivery, state: 'delivered', deliveredAt: at };
    late.received(deliveries[index]);
  };
  const news = () => late.news('station' as RecipientId);
  return { late, arrive, news };
}

describe('receipts that come after the notice', () => {
  it('are told to the station with a canary, again and again until one has arrived', () => {
    const mine = [row('a1', 'station', { state: 'delivered', deliveredAt: at }), row('a1', 'property')];
    const { arrive, news } = opened(mine);
    expect(news()).toBeNull();
    arrive(mine[1]!);
    const told = {
      alertId: 'a1',
      receipts: [
        { name: '派出所', role: 'station', channel: 'desk', state: 'delivered', at: '2026-01-02T11:04:05.000+08:00' },
        { name: '物业', role: 'community', channel: 'mail', state: 'delivered', at: '2026-01-02T11:04:05.000+08:00' },
      ],
    };
    expect(news()?.receipts).toEqual([told]);
    const second = news();
    expect(second?.receipts).toEqual([told]);
    second?.told();
    expect(news()).toBeNull();
  });

  it('are not forgotten where more came while the canary was on its way', () => {
    const mine = [row('a1', 'station'), row('a1', 'property'), row('a1', 'property', { id: 'v2' as DeliveryId })];
    const { arrive, news } = opened(mine);
    arrive(mine[1]!);
    const first = news();
    arrive(mine[2]!);
    first?.told();
    expect(news()?.receipts.map(({ alertId }) => alertId)).toEqual(['a1']);
  });

  it('are not told of what the station itself received, of passages, or of alerts it was never told', () => {
    const mine = [
      row('a1', 'station'),
      row('a2', 'property'),
      row('p1', 'property', { item: 'passage', alertId: null }),
    ];
    const { arrive, news } = opened(mine);
    arrive(mine[0]!);
    arrive(mine[2]!);
    expect(news()).toBeNull();
    arrive(mine[1]!);
    expect(news()?.receipts).toEqual([]);
  });

  it('tell of dead letters too, and after a start of everything that is open, in bites', () => {
    const ids = Array.from({ length: 120 }, (_, index) => `a${index}`);
    const mine = ids.flatMap((id) => [row(id, 'station'), row(id, 'property')]);
    const { late, news } = opened(mine, ids);
    const seen: string[] = [];
    for (let left = news(); left; left = news()) {
      seen.push(...left.receipts.map(({ alertId }) => alertId));
      expect(left.receipts.length).toBeLessThanOrEqual(50);
      left.told();
    }
    expect(seen).toEqual(ids);
    const dead: Change = {
      ...{ kind: 'delivery-tried', id: mine[1]!.id, at, state: 'dead', attempts: 9, nextAttemptAt: at },
      result: 'rejected',
    };
    late.stored([dead]);
    expect(news()?.receipts.map(({ alertId }) => alertId)).toEqual(['a0']);
  });
});
