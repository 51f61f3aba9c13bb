import { describe, expect, it } from 'vitest';
import { roles } from '../domain/user.ts';
import { accessTable, roleAllows } from './access.ts';
import { buildServer } from './server.ts';
import { startTestApi } from './test-client.ts';
import { controlToken, createTestWorld } from './test-world.ts';

/** Something that fits the route's parameters. */
const concrete = (url: string): string => url.replace(':id', 'nothing').replace('/*', '/nothing-here');

describe('access', () => {
  it('lets each role into exactly the routes that the table says, and nobody in without a login', async () => {
    const { url, login } = await startTestApi();
    const cookies = { admin: await login('admin'), manager: await login('manager'), viewer: await login('viewer') };
    const wrong: string[] = [];
    for (const [route, access] of Object.entries(accessTable)) {
      // Logging out would end the login that the next routes need; the live feed's answer does not end.
      const [method = '', path = ''] = route.split(' ');
      if (access === 'public' || access === 'metrics' || path === '/api/logout') continue;
      const ask = async (headers: Record<string, string>): Promise<number> => {
        const abort = new AbortController();
        const reply = await fetch(`${url}${concrete(path)}`, {
          method,
          headers: { ...headers, ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) },
          ...(method === 'POST' ? { body: JSON.stringify({ kind: 'acknowledged' }) } : {}),
          signal: abort.signal,
        });
        abort.abort();
        return reply.status;
      };
      if ((await ask({})) !== 401) wrong.push(`${route} without a login`);
      if ((await ask({ cookie: 'kanmen_session=guessed' })) !== 401) wrong.push(`${route} with a guessed cookie`);
      for (const role of roles) {
        const refused = (await ask({ cookie: cookies[role] })) === 403;
        if (refused === roleAllows(role, access)) wrong.push(`${route} as ${role}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('has an entry for every route, and no entry without a route', async () => {
    const app = await buildServer(createTestWorld().given);
    const registered: string[] = [];
    for (const route of Object.keys(accessTable)) {
      const [method = 'GET', url = ''] = route.split(' ');
      if (app.hasRoute({ method, url })) registered.push(route);
    }
    await app.close();
    // The page's route is there once a dashboard has been built.
    expect(registered).toEqual(Object.keys(accessTable).filter((route) => route !== 'GET /*'));
    const other = await buildServer(createTestWorld().given);
    expect(() => other.get('/api/forgotten', () => '')).toThrow('no entry in the access table for GET /api/forgotten');
    await other.close();
  });

  it('lets the command line of the same machine in with its token, but not through a proxy or with another', async () => {
    const { url } = await startTestApi();
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/api/me`, { headers })).status;
    expect(await ask({ 'x-kanmen-control': controlToken })).toBe(200);
    expect(await ask({ 'x-kanmen-control': `${controlToken}x` })).toBe(401);
    expect(await ask({ 'x-kanmen-control': controlToken, 'x-forwarded-for': '10.0.0.9' })).toBe(401);
  });

  it('gives metrics to this machine, and through a proxy only for the metrics token', async () => {
    const { url } = await startTestApi(createTestWorld({ metricsToken: 'scrape-me' }));
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/metrics`, { headers })).status;
    expect(await ask({})).toBe(200);
    expect(await ask({ 'x-forwarded-for': '10.0.0.9' })).toBe(401);
    expect(await ask({ 'x-forwarded-for': '10.0.0.9', authorization: 'Bearer scrape-me' })).toBe(200);
    expect(await ask({ 'x-forwarded-for': '10.0.0.9', authorization: 'Bearer other' })).toBe(401);
  });
});
