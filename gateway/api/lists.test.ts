import { describe, expect, it } from 'vitest';
import type { AlertId, DeviceKey, EvidenceId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { startTestApi } from './test-client.ts';
import { makeAlert, makeNotice, makePassage, makeSession } from './test-samples.ts';

const start = Date.UTC(2026, 10, 22, 8);
interface List {
  readonly items: readonly { readonly id: string; readonly [key: string]: unknown }[];
  readonly next: string | null;
}
const listOf = async (reply: Response): Promise<List> => {
  expect(reply.status).toBe(200);
  return (await reply.json()) as List;
};

describe('lists', () => {
  it('show every passage exactly once over all pages, newest first, also where many have one time', async () => {
    const { world, login, get } = await startTestApi();
    const cookie = await login('viewer');
    const passages = Array.from({ length: 25 }, (_, n) =>
      makePassage({ at: (start + Math.floor(n / 10) * 1000) as EpochMs }),
    );
    await world.commit(passages.map((event) => ({ kind: 'event-recorded', event, messageKey: null })));
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const page: List = await listOf(
        await get(`/api/passages?limit=10${next === '' ? '' : `&before=${next}`}`, cookie),
      );
      seen.push(...page.items.map((item) => item.id));
      next = page.next;
    }
    expect(seen).toEqual(passages.map((event) => event.id as string).reverse());
  });

  it('filter passages by plate, direction and time', async () => {
    const { world, login, get } = await startTestApi();
    const cookie = await login('viewer');
    const blue = makePassage({ at: start as EpochMs });
    const out = makePassage({ at: (start + 60_000) as EpochMs, direction: 'out' });
    const person = makePassage({ at: (start + 120_000) as EpochMs, subject: 'person', plate: null });
    await world.commit([blue, out, person].map((event) => ({ kind: 'event-recorded', event, messageKey: null })));
    const ids = async (query: string): Promise<readonly string[]> =>
      (await listOf(await get(`/api/passages?${query}`, cookie))).items.map((item) => item.id);
    expect(await ids(`plate=${encodeURIComponent('b123')}`)).toEqual([out.id, blue.id]);
    expect(await ids('direction=out')).toEqual([out.id]);
    expect(await ids('subject=person')).toEqual([person.id]);
    expect(await ids('from=2026-11-22T08:01:00Z&to=2026-11-22T16:02:00%2B08:00')).toEqual([out.id]);
  });

  it('give times in UTC, names of places and no more of a plate than people need', async () => {
    const { world, login, get } = await startTestApi();
    const cookie = await login('viewer');
    await world.commit([{ kind: 'event-recorded', event: makePassage({ at: start as EpochMs }), messageKey: 'k' }]);
    const [item] = (await listOf(await get('/api/passages', cookie))).items;
    expect(item).toMatchObject({
      at: '2026-11-22T08:00:00.000Z',
      place: { site: { name: '花园小区' }, area: { name: '东门' }, grid: null },
      plate: { text: '浙B12345', accepted: true, confidenceRatio: 0.97, kind: 'small', color: 'blue' },
    });
    expect(item).not.toHaveProperty('messageKey');
    expect(item?.['plate']).not.toHaveProperty('characterConfidenceRatios');
  });

  it('tell running from ended charging sessions', async () => {
    const { world, login, get } = await startTestApi();
    const cookie = await login('viewer');
    const running = makeSession({ startedAt: start as EpochMs });
    const ended = makeSession({ startedAt: start as EpochMs, endedAt: (start + 1) as EpochMs, stopReason: 'full' });
    await world.commit([running, ended].map((session) => ({ kind: 'session-saved', session })));
    const ids = async (query: string): Promise<readonly string[]> =>
      (await listOf(await get(`/api/sessions?${query}`, cookie))).items.map((item) => item.id);
    expect(await ids('state=running')).toEqual([running.id]);
    expect(await ids('state=ended')).toEqual([ended.id]);
    expect(await ids('')).toEqual([ended.id, running.id]);
  });

  it('show each device with what is known of it, and messages that nobody understood', async () => {
    const { world, login, get } = await startTestApi();
    const cookie = await login('viewer');
    const key = 'fire/f-0012' as DeviceKey;
    await world.commit([
      {
        kind: 'device-saved',
        device: {
          key,
          deviceClass: 'fire',
          id: 'f-0012',
          area: null,
          passwordSha256: 'ab',
          createdAt: start as EpochMs,
        },
      },
      { kind: 'device-heard', device: key, at: start as EpochMs, state: 'silent', fault: 'no JSON' },
    ]);
    world.addQuarantined({
      id: '1',
      device: key,
      topic: 'community/garden/fire/f-0012/telemetry',
      payload: Buffer.from('{oops'),
      reason: 'not JSON',
      at: start as EpochMs,
    });
    const devices = await get('/api/devices', cookie);
    const text = await devices.text();
    expect(text).not.toContain('passwordSha256');
    expect((JSON.parse(text) as List).items).toMatchObject([{ key, state: 'silent', lastFault: 'no JSON' }]);
    expect((await listOf(await get('/api/quarantine', cookie))).items).toMatchObject([
      { device: key, text: '{oops', sizeBytes: 5, reason: 'not JSON' },
    ]);
  });
});

