import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, describe, it, onTestFinished } from 'vitest';
import { createApi } from '../gateway/api/index.ts';
import { makeAlert, makeNotice, makePassage, makeSession } from '../gateway/api/test-samples.ts';
import { createTestWorld } from '../gateway/api/test-world.ts';
import type { Change } from '../gateway/domain/change.ts';
import type { DeviceKey } from '../gateway/domain/ids.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { createUsers } from '../gateway/provisioning/index.ts';
import { createStore } from '../gateway/store/index.ts';

const password = 'correct horse battery';
const signal = new AbortController().signal;

/** The API over the real store and the real users, in `folder`; what else it needs stays in memory. */
async function start(folder: string) {
  const store = createStore({
    file: join(folder, 'k.sqlite'),
    clock: systemClock,
    logger: silentLogger,
    reserveBytes: 0,
  });
  await store.start(signal);
  const users = createUsers({ reads: store, commit: store.commit, clock: systemClock, random: systemRandom });
  const { given } = createTestWorld();
  const api = createApi({ ...given, reads: store, commit: store.commit, users });
  await api.start(signal);
  const stop = async (): Promise<void> => {
    await api.stop();
    await store.stop();
  };
  onTestFinished(stop);
  const login = async (name: string): Promise<string> => {
    const reply = await fetch(`${api.address()}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, password }),
    });
    expect(reply.status).toBe(200);
    return reply.headers.getSetCookie()[0]!.split(';')[0]!;
  };
  const get = (path: string, cookie: string): Promise<Response> =>
    fetch(`${api.address()}${path}`, { headers: { cookie } });
  /** Ids of a whole list, page by page. */
  const walk = async (path: string, cookie: string): Promise<string[]> => {
    const ids: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const reply = await get(`${path}&limit=7${next === '' ? '' : `&before=${next}`}`, cookie);
      const page = (await reply.json()) as { items: { id: string }[]; next: string | null };
      ids.push(...page.items.map((item) => item.id));
      next = page.next;
    }
    return ids;
  };
  return { store, users, stop, login, get, walk };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-api-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('the API over the store', () => {
  it('walks through every list page by page and shows each row once, also where many have one time', async () => {
    const { store, users, login, walk } = await start(temporaryFolder());
    await users.add('ann', 'viewer', password, 'test');
    const at = Date.UTC(2026, 10, 22) as EpochMs;
    const times = Array.from({ length: 30 }, (_, n) => (at + Math.floor(n / 6) * 1000) as EpochMs);
    const passages = times.map((time) => makePassage({ at: time }));
    const sessions = times.map((startedAt, n) => makeSession({ startedAt, lastAt: startedAt, port: n + 1 }));
    const alerts = times.map((raisedAt, n) => makeAlert({ raisedAt, key: `cause ${n}` }));
    await store.commit([
      ...passages.map((event): Change => ({ kind: 'event-recorded', event, messageKey: null })),
      ...sessions.map((session): Change => ({ kind: 'session-saved', session })),
      ...alerts.map((alert): Change => ({ kind: 'alert-saved', alert })),
      ...times.map((time): Change => ({
        kind: 'quarantined',
        device: 'fire/f1' as DeviceKey,
        topic: 't',
        payload: Buffer.from('?'),
        reason: 'not JSON',
        at: time,
      })),
    ]);
    const cookie = await login('ann');
    const newestFirst = (rows: readonly { readonly id: string }[]): string[] => rows.map((row) => row.id).reverse();
    expect(await walk('/api/passages?plate=123', cookie)).toEqual(newestFirst(passages));
    expect(await walk('/api/passages?direction=in', cookie)).toEqual(newestFirst(passages));
    expect(await walk('/api/sessions?state=running', cookie)).toEqual(newestFirst(sessions));
    expect(await walk('/api/alerts?state=open', cookie)).toEqual(newestFirst(alerts));
    expect(await walk('/api/alerts?state=ended', cookie)).toEqual([]);
    const quarantined = await walk('/api/quarantine?device=fire/f1', cookie);
    expect(new Set(quarantined).size).toBe(30);
  });

  it('keeps a login over a restart of the gateway, and an alert with who was told', async () => {
    const folder = temporaryFolder();
    const first = await start(folder);
    await first.users.add('ann', 'viewer', password, 'test');
    const alert = makeAlert();
    const [notice, delivery] = makeNotice(alert, 'pending');
    await first.store.commit([
      { kind: 'alert-saved', alert },
      { kind: 'notice-created', notice },
      { kind: 'delivery-created', delivery },
    ]);
    const cookie = await first.login('ann');
    await first.stop();
    const second = await start(folder);
    const reply = await second.get(`/api/alerts/${alert.id}`, cookie);
    expect(await reply.json()).toMatchObject({
      id: alert.id,
      told: [{ recipient: { name: '城东派出所' }, deliveries: [{ state: 'pending', attempts: 2 }] }],
    });
    await second.users.remove('ann', 'test');
    expect((await second.get('/api/me', cookie)).status).toBe(401);
  });

  it('slows down who guesses passwords', async () => {
    const { users } = await start(temporaryFolder());
    await users.add('ann', 'viewer', password, 'test');
    const kinds = new Set<string>();
    for (let n = 0; n < 12; n += 1) kinds.add((await users.verify('ann', `guess ${n}`, '10.0.0.9')).kind);
    expect(kinds).toEqual(new Set(['wrong', 'too-many-tries']));
    expect((await users.verify('ann', password, '10.0.0.9')).kind).toBe('too-many-tries');
  });
});
