import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { FeedbackItem } from '../../domain/notice.ts';
import type { FarBehaviour, FarItem } from '../contract.ts';

export interface FarRequest {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A station over real HTTP that checks every signature with the reference library. */
export interface FarSide {
  readonly origin: string;
  readonly requests: readonly FarRequest[];
  readonly items: readonly FarItem[];
  /** `after` of every poll that was signed as it should be. */
  readonly polls: readonly string[];
  /** Connections that were opened. */
  connections(): number;
  behave(behaviour: FarBehaviour | ((request: FarRequest, response: ServerResponse) => void)): void;
  answer(item: unknown): void;
  /** Makes the reply to the next poll wrong: altered after signing, or signed for another request. */
  forgeNext(how: 'altered' | 'replayed'): void;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const headersOf = ({ headers }: FarRequest): Record<string, string> => headers as Record<string, string>;

export async function openFarSide(
  secret: string,
  tls: { readonly key: string; readonly cert: string } | null = null,
): Promise<FarSide> {
  const reference = new Webhook(secret);
  const requests: FarRequest[] = [];
  const items: FarItem[] = [];
  const polls: string[] = [];
  const answers: unknown[] = [];
  let behaviour: Parameters<FarSide['behave']>[0] = { kind: 'accept' };
  let forgery: 'altered' | 'replayed' | null = null;
  let connections = 0;

  const receive = (request: FarRequest, response: ServerResponse): void => {
    if (typeof behaviour === 'function') {
      behaviour(request, response);
      return;
    }
    const headers: Record<string, string> = {};
    switch (behaviour.kind) {
      case 'accept': {
        const event = reference.verify(request.body.toString(), headersOf(request)) as FarItem;
        items.push({ id: event.id, type: event.type, data: event.data });
        response.writeHead(behaviour.reply === undefined ? 204 : 200).end(behaviour.reply);
        return;
      }
      case 'busy':
        if (behaviour.afterMs !== null) headers['retry-after'] = String(behaviour.afterMs / 1000);
        response.writeHead(503, headers).end();
        return;
      case 'refuse':
        response.writeHead(410).end();
        return;
      case 'break':
        response.destroy();
        return;
      case 'hang':
        return;
    }
  };

  /** Answers a poll as README.md says; everything up to `after` is forgotten. */
  const poll = (request: FarRequest, response: ServerResponse): void => {
    // The reference library checks JSON bodies; a quoted target is not one, so the signature is compared.
    const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '' } = headersOf(request);
    const expected = reference.sign(id, new Date(Number(timestamp) * 1000), request.url);
    if (!headersOf(request)['webhook-signature']?.split(' ').includes(expected)) {
      response.writeHead(401).end();
      return;
    }
    const after = new URL(request.url, 'http://far').searchParams.get('after') ?? '';
    polls.push(after);
    const from = after === '' ? 0 : Number(after);
    const body = JSON.stringify({ feedback: answers.slice(from) as FeedbackItem[], cursor: String(answers.length) });
    const signedId = forgery === 'replayed' ? 'poll-of-yesterday' : id;
    const now = new Date();
    response.writeHead(200, {
      'content-type': 'application/json',
      'webhook-id': signedId,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': reference.sign(signedId, now, body),
    });
    response.end(forgery === 'altered' ? body.replace('李警官', '张警官') : body);
    forgery = null;
  };

  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    void bodyOf(incoming).then((body) => {
      const request = { url: incoming.url ?? '', headers: incoming.headers, body };
      requests.push(request);
      if (incoming.method === 'GET') poll(request, response);
      else receive(request, response);
    });
  };
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  server.on(tls ? 'secureConnection' : 'connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    items,
    polls,
    connections: () => connections,
    behave: (next) => {
      behaviour = next;
    },
    answer: (item) => answers.push(item),
    forgeNext: (how) => {
      forgery = how;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
