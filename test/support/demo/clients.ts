import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Login } from './setting.ts';

/** The JSON of an API, as far as the demo looks at it. */
export type Json = Readonly<Record<string, unknown>>;

export interface Reader {
  get(path: string): Promise<Json>;
  /** All items of a paged list. */
  list(path: string): Promise<readonly Json[]>;
  bytes(path: string): Promise<Uint8Array>;
  post(path: string, body: object): Promise<Json>;
}

function createReader(base: string, headers: Readonly<Record<string, string>>): Reader {
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(`${base}${path}`, {
      ...init,
      headers: { ...headers, ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) },
    });
    if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const get = async (path: string): Promise<Json> => (await (await request(path)).json()) as Json;
  return {
    get,
    list: async (path) => {
      const items: Json[] = [];
      let next: unknown = null;
      do {
        const page = await get(
          `${path}${path.includes('?') ? '&' : '?'}limit=200${typeof next === 'string' ? `&before=${encodeURIComponent(next)}` : ''}`,
        );
        items.push(...(page['items'] as Json[]));
        next = page['next'];
      } while (typeof next === 'string');
      return items;
    },
    bytes: async (path) => new Uint8Array(await (await request(path)).arrayBuffer()),
    post: async (path, body) =>
      (await (await request(path, { method: 'POST', body: JSON.stringify(body) })).json()) as Json,
  };
}

/** The gateway's API with the token that its own machine may read. */
export function openGateway(api: string, dir: string): Reader {
  const { token } = JSON.parse(readFileSync(join(dir, 'gateway/data/run.json'), 'utf8')) as { token: string };
  return createReader(api, { 'x-kanmen-control': token });
}

/** The desk's API, signed in as an officer. */
export async function openDesk(api: string, { name, password }: Login): Promise<Reader> {
  const response = await fetch(`${api}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  });
  if (!response.ok) throw new Error(`signing in at the desk: ${response.status} ${await response.text()}`);
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  return createReader(api, { cookie });
}
