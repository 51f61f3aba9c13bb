import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { selectDue } from '../domain/due.ts';
import type { AlertId, CameraId, DeviceKey, EvidenceId, RecipientId } from '../domain/ids.ts';
import { tiers } from '../domain/tier.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { systemClock, type EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createDatabase } from '../lib/database/index.ts';
import { createStore, type Store } from './index.ts';
import { migrations } from './migrations/index.ts';
import { retentionOptions } from './options.ts';
import {
  at,
  sampleAlert,
  sampleDelivery,
  sampleFire,
  sampleNotice,
  samplePassage,
  sampleReading,
  sampleSession,
  startMs,
} from './samples.ts';

let folder = '';
const open: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kanmen-store-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function started(settings: Partial<Parameters<typeof createStore>[0]> = {}): Promise<Store> {
  const store = createStore({
    file: join(folder, 'kanmen.db'),
    clock: systemClock,
    logger: silentLogger,
    reserveBytes: 0,
    ...settings,
  });
  open.push(store);
  await store.start(new AbortController().signal);
  return store;
}

/** A second connection that may do what the store never does. */
async function tamper(sql: string): Promise<void> {
  const database = createDatabase({
    file: join(folder, 'kanmen.db'),
    migrations,
    clock: systemClock,
    logger: silentLogger,
  });
  await database.start(new AbortController().signal);
  await database.write([{ sql, params: [] }]);
  await database.stop();
}

