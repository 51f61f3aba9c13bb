import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Change } from '../gateway/domain/change.ts';
import type { Delivery } from '../gateway/domain/alert.ts';
import type { DeliveryId, RecipientId } from '../gateway/domain/ids.ts';
import { someDelivery } from '../gateway/channels/contract.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { createStore } from '../gateway/store/index.ts';
import { openFarSide, type FarSide } from '../gateway/channels/webhook/far-side.ts';
import { createTestFolder, kanmen, startKanmen, type TestFolder } from './support/kanmen-process.ts';
import { join } from 'node:path';

/** Following deliveries and sending dead letters again: by the command line, over the API, with a gateway that runs. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
let folder: TestFolder;
let far: FarSide;
let config = '';
const base = Date.now() - 3_600_000;

const delivery = (n: number, changes: Partial<Delivery> = {}): Delivery =>
  someDelivery({
    ...{ id: `d-${n}` as DeliveryId, item: 'passage', notice: null, alertId: null, type: 'kanmen.passage.v1' },
    ...{ sequence: n, tier: 'blue', createdAt: (base + n) as EpochMs, channel: 'desk', data: { n } },
    ...changes,
  });
const tried = (n: number, state: Delivery['state'], result: string, attempts = 1): Change => ({
  ...{ kind: 'delivery-tried', id: `d-${n}` as DeliveryId, at: (base + 1000 * attempts) as EpochMs, state, attempts },
  ...{ nextAttemptAt: (base + 2000) as EpochMs, result },
});

async function write(changes: readonly Change[]): Promise<void> {
  const store = createStore({
    file: join(folder.dir, 'gateway/data/kanmen.sqlite'),
    ...{ clock: systemClock, logger: silentLogger, reserveBytes: 0 },
  });
  await store.start(new AbortController().signal);
  await store.commit(changes);
  await store.stop();
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const cli = async (...args: string[]) => {
  const { code, stdout, stderr } = await kanmen(['deliveries', ...args, '-c', config, '--json']);
  return { code, stderr, rows: lines(stdout) };
};

beforeAll(async () => {
  folder = createTestFolder();
  far = await openFarSide(secret);
  folder.write('gateway/station.secret', secret);
  config = folder.write('gateway/kanmen.yaml', {
    site: { id: 'dongyuan', name: '东苑小区' },
    dataDir: 'data',
    mqtt: { listen: '127.0.0.1:0' },
    api: { listen: '127.0.0.1:0' },
    log: { level: 'warn' },
    recipients: [
      { id: 'station', name: '派出所', role: 'station', channel: 'desk' },
      { id: 'property', name: '物业', role: 'community', channel: 'desk' },
    ],
    channels: { desk: { kind: 'webhook', url: `${far.origin}/notices`, secretFile: 'station.secret' } },
  });
  // The tables.
  await kanmen(['users', 'list', '-c', config, '--json']);
  const many = Array.from({ length: 12 }, (_, index) => tried(3, 'pending', `status 50${index % 10}`, index + 1));
  await write([
    ...[1, 2, 3, 4].map((n): Change => ({ kind: 'delivery-created', delivery: delivery(n) })),
    { kind: 'delivery-created', delivery: delivery(5, { recipient: 'property' as RecipientId }) },
    tried(1, 'dead', 'rejected: status 410'),
    tried(2, 'delivered', '204 sha256:abc'),
    ...many,
    tried(3, 'dead', 'expired: status 503', 13),
    tried(4, 'dead', 'rejected: status 422'),
    tried(5, 'dead', 'rejected: status 410'),
  ]);
});
afterAll(async () => {
  await far.close();
  folder.remove();
});

describe('kanmen deliveries', () => {
  it('lists what waits and what was given up, by default, and one recipient’s if asked', async () => {
    const all = await cli('list');
    expect(all.rows.map(({ id, state, recipient }) => [id, state, recipient])).toEqual([
      ['d-5', 'dead', 'property'],
      ['d-4', 'dead', 'station'],
      ['d-3', 'dead', 'station'],
      ['d-1', 'dead', 'station'],
    ]);
    const received = await cli('list', '--state', 'delivered', '--recipient', 'station');
    expect(received.rows).toMatchObject([{ id: 'd-2', receipt: '204 sha256:abc', attempts: 1, lastError: null }]);
  });

  it('shows when one was tried and what came back, the last ten times', async () => {
    const { rows } = await cli('show', 'd-3');
    const [row] = rows as { attempts: number; lastError: string; tries: { state: string; result: string }[] }[];
    expect([row?.attempts, row?.lastError]).toEqual([13, 'expired: status 503']);
    expect(row?.tries.map(({ state, result }) => `${state} ${result}`)).toEqual([
      ...[3, 4, 5, 6, 7, 8, 9, 0, 1].map((n) => `pending status 50${n}`),
      'dead expired: status 503',
    ]);
    expect(await cli('show', 'nothing')).toMatchObject({ code: 1, stderr: 'there is no delivery nothing\n' });
  });

  it('says what it wants where it is used wrongly', async () => {
    for (const [args, why] of [
      [['resend'], /name deliveries by id/],
      [['resend', 'd-1', '--recipient', 'station'], /name deliveries by id/],
      [['resend', '--recipient', 'nobody'], /no recipient nobody/],
      [['resend', '--recipient', 'station', '--delivered'], /needs --recipient and --since/],
      [['resend', '--recipient', 'station', '--since', 'soon'], /not a duration or a time: soon/],
    ] as const) {
      const { code, stderr } = await cli(...args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(why)]);
    }
    expect(await cli('resend', 'd-2x')).toMatchObject({ code: 1, rows: [{ resent: 0 }] });
  });

  it('sends one again without a gateway running, at its next start, on record', async () => {
    expect(await cli('resend', 'd-1')).toMatchObject({ code: 0, rows: [{ resent: 1 }] });
    const { rows } = await cli('show', 'd-1');
    expect(rows).toMatchObject([
      { state: 'pending', attempts: 0, tries: [{ state: 'dead' }, { state: 'resent', result: 'by command line' }] },
    ]);
  });
});

describe('a running gateway', () => {
  it('sends dead letters again at once: those of a recipient, one, and what was lost there', async () => {
    const gateway = await startKanmen('run', config);
    try {
      const has = (...ids: string[]) =>
        vi.waitFor(() => expect(far.items.map(({ id }) => id)).toEqual(expect.arrayContaining(ids)), 30_000);
      await has('d-1');
      expect(await cli('resend', '--recipient', 'station')).toMatchObject({ code: 0, rows: [{ resent: 2 }] });
      await has('d-3', 'd-4');
      expect(far.items.map(({ id }) => id)).not.toContain('d-5');
      expect(far.items.map(({ id }) => id)).not.toContain('d-2');

      // What was received, and lost there since: only from a time on.
      const since = new Date(base).toISOString();
      const more = await cli('resend', '--recipient', 'station', '--delivered', '--since', since);
      expect(more.code).toBe(0);
      await has('d-2');

      // Over the API: lookers may look, managers may send.
      for (const [name, role] of [
        ['li', 'viewer'],
        ['wang', 'manager'],
      ] as const) {
        const added = await kanmen(
          ['users', 'add', name, '--role', role, '--password-file', '-', '-c', config],
          'long-enough-password\n',
        );
        expect([added.code, added.stderr]).toEqual([0, '']);
      }
      const login = async (name: string): Promise<string> => {
        const reply = await fetch(`${gateway.ready.api}/api/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name, password: 'long-enough-password' }),
        });
        expect([reply.status, name]).toEqual([200, name]);
        return /^[^;]+/.exec(reply.headers.getSetCookie()[0] ?? '')?.[0] ?? '';
      };
      const [viewer, manager] = [await login('li'), await login('wang')];
      const get = async (path: string) =>
        (await (await fetch(`${gateway.ready.api}${path}`, { headers: { cookie: viewer } })).json()) as {
          items: Record<string, unknown>[];
        };
      await vi.waitFor(async () => expect((await get('/api/deliveries?state=pending')).items).toEqual([]), 30_000);
      const dead = await get('/api/deliveries?state=dead');
      expect(dead.items).toMatchObject([
        { id: 'd-5', recipient: { id: 'property', name: '物业' }, lastError: 'rejected: status 410', receipt: null },
      ]);
      expect(await get('/api/deliveries/d-4')).toMatchObject({
        ...{ state: 'delivered', attempts: 1, nextAttemptAt: null, lastError: null },
        receipt: expect.stringMatching(/^204 sha256:/) as string,
        // Once as a dead letter, once as what was lost there.
        tries: [
          { state: 'dead', result: 'rejected: status 422' },
          { state: 'resent', result: 'by local' },
          { state: 'delivered' },
          { state: 'resent' },
          { state: 'delivered' },
        ],
      });
      const post = (cookie: string, body: unknown) =>
        fetch(`${gateway.ready.api}/api/deliveries/resend`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', cookie },
          body: JSON.stringify(body),
        });
      expect((await post(viewer, { ids: ['d-5'] })).status).toBe(403);
      for (const wrong of [
        {},
        { ids: ['d-5'], recipient: 'property' },
        { recipient: 'x' },
        { recipient: 'station', state: 'delivered' },
      ])
        expect((await post(manager, wrong)).status).toBe(400);
      const sent = await post(manager, { ids: ['d-5', 'unknown'] });
      expect([sent.status, await sent.json()]).toEqual([200, { resent: 1 }]);
      await has('d-5');
      // Under the same id every time: the receiver drops what it has.
      expect(new Set(far.items.filter(({ type }) => type === 'kanmen.passage.v1').map(({ id }) => id)).size).toBe(5);
    } finally {
      expect(await gateway.stop()).toBe(0);
    }
    const store = createStore({
      file: join(folder.dir, 'gateway/data/kanmen.sqlite'),
      ...{ clock: systemClock, logger: silentLogger, reserveBytes: 0 },
    });
    await store.start(new AbortController().signal);
    const log = store
      .audit({ before: null, limit: 100 })
      .filter(({ action }) => action === 'deliveries-resent')
      .map(({ by, subject }) => [by, subject])
      .reverse();
    await store.stop();
    expect(log[0]).toEqual(['command line', 'd-1']);
    expect(log[1]?.[1]).toBe('2 dead of station');
    expect(log.at(-1)).toEqual(['wang', 'd-5']);
  });
});
