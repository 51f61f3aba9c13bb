import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../lib/fake-clock.ts';
import { sha256Hex } from './access.ts';
import { startTestApi } from './test-client.ts';
import { createTestWorld } from './test-world.ts';

const hour = 3_600_000;

describe('login', () => {
  it('sets a cookie that scripts and other sites cannot use, and keeps only its hash', async () => {
    const { post, world } = await startTestApi();
    const reply = await post('/api/login', { name: 'viewer', password: 'viewer-word' });
    expect(reply.status).toBe(200);
    expect(await reply.json()).toMatchObject({ user: { name: 'viewer', role: 'viewer' }, title: '花园小区' });
    const cookie = reply.headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/^kanmen_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    const token = /=([^;]+)/.exec(cookie)?.[1] ?? '';
    const stored = world.changes.filter((change) => change.kind === 'web-session-saved');
    expect(stored.map((change) => change.session.tokenSha256)).toEqual([sha256Hex(token)]);
    expect(JSON.stringify(world.changes)).not.toContain(token);
  });

  it('says the same for a wrong name and a wrong password, and then makes the guesser wait', async () => {
    const { post } = await startTestApi();
    const wrongName = await post('/api/login', { name: 'nobody', password: 'x' });
    const wrongWord = await post('/api/login', { name: 'admin', password: 'x' });
    expect([wrongName.status, await wrongName.json()]).toEqual([wrongWord.status, await wrongWord.json()]);
    await post('/api/login', { name: 'admin', password: 'y' });
    const slowed = await post('/api/login', { name: 'admin', password: 'admin-word' });
    expect(slowed.status).toBe(429);
    expect(slowed.headers.get('retry-after')).toBe('30');
    expect(await slowed.json()).toMatchObject({ error: { code: 'auth.too-many-tries' } });
  });

  it('ends at logout, when its time is over and when the user is removed', async () => {
    const clock = createFakeClock();
    const { login, get, post, world } = await startTestApi(createTestWorld({ clock }));
    const first = await login('viewer');
    expect((await get('/api/me', first)).status).toBe(200);
    expect((await post('/api/logout', {}, first)).status).toBe(200);
    expect((await get('/api/me', first)).status).toBe(401);

    const second = await login('viewer');
    await clock.advance(12 * hour - 1000);
    expect((await get('/api/me', second)).status).toBe(200);
    await clock.advance(1000);
    expect((await get('/api/me', second)).status).toBe(401);
    expect(world.changes.at(-1)?.kind).toBe('web-session-removed');

    const third = await login('viewer');
    await world.commit([{ kind: 'user-removed', name: 'viewer' }]);
    expect((await get('/api/me', third)).status).toBe(401);
  });
});

describe('errors and headers', () => {
  it('have one form, whatever goes wrong', async () => {
    const { url, login, get, post } = await startTestApi();
    const cookie = await login('manager');
    const codeOf = async (reply: Response): Promise<readonly [number, string]> => {
      const body = (await reply.json()) as { error: { code: string; message: string } };
      expect(body.error.message.length).toBeGreaterThan(0);
      return [reply.status, body.error.code];
    };
    expect(await codeOf(await get('/api/passages?limit=0', cookie))).toEqual([400, 'request.invalid']);
    expect(await codeOf(await get('/api/passages?colour=red', cookie))).toEqual([400, 'request.invalid']);
    expect(await codeOf(await get('/api/passages?before=nonsense', cookie))).toEqual([400, 'request.invalid']);
    expect(await codeOf(await get('/api/alerts/nothing', cookie))).toEqual([404, 'alert.unknown']);
    expect(await codeOf(await get('/api/evidence/nothing', cookie))).toEqual([404, 'evidence.missing']);
    expect(await codeOf(await get('/nowhere'))).toEqual([404, 'request.unknown-route']);
    expect(await codeOf(await post('/api/login', { name: 'a', password: 'x'.repeat(40_000) }))).toEqual([
      413,
      'request.too-large',
    ]);
    const broken = await fetch(`${url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":',
    });
    expect(await codeOf(broken)).toEqual([400, 'request.invalid']);
  });

  it('tell nothing of what broke inside', async () => {
    const world = createTestWorld();
    const given = { ...world.given, answer: () => Promise.reject(new Error('secret detail')) };
    const { login, post } = await startTestApi({ ...world, given });
    const reply = await post('/api/alerts/a1/feedback', { kind: 'acknowledged' }, await login('manager'));
    expect(reply.status).toBe(500);
    const text = await reply.text();
    expect(text).toContain('"code":"internal"');
    expect(text).not.toContain('secret detail');
  });

  it('forbid inline script and style, framing and sniffing on every reply', async () => {
    const { get } = await startTestApi();
    for (const path of ['/health', '/api/me', '/nowhere']) {
      const { headers } = await get(path);
      expect(headers.get('content-security-policy')).toContain("script-src 'self'; style-src 'self';");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
    expect((await get('/api/me')).headers.get('cache-control')).toBe('no-store');
  });
});