describe('an alert', () => {
  it('comes with its life, who was told and their receipts', async () => {
    const { world, login, get } = await startTestApi();
    const alert = makeAlert({ raisedAt: start as EpochMs });
    const [notice, delivery] = makeNotice(alert, 'delivered');
    await world.commit([
      { kind: 'alert-saved', alert },
      {
        kind: 'alert-transition',
        alertId: alert.id,
        transition: { at: start as EpochMs, from: null, to: 'raised', by: 'gateway', why: 'rule smoke' },
      },
      { kind: 'notice-created', notice },
      { kind: 'delivery-created', delivery },
    ]);
    const reply = await get(`/api/alerts/${alert.id}`, await login('viewer'));
    expect(await reply.json()).toMatchObject({
      id: alert.id,
      deadline: '2026-11-22T08:05:00.000Z',
      life: [{ from: null, to: 'raised', by: 'gateway' }],
      told: [
        {
          recipient: { id: 'station', name: '城东派出所', role: 'station' },
          form: 'report',
          deliveries: [{ channel: 'station-desk', state: 'delivered', deliveredAt: '2026-11-22T08:00:00.900Z' }],
        },
      ],
    });
  });

  it('is acknowledged once, in the name of who is signed in, also when the request is repeated', async () => {
    const { world, login, post } = await startTestApi();
    const alert = makeAlert();
    await world.commit([{ kind: 'alert-saved', alert }]);
    const cookie = await login('manager');
    const body = { id: 'click-0001', kind: 'acknowledged' };
    const first = await post(`/api/alerts/${alert.id}/feedback`, body, cookie);
    expect(await first.json()).toMatchObject({
      state: 'acknowledged',
      owner: 'manager',
      feedback: [{ by: 'manager' }],
    });
    const again = await post(`/api/alerts/${alert.id}/feedback`, body, cookie);
    expect(again.status).toBe(200);
    expect(((await again.json()) as { feedback: unknown[] }).feedback).toHaveLength(1);
    const forged = await post(`/api/alerts/${alert.id}/feedback`, { kind: 'acknowledged', by: 'someone' }, cookie);
    expect(forged.status).toBe(400);
  });

  it('wants words for progress and a verdict for an outcome', async () => {
    const { world, login, post } = await startTestApi();
    const alert = makeAlert();
    await world.commit([{ kind: 'alert-saved', alert }]);
    const cookie = await login('manager');
    const status = async (body: unknown): Promise<number> =>
      (await post(`/api/alerts/${alert.id}/feedback`, body, cookie)).status;
    expect(await status({ kind: 'progress', text: '  ' })).toBe(400);
    expect(await status({ kind: 'outcome', text: 'burnt toast' })).toBe(400);
    expect(await status({ kind: 'progress', text: 'on the way', outcome: 'true' })).toBe(400);
    expect(await status({ kind: 'outcome', text: 'burnt toast', outcome: 'false-alarm' })).toBe(200);
    expect(await status({ kind: 'progress', text: 'too late' })).toBe(409);
  });

  it('of the filter `open` is one that has not ended', async () => {
    const { world, login, get } = await startTestApi();
    const open = makeAlert({ raisedAt: start as EpochMs });
    const closed = makeAlert({ raisedAt: start as EpochMs, state: 'closed', closedAt: (start + 9) as EpochMs });
    await world.commit([open, closed].map((alert) => ({ kind: 'alert-saved', alert })));
    const cookie = await login('viewer');
    const ids = async (query: string): Promise<readonly string[]> =>
      (await listOf(await get(`/api/alerts?${query}`, cookie))).items.map((item) => item.id);
    expect(await ids('state=open')).toEqual([open.id]);
    expect(await ids('state=ended')).toEqual([closed.id]);
    expect(await ids('tier=blue')).toEqual([]);
  });
});

