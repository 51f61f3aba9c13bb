import { expect, it, describe } from 'vitest';
import fc from 'fast-check';
import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { selectDue } from '../domain/due.ts';
import type { AlertId, DeliveryId, DeviceKey, EvidenceId, RecipientId } from '../domain/ids.ts';
import { tiers } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import type { Store } from './index.ts';
import {
  at,
  sampleAlert,
  sampleDelivery,
  sampleFire,
  sampleNotice,
  samplePassage,
  sampleSession,
  startMs,
} from './samples.ts';
import { anyPassage, newest, recorded, started } from './test-store.ts';

describe('store', () => {
  it('gives back over a restart what was committed', async () => {
    const first = await started();
    const feedback = {
      id: 'f1',
      alertId: 'a1' as AlertId,
      kind: 'acknowledged' as const,
      by: '王警官',
      at: startMs,
      text: '',
      outcome: null,
      recipient: null,
    };
    const transition = { at: startMs, from: null, to: 'raised' as const, by: 'gateway', why: 'rule smoke' };
    const evidence = {
      id: 'e1' as EvidenceId,
      alertId: 'a1' as AlertId,
      camera: 'gate-north',
      mediaKind: 'picture' as const,
      capturedAt: startMs,
      sha256: 'ab',
      sizeBytes: 3,
      path: '2026/e1.kme',
      faces: [[1, 2, 3, 4]] as const,
    };
    const device = {
      key: 'fire/f-0012' as DeviceKey,
      deviceClass: 'fire' as const,
      id: 'f-0012',
      area: null,
      passwordSha256: '00',
      createdAt: startMs,
    };
    const user = { name: 'li', role: 'admin' as const, passwordHash: '$argon2id$', createdAt: startMs };
    const session = { tokenSha256: 'aa', user: 'li', createdAt: startMs, expiresAt: at(1000) };
    await first.commit([
      recorded('ev1', 'id:fire/f-0012:1'),
      { kind: 'event-recorded', event: samplePassage('p1', '浙B12345'), messageKey: null },
      { kind: 'session-saved', session: sampleSession('s1') },
      { kind: 'alert-saved', alert: sampleAlert('a1') },
      { kind: 'alert-transition', alertId: 'a1' as AlertId, transition },
      { kind: 'feedback-recorded', feedback, receivedAt: at(5) },
      { kind: 'feedback-recorded', feedback, receivedAt: at(9) },
      { kind: 'notice-created', notice: sampleNotice('n1', 'a1') },
      { kind: 'delivery-created', delivery: sampleDelivery('d1', 7) },
      { kind: 'rule-state', rule: 'smoke', key: 'k', state: '{"n":1}' },
      { kind: 'rule-state', rule: 'smoke', key: 'gone', state: '{}' },
      { kind: 'rule-state', rule: 'smoke', key: 'gone', state: null },
      {
        kind: 'quarantined',
        device: device.key,
        topic: 't',
        payload: new Uint8Array([0, 255]),
        reason: 'not JSON',
        at: startMs,
      },
      { kind: 'device-heard', device: device.key, at: startMs, state: 'online', fault: null },
      { kind: 'device-heard', device: device.key, at: at(9), state: 'offline', fault: 'wrong password' },
      { kind: 'evidence-saved', ...evidence },
      { kind: 'device-saved', device },
      { kind: 'user-saved', user },
      { kind: 'web-session-saved', session },
      { kind: 'audited', at: startMs, by: 'li', action: 'login', subject: 'li' },
    ]);
    await first.stop();
    const store = await started();
    expect(store.event('ev1')).toEqual(sampleFire('ev1'));
    expect(store.seen('id:fire/f-0012:1')).toBe(true);
    expect(store.seen('id:fire/f-0012:2')).toBe(false);
    expect(store.passages({ ...newest, ...anyPassage })).toEqual([samplePassage('p1', '浙B12345')]);
    expect(store.openSessions()).toEqual([sampleSession('s1')]);
    expect(store.openAlerts()).toEqual([sampleAlert('a1')]);
    expect(store.findAlert('a1' as AlertId)).toEqual(sampleAlert('a1'));
    expect(store.transitions('a1' as AlertId)).toEqual([transition]);
    expect(store.feedback('a1' as AlertId)).toEqual([{ ...feedback, receivedAt: at(5) }]);
    expect(store.hasFeedback('f1')).toBe(true);
    expect(store.notices('a1' as AlertId)).toEqual([sampleNotice('n1', 'a1')]);
    expect(store.deliveries('a1' as AlertId)).toEqual([sampleDelivery('d1', 7)]);
    expect(store.lastSequence()).toBe(7);
    expect(store.ruleState()).toEqual([{ rule: 'smoke', key: 'k', state: '{"n":1}' }]);
    expect(store.quarantine({ ...newest, device: null })).toEqual([
      { id: '1', device: device.key, topic: 't', payload: new Uint8Array([0, 255]), reason: 'not JSON', at: startMs },
    ]);
    expect(store.deviceStatuses()).toEqual([
      { key: device.key, state: 'offline', lastHeardAt: startMs, lastFault: 'wrong password', lastFaultAt: at(9) },
    ]);
    expect(store.evidenceRow('e1' as EvidenceId)).toEqual(evidence);
    expect(store.devices()).toEqual([device]);
    expect(store.device(device.key)).toEqual(device);
    expect(store.users()).toEqual([user]);
    expect(store.webSession('aa', at(999))).toEqual(session);
    expect(store.webSession('aa', at(1000))).toBeUndefined();
    expect(store.audit(newest)).toMatchObject([{ by: 'li', action: 'login', subject: 'li' }]);
    expect(store.pendingCounts()).toEqual([{ channel: 'desk', tier: 'red', count: 1, oldestAt: startMs }]);
  });

  it('removes devices, users and their sessions', async () => {
    const store = await started();
    const user = { name: 'li', role: 'viewer' as const, passwordHash: 'x', createdAt: startMs };
    const key = 'fire/f' as DeviceKey;
    await store.commit([
      { kind: 'user-saved', user },
      { kind: 'web-session-saved', session: { tokenSha256: 'aa', user: 'li', createdAt: startMs, expiresAt: at(9) } },
      { kind: 'web-session-saved', session: { tokenSha256: 'bb', user: 'wu', createdAt: startMs, expiresAt: at(9) } },
      { kind: 'device-heard', device: key, at: startMs, state: 'online', fault: null },
    ]);
    await store.commit([
      { kind: 'user-removed', name: 'li' },
      { kind: 'device-removed', device: key },
      { kind: 'web-session-removed', tokenSha256: 'bb' },
    ]);
    expect([store.user('li'), store.webSession('aa', startMs), store.webSession('bb', startMs)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(store.deviceStatuses()).toEqual([]);
  });

  it('writes all changes of a commit or none', async () => {
    const store = await started();
    await store.commit([recorded('same')]);
    await expect(
      store.commit([recorded('other', 'key'), { kind: 'alert-saved', alert: sampleAlert('a1') }, recorded('same')]),
    ).rejects.toMatchObject({ code: 'store.commit-failed' });
    expect(store.event('other')).toBeUndefined();
    expect(store.openAlerts()).toEqual([]);
    expect(store.seen('key')).toBe(false);
  });

  it('keeps a delivery delivered whatever is said of it later', async () => {
    const store = await started();
    await store.commit([{ kind: 'delivery-created', delivery: sampleDelivery('d1', 1) }]);
    const tried = {
      kind: 'delivery-tried',
      id: sampleDelivery('d1', 1).id,
      attempts: 1,
      nextAttemptAt: startMs,
    } as const;
    await store.commit([{ ...tried, at: at(1), state: 'delivered', result: '204' }]);
    await store.commit([{ ...tried, at: at(2), state: 'pending', result: 'timed out' }]);
    expect(store.deliveries('a1' as AlertId)).toMatchObject([
      { state: 'delivered', deliveredAt: at(1), lastError: null, attempts: 1 },
    ]);
    expect(store.deliveryCounts()).toEqual({ byState: { pending: 0, delivered: 1, dead: 0 }, oldestPendingAt: null });
  });

  it('wakes what waits for another try of one channel, and nothing else', async () => {
    const store = await started();
    const waiting = { attempts: 3, nextAttemptAt: at(60_000) };
    await store.commit(
      [
        sampleDelivery('waits', 1, { ...waiting, alertId: 'a1' as AlertId, channel: 'desk' }),
        sampleDelivery('elsewhere', 2, { ...waiting, alertId: 'a2' as AlertId, channel: 'other' }),
        sampleDelivery('first', 3, {
          attempts: 0,
          nextAttemptAt: at(60_000),
          alertId: 'a3' as AlertId,
          channel: 'desk',
        }),
      ].map((one): Change => ({ kind: 'delivery-created', delivery: one })),
    );
    await store.commit([{ kind: 'deliveries-woken', channel: 'desk', at: at(5) }]);
    expect(['waits', 'elsewhere', 'first'].map((id) => store.delivery(id)?.nextAttemptAt)).toEqual([
      at(5),
      at(60_000),
      at(60_000),
    ]);
  });

  it('sends again what the far side has lost, under its own id, and names what was received in the order of its receipts', async () => {
    const store = await started();
    const waits = (id: string, sequence: number, more: Partial<Delivery> = {}): Change => ({
      kind: 'delivery-created',
      delivery: sampleDelivery(id, sequence, { channel: 'desk', alertId: 'a1' as AlertId, ...more }),
    });
    await store.commit([
      waits('old', 1),
      waits('new', 2),
      waits('passage', 3, { item: 'passage', alertId: null }),
      waits('waits', 4),
      waits('elsewhere', 5, { channel: 'other' }),
    ]);
    const receive = (id: string) =>
      store.commit([
        {
          ...{ kind: 'delivery-tried', id: id as DeliveryId, at: at(9), state: 'delivered', attempts: 1 },
          ...{ nextAttemptAt: at(9), result: '204' },
        },
      ]);
    for (const id of ['new', 'elsewhere', 'passage', 'old']) await receive(id);
    const receipts = store.receipts('desk');
    const ids = () => receipts.after(0, 10).map(({ id }) => id);
    expect(ids()).toEqual(['new', 'old']);
    expect(receipts.upTo(Number.MAX_SAFE_INTEGER, 1)).toEqual([{ id: 'old', number: 2 }]);
    expect(receipts.confirmed()).toBeNull();
    await store.commit([{ kind: 'receipts-confirmed', channel: 'desk', number: 2 }]);
    expect(receipts.confirmed()).toBe(2);
    await store.commit(
      ['new', 'old', 'waits'].map((id): Change => ({
        kind: 'delivery-lost',
        id: id as DeliveryId,
        at: at(20),
        why: 'lost',
      })),
    );
    expect(ids()).toEqual([]);
    expect(store.delivery('new')).toMatchObject({ state: 'pending', nextAttemptAt: at(20), deliveredAt: null });
    expect(store.delivery('waits')).toMatchObject({ state: 'pending', lastError: null });
    // Though no row has a number any more, the next is higher than all that was asked about.
    await receive('new');
    expect(receipts.after(2, 10)).toEqual([{ id: 'new', number: 3 }]);
  });

  it('finds due deliveries as the domain says', async () => {
    const store = await started();
    const delivery = fc.record({
      of: fc.constantFrom(
        ...(['a1', 'a2'] as AlertId[]).map((alertId) => ({ alertId, item: 'notice' as const })),
        ...(['digest', 'digest', 'passage', 'canary'] as const).map((item) => ({ alertId: null, item })),
      ),
      recipient: fc.constantFrom('station' as RecipientId, 'grid' as RecipientId),
      channel: fc.constantFrom('desk', 'desk', 'other'),
      tier: fc.constantFrom(...tiers),
      state: fc.constantFrom('pending' as const, 'pending' as const, 'delivered' as const, 'dead' as const),
      attempts: fc.nat(2),
      nextAttemptAt: fc.integer({ min: -3, max: 12 }).map((minutes) => at(minutes * 60_000)),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(delivery, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        fc.subarray(['station', 'grid'] as RecipientId[]),
        async (parts, limit, retriesDue, except) => {
          round += 1;
          const all: Delivery[] = parts.map(({ of, ...part }, place) =>
            sampleDelivery(`r${round}-${place}`, place + 1, { ...part, ...of }),
          );
          await store.commit([
            ...all.map((one): Change => ({ kind: 'delivery-created', delivery: one })),
            { kind: 'audited', at: startMs, by: 'test', action: 'round', subject: String(round) },
          ]);
          const query = {
            channel: 'desk',
            nowMs: startMs,
            longestRetryMs: 300_000,
            longestFirstMs: 600_000,
            retriesDue,
            except,
            limit,
          };
          expect(store.dueDeliveries(query)).toEqual(selectDue(all, query));
          await tidy(store, all);
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Takes what a round left pending out of the way of the next. */
async function tidy(store: Store, all: readonly Delivery[]): Promise<void> {
  await store.commit(
    all.map((one): Change => ({
      kind: 'delivery-tried',
      id: one.id,
      at: startMs,
      state: 'delivered',
      attempts: 1,
      nextAttemptAt: startMs,
      result: '',
    })),
  );
}

describe('store and repeated messages', () => {
  it('knows a message before and after its key was moved, and over a restart in between', async () => {
    const first = await started();
    await first.commit([recorded('e1', 'k1'), recorded('e2', 'k2')]);
    await first.sweep(at(0));
    await first.commit([
      recorded('e3', 'k3'),
      { kind: 'event-recorded', event: samplePassage('p', null), messageKey: 'k4' },
    ]);
    const known = (store: Store): boolean[] => ['k1', 'k2', 'k3', 'k4', 'k5'].map((key) => store.seen(key));
    expect(known(first)).toEqual([true, true, true, true, false]);
    await first.stop();
    const second = await started();
    expect(known(second)).toEqual([true, true, true, true, false]);
    await second.sweep(at(0));
    expect(known(second)).toEqual([true, true, true, true, false]);
  });

  it('forgets keys only when they are older than their retention', async () => {
    const store = await started();
    const key = (n: number, receivedAt: EpochMs): Change => ({
      kind: 'event-recorded',
      event: sampleFire(`e${n}`, { receivedAt }),
      messageKey: `k${n}`,
    });
    const day = 86_400_000;
    await store.commit([key(1, at(0)), key(2, at(6 * day))]);
    await store.sweep(at(6 * day));
    await store.sweep(at(7 * day + 1));
    expect([store.seen('k1'), store.seen('k2')]).toEqual([false, true]);
  });
});

describe('store on a full disk', () => {
  it('refuses what can wait and gives up its reserve for a red alert', async () => {
    const clock = createFakeClock();
    const store = await started({ clock, maxPages: 200, reserveBytes: 1_000_000 });
    const filler = (n: number): Change => ({
      kind: 'rule-state',
      rule: 'filler',
      key: String(n),
      state: 'x'.repeat(20_000),
    });
    let written = 0;
    await expect(
      (async () => {
        for (; ; written += 1) await store.commit([filler(written)]);
      })(),
    ).rejects.toMatchObject({ code: 'store.commit-failed', facts: { disk: 'SQLITE_FULL' } });
    expect(written).toBeGreaterThan(5);
    expect(store.health()).toMatchObject({ healthy: false, spaceShort: true });
    await expect(store.commit([{ kind: 'session-saved', session: sampleSession('s') }])).rejects.toMatchObject({
      message: expect.stringContaining('only red and orange') as string,
      retryable: true,
    });
    await store.commit([recorded('smoke'), { kind: 'alert-saved', alert: sampleAlert('a1') }]);
    expect(store.openAlerts()).toHaveLength(1);
    expect(store.room.allows([{ kind: 'alert-saved', alert: sampleAlert('a2', { tier: 'yellow' }) }])).toBe(false);
  });
});
