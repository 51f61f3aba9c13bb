import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { generateInboxOpenApi } from '../../gateway/inbox/index.ts';
import { codeOf } from '../../gateway/lib/errors.ts';
import { createFakeClock } from '../../gateway/lib/fake-clock.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { createLoginThrottle } from '../../gateway/inbox/login-throttle.ts';
import { createLiveFeed } from '../../gateway/inbox/live-feed.ts';
import { deskFolder, noticeEvent, password, signIn, startDesk, until, type Json } from './fixture.ts';

const login = (url: string, name: string, word: string): Promise<Response> =>
  fetch(`${url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: word }),
  });

/** Reads server-sent events until `wanted` of them are there. */
async function readLive(
  url: string,
  cookie: string,
  wanted: number,
  whenOpen: () => Promise<unknown>,
): Promise<Json[]> {
  const ending = new AbortController();
  const reply = await fetch(`${url}/api/live`, { headers: { cookie }, signal: ending.signal });
  expect(reply.headers.get('content-type')).toContain('text/event-stream');
  const events: Json[] = [];
  let text = '';
  const doing = whenOpen();
  for await (const chunk of reply.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const frames = text.split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames.filter((part) => !part.startsWith(':'))) {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)![1]!;
      events.push({ id: Number(field('id')), event: field('event'), data: JSON.parse(field('data')) as unknown });
    }
    if (events.length >= wanted) break;
  }
  await doing;
  ending.abort();
  return events;
}

describe('the page', () => {
  it('is described by the OpenAPI document that stands in gateway/inbox/openapi.json (mend: npm run docs)', async () => {
    const path = resolve(import.meta.dirname, '../../gateway/inbox/openapi.json');
    expect(await generateInboxOpenApi()).toBe(readFileSync(path, 'utf8'));
    const desk = await startDesk();
    const served = (await (await fetch(`${desk.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    expect(
      Object.entries(served.paths)
        .flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m} ${path}`))
        .sort(),
    ).toEqual([
      'get /api/alerts',
      'get /api/alerts/{id}',
      'get /api/alerts/{id}/around',
      'get /api/alerts/{id}/evidence/{n}',
      'get /api/audit',
      'get /api/audit/verify',
      'get /api/duty',
      'get /api/figures',
      'get /api/gateways',
      'get /api/gateways/invites',
      'get /api/live',
      'get /api/me',
      'get /api/me/second-factor',
      'get /api/officers',
      'get /api/plans/{gateway}',
      'get /api/plans/{gateway}/image',
      'get /api/push',
      'get /api/shift',
      'get /api/shift/handovers',
      'get /api/users',
      'get /feedback/{gateway}',
      'get /health',
      'post /api/alerts/{id}/feedback',
      'post /api/duty',
      'post /api/duty/{id}/remove',
      'post /api/gateways/invites',
      'post /api/gateways/invites/{invite}/cancel',
      'post /api/gateways/{id}/change',
      'post /api/gateways/{id}/revoke',
      'post /api/login',
      'post /api/logout',
      'post /api/me/password',
      'post /api/me/second-factor/begin',
      'post /api/me/second-factor/confirm',
      'post /api/me/second-factor/remove',
      'post /api/push/subscribe',
      'post /api/push/test',
      'post /api/push/unsubscribe',
      'post /api/search',
      'post /api/shift/handover',
      'post /api/users',
      'post /api/users/{name}',
      'post /api/users/{name}/remove',
      'post /notices/{gateway}',
      'post /pair',
      'post /pair/rotate/{gateway}',
      'put /api/plans/{gateway}/image',
      'put /api/plans/{gateway}/points',
    ]);
  });

  it('signs people in with a cookie that scripts cannot read, and out again at once', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'manager');
    const reply = await login(desk.url, '王', password);
    expect(reply.headers.getSetCookie()[0]).toMatch(/^kanmen_desk=[\w-]{43}; .*Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await reply.json()).toMatchObject({ user: { name: '王', role: 'duty' }, title: '东门派出所' });
    expect((await officer.get('/api/me')).json.user).toEqual({ name: '王', role: 'duty' });
    expect((await officer.post('/api/logout')).status).toBe(204);
    expect((await officer.get('/api/me')).json.error.code).toBe('auth.required');
  });

  it('refuses names and passwords that will not do, and a name twice', async () => {
    const desk = await startDesk();
    const codes = await desk.tools(({ users }) =>
      Promise.all(
        [
          ['', password],
          ['a b', password],
          ['王', 'short'],
          ['王', password],
          ['王', password],
        ].map(([name, word]) =>
          users.add(name!, 'viewer', word!).then(
            () => 'added',
            (error: unknown) => codeOf(error),
          ),
        ),
      ),
    );
    expect(codes.slice(0, 3)).toEqual(['user.invalid', 'user.invalid', 'user.invalid']);
    expect(codes.slice(3).sort()).toEqual(['added', 'user.exists']);
    const listed = await desk.tools(({ users }) => users.list());
    expect(listed.map(({ name, role }) => [name, role])).toEqual([['王', 'viewer']]);
    await desk.tools(({ users }) => users.setPassword('王', 'another good one'));
    await expect(signIn(desk.url, '王')).rejects.toThrow('401');
    await signIn(desk.url, '王', 'another good one');
  });

  it('lets viewers look and not answer', async () => {
    const desk = await startDesk();
    const viewer = await desk.addUser('李', 'viewer');
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    expect((await viewer.get('/api/alerts')).json.items).toMatchObject([
      { id: alertId, gateway: { name: '小区 east' } },
    ]);
    const refused = await viewer.answer(alertId, { kind: 'acknowledged' });
    expect([refused.status, refused.json.error.code]).toEqual([403, 'auth.not-allowed']);
    for (const path of ['/api/alerts', `/api/alerts/${alertId}`, '/api/gateways', '/api/live', '/api/me']) {
      expect([path, (await fetch(desk.url + path)).status]).toEqual([path, 401]);
    }
  });

  it('slows down guessing of passwords, also by the right one meanwhile', async () => {
    const desk = await startDesk();
    await desk.addUser('王', 'manager');
    const statuses: number[] = [];
    for (let time = 0; time < 6; time += 1) statuses.push((await login(desk.url, '王', `wrong ${time}`)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    const blocked = await login(desk.url, '王', password);
    expect([blocked.status, ((await blocked.json()) as Json).error.code]).toEqual([429, 'auth.too-many-tries']);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(20);
  });

  it('doubles the wait with each wrong try and forgets after an hour', async () => {
    const clock = createFakeClock();
    const throttle = createLoginThrottle(clock);
    const attempt = { name: '王', address: '10.0.0.7', device: null };
    const waits: number[] = [];
    for (let time = 0; time < 12; time += 1) {
      throttle.wrong(attempt);
      waits.push(throttle.waitMs(attempt) / 1000);
      await clock.advance(throttle.waitMs(attempt));
    }
    expect(waits).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
    // Somebody else at the same address, and the same name from elsewhere, are not kept waiting by it.
    expect(throttle.waitMs({ ...attempt, name: '李' })).toBe(0);
    expect(throttle.waitMs({ ...attempt, address: '10.0.0.8' })).toBe(0);
    await clock.advance(3_600_001);
    throttle.wrong(attempt);
    expect(throttle.waitMs(attempt)).toBe(0);
  });

  it('lets nobody keep a named officer out: a browser that he has signed in with has tries of its own', async () => {
    const desk = await startDesk();
    await desk.addUser('王', 'duty');
    const first = await login(desk.url, '王', password);
    const known = first.headers.getSetCookie().find((cookie) => cookie.startsWith('kanmen_desk_device='))!;
    expect(known).toMatch(/Path=\/api\/login; HttpOnly; SameSite=Strict/);
    const cookie = known.split(';')[0]!;
    for (let time = 0; time < 40; time += 1) await login(desk.url, '王', `wrong ${time}`);
    expect((await login(desk.url, '王', password)).status).toBe(429);
    const again = await fetch(`${desk.url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie },
      body: JSON.stringify({ name: '王', password }),
    });
    expect(again.status).toBe(200);
    // It is good for this name only, and not when it was altered.
    for (const [name, other, status] of [
      ['李', cookie, 401],
      ['王', `${cookie}x`, 429],
    ] as const) {
      const reply = await fetch(`${desk.url}/api/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie: other },
        body: JSON.stringify({ name, password }),
      });
      expect([name, reply.status]).toEqual([name, status]);
    }
  });

  it('ends a sign-in when its time is over and when its user is removed', async () => {
    const fake = createFakeClock(Date.now());
    // Timers stay real; only what time it is can be moved.
    const clock = { ...systemClock, now: () => fake.now() };
    const desk = await startDesk({ clock, config: { sessionLifetime: '1h' } });
    const officer = await desk.addUser('王', 'manager');
    expect((await officer.get('/api/me')).status).toBe(200);
    fake.jumpWall(3_600_001);
    expect((await officer.get('/api/me')).status).toBe(401);
    const again = await signIn(desk.url, '王');
    expect((await again.get('/api/me')).status).toBe(200);
    await desk.tools(({ users }) => users.remove('王'));
    expect((await again.get('/api/me')).status).toBe(401);
  });

  it('lists open alerts worst first then oldest, all newest first, page by page', async () => {
    const desk = await startDesk();
    const viewer = await desk.addUser('李', 'viewer');
    const start = Date.now();
    const given = (['blue', 'red', 'yellow', 'red', 'orange'] as const).map((tier, index) => {
      const at = new Date(start - 60_000 + index);
      return noticeEvent('raised', { alertId: `a-${index}-${v7()}`, version: 1, tier, at });
    });
    for (const event of given) await desk.gateway('east').send(event);
    const ids = (reply: { json: Json }): string[] =>
      (reply.json.items as { id: string }[]).map(({ id }) => id.slice(0, 3));
    const pages = async (query: string): Promise<string[][]> => {
      const found: string[][] = [];
      for (let before = ''; ;) {
        const reply = await viewer.get(`/api/alerts?${query}&limit=2${before}`);
        found.push(ids(reply));
        if (reply.json.next === null) return found;
        before = `&before=${encodeURIComponent(String(reply.json.next))}`;
      }
    };
    expect(await pages('state=open')).toEqual([['a-1', 'a-3'], ['a-4', 'a-2'], ['a-0']]);
    expect(await pages('state=all')).toEqual([['a-4', 'a-3'], ['a-2', 'a-1'], ['a-0']]);
    expect(await pages('state=all&tier=red')).toEqual([['a-3', 'a-1']]);
    expect(await pages('state=open&tier=red')).toEqual([['a-1', 'a-3']]);
    for (const bad of ['limit=0', 'limit=201', 'state=shut', 'before=nonsense', 'colour=red']) {
      const { status, json } = await viewer.get(`/api/alerts?${bad}`);
      expect([bad, status, json.error?.code]).toEqual([bad, 400, 'request.invalid']);
    }
  });

  it('tells browsers of new alerts, of answers and of how far they have come', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    const events = await readLive(desk.url, officer.cookie, 6, async () => {
      await east.send(noticeEvent('raised', { alertId, version: 1 }));
      await officer.answer(alertId, { kind: 'acknowledged' });
      const { cursor } = await east.poll('', 0);
      await east.poll(cursor, 0);
    });
    expect(
      events.map(({ id, event, data }: Json) => [id, event, data.state ?? '', data.relay ?? ''] as unknown),
    ).toEqual([
      [1, 'hello', '', ''],
      [2, 'alert', 'raised', ''],
      [3, 'gateway', 'online', ''],
      [4, 'alert', 'acknowledged', 'waiting'],
      [5, 'alert', 'acknowledged', 'sent'],
      [6, 'alert', 'acknowledged', 'received'],
    ]);
  });

  it('says when a gateway falls silent and when it is back', async () => {
    const desk = await startDesk({ config: { gatewaySilentAfter: '1s' } });
    const east = desk.gateway('east');
    const viewer = await desk.addUser('李', 'viewer');
    const stateOf = async (): Promise<string> => String((await viewer.get('/api/gateways')).json.items[0].state);
    expect(await stateOf()).toBe('never');
    await east.poll('', 0);
    expect(await stateOf()).toBe('online');
    await until(async () => (await stateOf()) === 'silent');
    await east.poll('', 0);
    expect(await stateOf()).toBe('online');
  });

  it('drops the oldest events of a browser that does not read, and tells it', () => {
    const feed = createLiveFeed(() => 0);
    const seen: string[] = [];
    let ready = true;
    let drain = (): void => undefined;
    feed.add(
      {
        write: (text) => {
          seen.push(text);
          return ready;
        },
        onDrain: (callback) => {
          drain = callback;
        },
        end: () => undefined,
      },
      's',
      null,
    );
    ready = false;
    for (let n = 0; n < 300; n += 1) feed.publish('alert', { n }, 'east');
    expect(feed.report()).toMatchObject({ depth: 256, dropped: 43 });
    ready = true;
    drain();
    expect(seen[2]).toBe('id: 3\nevent: gap\ndata: {"dropped":43}\n\n');
    expect(seen[3]).toBe('id: 4\nevent: alert\ndata: {"n":44}\n\n');
    expect(feed.report().depth).toBe(0);
  });

  it('serves the built page with strict headers, and nothing outside its folder', async () => {
    const folder = deskFolder(['east']);
    const webRoot = join(folder.dir, 'web');
    mkdirSync(join(webRoot, 'assets'), { recursive: true });
    writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>desk</title>');
    writeFileSync(join(webRoot, 'assets', 'a-1234.js'), 'export {}');
    const desk = await startDesk({ folder, config: { webRoot } });
    const page = await fetch(`${desk.url}/`);
    expect([page.status, page.headers.get('content-type'), page.headers.get('cache-control')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`${desk.url}/assets/a-1234.js`)).headers.get('cache-control')).toContain('immutable');
    for (const path of ['/../secrets/east', '/%2e%2e/secrets/east', '/secrets/east', '/nothing']) {
      expect([path, (await fetch(desk.url + path)).status]).toEqual([path, 404]);
    }
  });
});