describe('evidence', () => {
  it('is shown blurred, and plain only to a manager whose asking is on record first', async () => {
    const { world, login, get } = await startTestApi();
    const blurred = Buffer.from('blurred picture');
    const plain = Buffer.from('plain picture');
    world.pictures.set('e1', { blurred, plain });
    const viewer = await login('viewer');
    const manager = await login('manager');
    expect(Buffer.from(await (await get('/api/evidence/e1', viewer)).arrayBuffer())).toEqual(blurred);
    expect((await get('/api/evidence/e1?unblurred=1', viewer)).status).toBe(403);
    const audits = () => world.changes.filter((change) => change.kind === 'audited' && change.action !== 'login');
    expect(audits()).toEqual([]);
    const shown = await get('/api/evidence/e1?unblurred=1', manager);
    expect(Buffer.from(await shown.arrayBuffer())).toEqual(plain);
    expect(shown.headers.get('content-type')).toBe('image/jpeg');
    expect(shown.headers.get('cache-control')).toBe('no-store');
    expect(audits()).toMatchObject([{ by: 'manager', action: 'evidence-unblurred', subject: 'e1' as EvidenceId }]);
  });

  it('stays unseen when the asking cannot be recorded', async () => {
    const { world, login, url } = await startTestApi();
    world.pictures.set('e1', { blurred: Buffer.from('b'), plain: Buffer.from('p') });
    const cookie = await login('admin');
    const failing = {
      ...world,
      given: { ...world.given, commit: () => Promise.reject(new Error('disk full')) },
    };
    const broken = await startTestApi(failing);
    const reply = await fetch(`${broken.url}/api/evidence/e1?unblurred=1`, { headers: { cookie } });
    expect([url === broken.url, reply.status]).toEqual([false, 500]);
  });
});

describe('health', () => {
  it('tells strangers the wires and nothing of what happened, with 503 when alarms may not get through', async () => {
    const { world, get, login } = await startTestApi();
    const well = await get('/health');
    const canary = { working: 0, broken: 0, unknown: 0 };
    expect([well.status, await well.json()]).toEqual([200, { status: 'ok', wires: world.health.wires, canary }]);
    world.health = {
      ...world.health,
      status: 'unhealthy',
      parts: [{ name: 'store', status: 'unhealthy', note: 'disk full' }],
    };
    const ill = await get('/health');
    expect(ill.status).toBe(503);
    expect(await ill.json()).toEqual({ status: 'unhealthy', wires: world.health.wires, canary });
    const alert = makeAlert({ id: 'a1' as AlertId });
    const [notice, delivery] = makeNotice(alert, 'pending');
    await world.commit([
      { kind: 'notice-created', notice },
      { kind: 'delivery-created', delivery },
    ]);
    expect(await (await get('/api/status', await login('viewer'))).json()).toMatchObject({
      status: 'unhealthy',
      parts: [{ note: 'disk full' }],
      deliveries: { pending: 1, delivered: 0, dead: 0 },
    });
  });
});
