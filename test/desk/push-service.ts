/** A push service and a browser behind it, as the standards have them: checks who sends, opens what only the browser can. */
import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

/** The reference implementation of RFC 8188, by its authors. */
const ece = createRequire(import.meta.url)('http_ece') as {
  decrypt(body: Buffer, options: { version: 'aes128gcm'; privateKey: unknown; authSecret: string }): Buffer;
};

export interface PushedMessage {
  readonly path: string;
  readonly urgency: string | undefined;
  readonly text: string;
}

export interface PushService {
  readonly pushed: readonly PushedMessage[];
  /** Requests that were refused, and why. */
  readonly refused: readonly string[];
  /** `PushSubscription.toJSON()` of a new browser. `applicationServerKey`: the only sender it takes. */
  subscribe(applicationServerKey: string): { endpoint: string; keys: { p256dh: string; auth: string } };
  /** From now on this is answered instead of 201. */
  answerWith(status: number | null): void;
  close(): Promise<void>;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');

/** Why a request is not by whom it says; null if it is. RFC 8292 sections 2 and 3. */
function vapidFault(header: string | undefined, origin: string, wanted: string): string | null {
  const [, head, claims, signature, key] = /^vapid t=([^.]+)\.([^.]+)\.([^,]+), ?k=(.+)$/.exec(header ?? '') ?? [];
  if (head === undefined || claims === undefined || signature === undefined || key === undefined) return 'no vapid';
  if (key !== wanted) return 'another sender';
  const { aud, exp, sub } = JSON.parse(bytes(claims).toString()) as { aud: string; exp: number; sub: string };
  const now = Date.now() / 1000;
  if (aud !== origin || exp < now || exp > now + 86_400 || !/^(mailto|https):/.test(sub)) return 'wrong claims';
  const point = bytes(key);
  const jwk = {
    ...{ kty: 'EC', crv: 'P-256' },
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const how = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  return verify('sha256', Buffer.from(`${head}.${claims}`), how, bytes(signature)) ? null : 'wrong signature';
}

export async function openPushService(): Promise<PushService> {
  const pushed: PushedMessage[] = [];
  const refused: string[] = [];
  const browsers = new Map<string, { ecdh: ReturnType<typeof createECDH>; auth: string; sender: string }>();
  let status: number | null = null;
  let origin = '';
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const browser = browsers.get(request.url ?? '');
      const fault = browser ? vapidFault(request.headers.authorization, origin, browser.sender) : 'unknown browser';
      if (!browser || fault !== null || status !== null) {
        refused.push(fault ?? `answered ${status}`);
        response.writeHead(status ?? 403).end();
        return;
      }
      if (request.headers['content-encoding'] !== 'aes128gcm' || !/^\d+$/.test(String(request.headers['ttl']))) {
        refused.push('headers');
        response.writeHead(400).end();
        return;
      }
      const text = ece
        .decrypt(Buffer.concat(pieces), { version: 'aes128gcm', privateKey: browser.ecdh, authSecret: browser.auth })
        .toString();
      pushed.push({ path: request.url ?? '', urgency: String(request.headers['urgency']), text });
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    pushed,
    refused,
    subscribe: (sender) => {
      const ecdh = createECDH('prime256v1');
      const p256dh = ecdh.generateKeys().toString('base64url');
      const auth = randomBytes(16).toString('base64url');
      const path = `/push/${randomBytes(12).toString('base64url')}`;
      browsers.set(path, { ecdh, auth, sender });
      return { endpoint: `${origin}${path}`, keys: { p256dh, auth } };
    },
    answerWith: (next) => {
      status = next;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
