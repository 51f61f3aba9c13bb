/**
 * A recipient with a webhook of its own, in a process of its own: HTTPS, Standard Webhooks, a book that is on disk before it
 * answers. Argument: a JSON file (`ReceiverPlan`). Orders (`ReceiverOrder`) come as JSON lines on stdin; it ends with stdin.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createSteeredClock } from '../../gateway/lib/steering.ts';
import { parseWebhookSecret, verifyWebhook } from '../../gateway/lib/standard-webhooks.ts';
import { openLedgerFile } from './ledger-file.ts';
import { noticesOf } from './notices-of.ts';

export interface ReceiverPlan {
  readonly port: number;
  readonly ledger: string;
  readonly secret: string;
  /** File of lib/steering.ts: the time by which signatures are judged. */
  readonly steering: string | null;
  readonly careless: boolean;
  /** PEM; absent: plain HTTP. */
  readonly tls?: { readonly sound: TlsPair; readonly expired: TlsPair };
}
interface TlsPair {
  readonly key: string;
  readonly cert: string;
}

export type ReceiverOrder =
  | { readonly answers: 'well' | 'error' | 'busy' | 'redirect' }
  | { readonly answers: 'slow'; readonly ms: number }
  | { readonly certificate: 'sound' | 'expired' }
  | { readonly dieAt: 'before-store' | 'after-store' };

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ReceiverPlan;
const key = parseWebhookSecret(plan.secret);
if (!key) throw new Error('no secret');
const clock = plan.steering === null ? null : createSteeredClock(plan.steering);
const ledger = await openLedgerFile(plan.ledger, plan.careless);
let answers: Extract<ReceiverOrder, { answers: string }> = { answers: 'well' };
let dieAt: string | null = null;

const pass = (point: string): void => {
  if (dieAt === point) process.kill(process.pid, 'SIGKILL');
};

async function take(body: Buffer, header: (name: string) => string | undefined, response: ServerResponse) {
  if (answers.answers === 'error') return void response.writeHead(500).end();
  if (answers.answers === 'busy') return void response.writeHead(503, { 'retry-after': '1' }).end();
  if (answers.answers === 'redirect') return void response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end();
  if (answers.answers === 'slow') await new Promise((resolve) => setTimeout(resolve, (answers as { ms: number }).ms));
  const verdict = verifyWebhook({ keys: [key!], header, body, nowMs: clock?.now() ?? Date.now() });
  if (verdict.kind !== 'valid') return void response.writeHead(401).end();
  const event = JSON.parse(body.toString()) as { id: string; type: string; data: unknown };
  if (event.id !== verdict.id) return void response.writeHead(422).end();
  // A canary is answered and shown to nobody.
  if (event.type.startsWith('kanmen.canary.')) return void response.writeHead(204).end();
  pass('before-store');
  await ledger.take({ id: event.id, atMs: Date.now(), type: event.type, notices: noticesOf(event) });
  pass('after-store');
  response.writeHead(204).end();
}

const listener = (request: IncomingMessage, response: ServerResponse): void => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('error', () => undefined);
  request.on('end', () => {
    take(
      Buffer.concat(chunks),
      (name) => {
        const value = request.headers[name];
        return typeof value === 'string' ? value : undefined;
      },
      response,
    ).catch(() => response.writeHead(400).end());
  });
};
const server = plan.tls ? createTlsServer(plan.tls.sound, listener) : createServer(listener);
server.keepAliveTimeout = 60_000;
server.on('tlsClientError', () => undefined);
server.on('clientError', (_error, socket) => socket.destroy());
server.listen(plan.port, '127.0.0.1', () => {
  console.log(JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port }));
});

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line) as ReceiverOrder;
    if ('answers' in order) answers = order;
    else if ('dieAt' in order) dieAt = order.dieAt;
    else if (plan.tls && 'setSecureContext' in server) {
      server.setSecureContext(plan.tls[order.certificate]);
      // What stands was opened with the other one.
      server.closeAllConnections();
    }
  })
  .on('close', () => process.exit(0));
