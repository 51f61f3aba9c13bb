import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDigestDoor } from './digest.ts';
import { collections } from './objects.ts';

/** How the platform treats what is posted to it; `accept` is what the standard says. */
export type PlatformBehaviour =
  | { readonly kind: 'accept' }
  /** 503 with Retry-After where `afterMs` is given, else StatusCode 2. */
  | { readonly kind: 'busy'; readonly afterMs: number | null }
  /** This status for every object. */
  | { readonly kind: 'status'; readonly code: number }
  | { readonly kind: 'http'; readonly status: number; readonly body: string }
  | { readonly kind: 'break' }
  /** Takes the request and never answers; `headers`: answers with half a reply. */
  | { readonly kind: 'hang'; readonly after?: 'headers' };

/** How real platforms spell what the standard fixes. */
export interface PlatformManners {
  readonly statusAsString?: boolean;
  readonly idSpelling?: 'Id' | 'ID';
  readonly created?: boolean;
  /** A single status where a list is expected, and a list where a single is. */
  readonly swapped?: boolean;
  /** Replies without Id, StatusString, LocalTime. */
  readonly bare?: boolean;
  /** 2xx with nothing in it. */
  readonly silent?: boolean;
  /** Wants Digest on every request, not only to register. */
  readonly digestAlways?: boolean;
  /** Challenges without qop. */
  readonly withoutQop?: boolean;
  /** Lets everybody register without Digest. */
  readonly open?: boolean;
}

export interface PlatformRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

type Held = Readonly<Record<string, unknown>>;

