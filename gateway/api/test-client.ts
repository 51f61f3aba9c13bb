import { onTestFinished } from 'vitest';
import type { Role } from '../domain/user.ts';
import { createApi } from './create-api.ts';
import { createTestWorld, passwords, type TestWorld } from './test-world.ts';

export interface TestClient {
  readonly world: TestWorld;
  readonly url: string;
  /** Signs in over HTTP and answers the cookie. */
  readonly login: (role: Role) => Promise<string>;
  readonly get: (path: string, cookie?: string) => Promise<Response>;
  readonly post: (path: string, body: unknown, cookie?: string) => Promise<Response>;
}

/** The API on a free port over a world in memory; both end with the test. */
export async function startTestApi(world: TestWorld = createTestWorld()): Promise<TestClient> {
  const api = createApi(world.given);
  onTestFinished(() => api.stop());
  await api.start(new AbortController().signal);
  const url = api.address();
  const post = (path: string, body: unknown, cookie?: string): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(cookie === undefined ? {} : { cookie }) },
      body: JSON.stringify(body),
    });
  return {
    world,
    url,
    get: (path, cookie) => fetch(`${url}${path}`, { headers: cookie === undefined ? {} : { cookie } }),
    post,
    login: async (role) => {
      const reply = await post('/api/login', { name: role, password: passwords[role] });
      const cookie = /^[^;]+/.exec(reply.headers.getSetCookie()[0] ?? '')?.[0];
      if (reply.status !== 200 || cookie === undefined) throw new Error(`login answered ${reply.status}`);
      return cookie;
    },
  };
}