const recorded = (id: string, messageKey: string | null = null): Change => ({
  kind: 'event-recorded',
  event: sampleFire(id),
  messageKey,
});
const newest = { before: null, limit: 50 };

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

  it('finds due deliveries as the domain says', async () => {
    const store = await started();
    const delivery = fc.record({
      alertId: fc.constantFrom(null, 'a1' as AlertId, 'a2' as AlertId),
      recipient: fc.constantFrom('station' as RecipientId, 'grid' as RecipientId),
      channel: fc.constantFrom('desk', 'desk', 'other'),
      tier: fc.constantFrom(...tiers),
      state: fc.constantFrom('pending' as const, 'pending' as const, 'delivered' as const, 'dead' as const),
      attempts: fc.nat(2),
      nextAttemptAt: fc.integer({ min: -3, max: 12 }).map((minutes) => at(minutes * 60_000)),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(delivery, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (parts, limit) => {
        round += 1;
        const all: Delivery[] = parts.map((part, place) => sampleDelivery(`r${round}-${place}`, place + 1, part));
        await store.commit([
          ...all.map((one): Change => ({ kind: 'delivery-created', delivery: one })),
          { kind: 'audited', at: startMs, by: 'test', action: 'round', subject: String(round) },
        ]);
        const query = { channel: 'desk', nowMs: startMs, longestRetryMs: 300_000, longestFirstMs: 600_000, limit };
        expect(store.dueDeliveries(query)).toEqual(selectDue(all, query));
        await tidy(store, all);
      }),
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

const anyPassage = { camera: null, subject: null, direction: null, plate: null, from: null, to: null };

describe('store history', () => {
  it('pages passages newest first without losing or repeating one, also within one millisecond', async () => {
    const store = await started();
    const all = Array.from({ length: 25 }, (_, n) =>
      samplePassage(`p${String(n).padStart(2, '0')}`, '浙B12345', { at: at(Math.floor(n / 4)) }),
    );
    await store.commit(all.map((event): Change => ({ kind: 'event-recorded', event, messageKey: null })));
    const ids: string[] = [];
    let before: { at: EpochMs; id: string } | null = null;
    for (;;) {
      const page: ReturnType<Store['passages']> = store.passages({ ...anyPassage, before, limit: 7 });
      if (page.length === 0) break;
      ids.push(...page.map((event) => event.id));
      const last = page[page.length - 1];
      before = last ? { at: last.at, id: last.id } : null;
    }
    expect(ids).toEqual(all.map((event) => event.id).reverse());
  });

  it('finds passages by every filter, and by part of a plate whether it is rare or common', async () => {
    const store = await started();
    const common = Array.from({ length: 400 }, (_, n) => samplePassage(`c${n}`, `浙B1${String(n).padStart(4, '0')}`));
    const special = samplePassage('z1', '粤Z1234港', {
      camera: 'gate-south' as CameraId,
      direction: 'out',
      at: at(1000),
    });
    const person = samplePassage('z2', null, { at: at(2000) });
    await store.commit(
      [...common, special, person].map((event) => ({ kind: 'event-recorded', event, messageKey: null })),
    );
    const found = (part: Partial<Parameters<Store['passages']>[0]>): string[] =>
      store.passages({ ...anyPassage, ...newest, limit: 3, ...part }).map((event) => event.id);
    expect(found({ plate: '34港' })).toEqual(['z1']);
    expect(found({ plate: '浙B1' })).toEqual(['c99', 'c98', 'c97']);
    expect(found({ plate: '浙B10123' })).toEqual(['c123']);
    expect(found({ plate: '京' })).toEqual([]);
    expect(found({ camera: 'gate-south' as CameraId })).toEqual(['z1']);
    expect(found({ direction: 'out', subject: 'vehicle' })).toEqual(['z1']);
    expect(found({ subject: 'person' })).toEqual(['z2']);
    expect(found({ from: at(500), to: at(1500) })).toEqual(['z1']);
  });

  it('lists sessions, alerts and events of a device by their filters', async () => {
    const store = await started();
    await store.commit([
      { kind: 'session-saved', session: sampleSession('s1') },
      { kind: 'session-saved', session: sampleSession('s2', { startedAt: at(10) }) },
      { kind: 'session-saved', session: sampleSession('s1', { endedAt: at(20) }) },
      { kind: 'alert-saved', alert: sampleAlert('a1') },
      { kind: 'alert-saved', alert: sampleAlert('a2', { tier: 'blue', kind: 'gate', raisedAt: at(5) }) },
      { kind: 'alert-saved', alert: sampleAlert('a1', { state: 'closed', closedAt: at(9) }) },
      recorded('e1'),
      { kind: 'event-recorded', event: sampleReading('r1', { device: 'fire/f-0012' as DeviceKey }), messageKey: null },
    ]);
    const sessions = (state: 'running' | 'ended' | null): string[] =>
      store.sessions({ ...newest, device: null, area: null, state, from: null, to: null }).map((one) => one.id);
    expect([sessions(null), sessions('running'), sessions('ended')]).toEqual([['s2', 's1'], ['s2'], ['s1']]);
    const alerts = (part: Partial<Parameters<Store['alerts']>[0]>): string[] =>
      store.alerts({ ...newest, state: null, tier: null, kind: null, area: null, ...part }).map((one) => one.id);
    expect([alerts({}), alerts({ state: 'open' }), alerts({ state: 'ended' })]).toEqual([['a2', 'a1'], ['a2'], ['a1']]);
    expect([alerts({ tier: 'red' }), alerts({ kind: 'gate' })]).toEqual([['a1'], ['a2']]);
    expect(store.openAlerts().map((one) => one.id)).toEqual(['a2']);
    expect(store.deviceEvents({ ...newest, device: 'fire/f-0012' as DeviceKey }).map((one) => one.id)).toEqual(['e1']);
  });

  it('reads recorded events again in the order they came, from a moment on', async () => {
    const store = await started();
    await store.commit(
      Array.from({ length: 100 }, (_, n) => ({
        kind: 'event-recorded',
        event: sampleReading(`r${n}`, { receivedAt: at(n * 1000) }),
        messageKey: null,
      })),
    );
    const first = store.eventsSince(at(89_500), null, 6);
    const second = store.eventsSince(at(89_500), first.last, 6);
    expect([...first.events, ...second.events].map((event) => event.id)).toEqual(
      Array.from({ length: 10 }, (_, n) => `r${90 + n}`),
    );
    expect(store.eventsSince(at(1e9), null, 6)).toEqual({ events: [], last: null });
  });
});

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

describe('store retention', () => {
  const day = 86_400_000;

  it('deletes what is too old in bites, names the evidence files, and leaves open alerts alone', async () => {
    const store = await started({ retention: retentionOptions.parse({ passages: '10d', readings: '20d' }) });
    const evidence = (
      id: string,
      alertId: string | null,
      faces: readonly (readonly [number, number, number, number])[],
    ): Change => ({
      kind: 'evidence-saved',
      id: id as EvidenceId,
      alertId: alertId as AlertId | null,
      camera: 'gate-north',
      mediaKind: 'picture',
      capturedAt: startMs,
      sha256: 'ab',
      sizeBytes: 1,
      path: `${id}.kme`,
      faces,
    });
    await store.commit([
      recorded('alarm'),
      ...Array.from({ length: 1500 }, (_, n): Change => ({
        kind: 'event-recorded',
        event: sampleReading(`r${n}`),
        messageKey: null,
      })),
      { kind: 'event-recorded', event: samplePassage('old', '浙B12345'), messageKey: null },
      {
        kind: 'event-recorded',
        event: samplePassage('new', '浙B99999', { receivedAt: at(15 * day) }),
        messageKey: null,
      },
      evidence('face', null, [[0, 0, 9, 9]]),
      evidence('car', null, []),
      evidence('smoke', 'a1', [[0, 0, 9, 9]]),
      { kind: 'alert-saved', alert: sampleAlert('a1', { state: 'closed', closedAt: at(1) }) },
      { kind: 'alert-saved', alert: sampleAlert('a2') },
      { kind: 'notice-created', notice: sampleNotice('n1', 'a1') },
      { kind: 'delivery-created', delivery: sampleDelivery('d1', 1) },
    ]);
    expect(await store.sweep(at(4 * day))).toEqual({ evidencePaths: ['face.kme'], done: true });
    expect(await store.sweep(at(11 * day))).toEqual({ evidencePaths: ['car.kme'], done: true });
    expect(store.passages({ ...newest, ...anyPassage }).map((event) => event.id)).toEqual(['new']);
    expect(store.passages({ ...newest, ...anyPassage, plate: '12345' })).toEqual([]);
    expect((await store.sweep(at(21 * day))).done).toBe(false);
    expect((await store.sweep(at(21 * day))).done).toBe(true);
    expect([store.event('r0'), store.event('r1499'), store.event('alarm')?.id]).toEqual([
      undefined,
      undefined,
      'alarm',
    ]);
    expect(await store.sweep(at(401 * day))).toEqual({ evidencePaths: ['smoke.kme'], done: true });
    expect(store.alerts({ ...newest, state: null, tier: null, kind: null, area: null }).map((one) => one.id)).toEqual([
      'a2',
    ]);
    expect([store.notices('a1' as AlertId), store.deliveries('a1' as AlertId)]).toEqual([[], []]);
    expect(store.event('alarm')).toBeUndefined();
  });

  it('bounds the quarantine', async () => {
    const store = await started();
    const message = {
      kind: 'quarantined',
      device: 'fire/f' as DeviceKey,
      topic: 't',
      payload: new Uint8Array(1),
      reason: 'r',
    } as const;
    await store.commit(Array.from({ length: 10_050 }, (_, n) => ({ ...message, at: at(n) })));
    const rows = store.quarantine({ before: null, limit: 20_000, device: null });
    expect([rows.length, rows[0]?.at, rows.at(-1)?.at]).toEqual([10_000, at(10_049), at(50)]);
  });
});

describe('audit log', () => {
  const line = (n: number): Change => ({
    kind: 'audited',
    at: at(n * 86_400_000),
    by: 'li',
    action: 'unblur',
    subject: `e${n}`,
  });

  it('verifies, also after its oldest lines were swept', async () => {
    const store = await started();
    await store.commit([line(0), line(1)]);
    await Promise.all([store.commit([line(2)]), store.commit([line(3)])]);
    expect(store.verifyAudit()).toMatchObject({ kind: 'intact', rows: 4 });
    await store.sweep(at(402 * 86_400_000));
    expect(store.verifyAudit()).toMatchObject({ kind: 'intact', rows: 2 });
    await store.sweep(at(900 * 86_400_000));
    await store.commit([line(901)]);
    expect(store.verifyAudit()).toMatchObject({ kind: 'intact', rows: 1 });
  });

  it.each([
    ['a changed line', "UPDATE audit SET subject = 'x' WHERE seq = 2", 2],
    ['a line taken out', 'DELETE FROM audit WHERE seq = 2', 3],
    ['the oldest line taken out', 'DELETE FROM audit WHERE seq = 1', 2],
  ])('shows %s', async (_what, sql, seq) => {
    const store = await started();
    await store.commit([line(0), line(1), line(2)]);
    await store.stop();
    await tamper(sql);
    expect((await started()).verifyAudit()).toMatchObject({ kind: 'broken', seq });
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