/** A platform that speaks GA/T 1400: strict where the standard is, and able to misbehave as real ones do. */
export interface ViidPlatform {
  readonly url: string;
  readonly requests: readonly PlatformRequest[];
  /** What was taken, by the name of its list object, in order; a repeat under the same id stands twice. */
  taken(object: string): readonly Held[];
  /** Everything that was found wrong in what came in. */
  readonly faults: readonly string[];
  readonly registered: ReadonlySet<string>;
  behave(behaviour: PlatformBehaviour): void;
  manners(manners: PlatformManners): void;
  /** Old nonces and the registrations under them are worth nothing any more: every request gets 401 until Register. */
  expireNonces(): void;
  /** Forgets who is registered; answers StatusCode 9 until Register. */
  reboot(): void;
  /** Refuses the password from now on, or takes it again. */
  lockOut(locked: boolean): void;
  /** Count of requests to this path. */
  count(path: string): number;
  close(): Promise<void>;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const platformId = '33020000005030000001';

export async function openViidPlatform(
  settings: {
    readonly users?: Readonly<Record<string, string>>;
    readonly manners?: PlatformManners;
    readonly port?: number;
  } = {},
): Promise<ViidPlatform> {
  let users: Readonly<Record<string, string>> = settings.users ?? { '33020300001190000001': 'Passw0rd' };
  let manners = settings.manners ?? {};
  let behaviour: PlatformBehaviour = { kind: 'accept' };
  let rebooted = false;
  let door = createDigestDoor('VIID/3302', users, manners.withoutQop !== true);
  const registered = new Set<string>();
  const requests: PlatformRequest[] = [];
  const faults: string[] = [];
  const taken = new Map<string, Held[]>();

  const localTime = (): string => new Date(Date.now() + 8 * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 14);
  const status = (url: string, id: string, code: number, words: string): Held => ({
    RequestURL: url,
    StatusCode: manners.statusAsString === true ? String(code) : code,
    ...(manners.bare !== true && {
      StatusString: words,
      [manners.idSpelling ?? 'Id']: id,
      LocalTime: localTime(),
    }),
  });

  const reply = (response: ServerResponse, http: number, body: unknown, headers: Record<string, string> = {}): void => {
    const code = http === 200 && manners.created === true ? 201 : http;
    const empty = manners.silent === true && http < 300;
    response.writeHead(code, { 'content-type': 'application/VIID+JSON;charset=UTF-8', ...headers });
    response.end(empty ? '' : JSON.stringify(body));
  };
  const single = (response: ServerResponse, http: number, url: string, code: number, words: string, headers = {}) => {
    const one = status(url, '', code, words);
    const list = { ResponseStatusListObject: { ResponseStatusObject: [one] } };
    reply(response, http, manners.swapped === true ? list : { ResponseStatusObject: one }, headers);
  };

  const misbehave = (response: ServerResponse, url: string): boolean => {
    switch (behaviour.kind) {
      case 'accept':
        return false;
      case 'busy':
        if (behaviour.afterMs === null) single(response, 200, url, 2, 'Device Busy');
        else single(response, 503, url, 2, 'Device Busy', { 'retry-after': String(behaviour.afterMs / 1000) });
        return true;
      case 'status':
        single(response, 200, url, behaviour.code, `code ${behaviour.code}`);
        return true;
      case 'http':
        response.writeHead(behaviour.status, { 'content-type': 'text/html' }).end(behaviour.body);
        return true;
      case 'break':
        response.destroy();
        return true;
      case 'hang':
        if (behaviour.after === 'headers') response.writeHead(200, { 'content-length': '500' }).write('{"Resp');
        return true;
    }
  };

  const challenge = (response: ServerResponse, url: string, why: string): void =>
    single(response, 401, url, 1, why, { 'www-authenticate': door.challenge() });

  const store = (
    request: PlatformRequest,
    response: ServerResponse,
    collection: (typeof collections)[number],
  ): void => {
    const lists = request.body as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>> | null;
    const objects = lists?.[collection.list]?.[collection.object];
    if (!Array.isArray(objects) || objects.length === 0) {
      faults.push(`${collection.uri}: no ${collection.list}.${collection.object}[]`);
      single(response, 400, collection.uri, 8, 'Invalid JSON Content');
      return;
    }
    const statuses = (objects as Held[]).map((object): Held => {
      const id = textOf(object[collection.id]);
      const parsed = collection.schema.safeParse(object);
      if (!parsed.success) {
        faults.push(
          ...parsed.error.issues.map(({ path, message }) => `${collection.object}.${path.join('.')}: ${message}`),
        );
        return status(collection.uri, id, 8, 'Invalid JSON Content');
      }
      taken.set(collection.object, [...(taken.get(collection.object) ?? []), object]);
      return status(collection.uri, id, 0, 'OK');
    });
    const list = { ResponseStatusListObject: { ResponseStatusObject: statuses } };
    reply(response, 200, manners.swapped === true ? { ResponseStatusObject: statuses[0] } : list);
  };

  const handle = (request: PlatformRequest, response: ServerResponse): void => {
    const path = request.url.split('?')[0] ?? '';
    const caller = textOf(request.headers['user-identify']);
    const type = request.headers['content-type'] ?? '';
    if (path === '/VIID/System/Time' && request.method === 'GET') {
      const LocalTime = localTime();
      reply(response, 200, {
        SystemTimeObject: { VIIDServerID: platformId, TimeMode: '1', LocalTime, TimeZone: 'Asia/Shanghai' },
      });
      return;
    }
    if (!/^application\/(VIID\+)?json/i.test(type)) faults.push(`${path}: content type ${type}`);
    if (!/^\d{20}$/.test(caller)) faults.push(`${path}: User-Identify "${caller}"`);
    const authorised = (): boolean => {
      const fault = manners.open === true ? null : door.fault(request.headers.authorization, request.method, path);
      if (fault === null) return true;
      challenge(response, path, fault);
      return false;
    };
    const idIn = (name: string): string => {
      const object = (request.body as Readonly<Record<string, Held | undefined>> | null)?.[name];
      return textOf(object?.['DeviceID']);
    };
    if (path === '/VIID/System/Register') {
      if (!authorised()) return;
      if (idIn('RegisterObject') !== caller) faults.push('Register: DeviceID is not User-Identify');
      registered.add(caller);
      rebooted = false;
      single(response, 200, path, 0, 'OK');
      return;
    }
    if (path === '/VIID/System/UnRegister') {
      if (!authorised()) return;
      if (idIn('UnRegisterObject') !== caller) faults.push('UnRegister: DeviceID is not User-Identify');
      registered.delete(caller);
      single(response, 200, path, 0, 'OK');
      return;
    }
    if (rebooted) {
      single(response, 200, path, 9, 'Reboot');
      return;
    }
    if (!registered.has(caller)) {
      challenge(response, path, 'not registered');
      return;
    }
    if (manners.digestAlways === true && !authorised()) return;
    if (misbehave(response, path)) return;
    if (path === '/VIID/System/Keepalive') {
      if (idIn('KeepaliveObject') !== caller) faults.push('Keepalive: DeviceID is not User-Identify');
      taken.set('KeepaliveObject', [...(taken.get('KeepaliveObject') ?? []), { DeviceID: caller }]);
      single(response, 200, path, 0, 'OK');
      return;
    }
    const collection = collections.find(({ uri }) => uri === path);
    const method = path === '/VIID/APEs' ? ['PUT', 'POST'] : ['POST'];
    if (!collection || !method.includes(request.method)) {
      single(response, 404, path, 4, 'Invalid Operation');
      return;
    }
    store(request, response, collection);
  };

  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const words = Buffer.concat(chunks).toString();
      let body: unknown = null;
      try {
        body = words === '' ? null : (JSON.parse(words) as unknown);
      } catch {
        faults.push(`${incoming.url ?? ''}: no JSON`);
      }
      const request = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body };
      requests.push(request);
      handle(request, response);
    });
  });
  await new Promise<void>((done) => server.listen(settings.port ?? 0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    faults,
    registered,
    taken: (object) => taken.get(object) ?? [],
    behave: (next) => {
      behaviour = next;
    },
    manners: (next) => {
      const { withoutQop } = manners;
      manners = next;
      if (withoutQop !== next.withoutQop) door = createDigestDoor('VIID/3302', users, next.withoutQop !== true);
    },
    expireNonces: () => {
      door.expire();
      registered.clear();
    },
    reboot: () => {
      rebooted = true;
      registered.clear();
    },
    lockOut: (locked) => {
      users = locked ? {} : (settings.users ?? { '33020300001190000001': 'Passw0rd' });
      door = createDigestDoor('VIID/3302', users, manners.withoutQop !== true);
    },
    count: (path) => requests.filter(({ url }) => url.split('?')[0] === path).length,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
