import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Clock } from '../../lib/clock.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { Proxy } from '../proxy.ts';
import { isPrivateAddress, publicLookup } from './private-address.ts';
import { createTunnelAgent, proxyHeaders } from './tunnel.ts';

/** A reply as read, or why there was none. Redirects are replies: nothing is followed. */
export type Exchange =
  | {
      readonly kind: 'reply';
      readonly status: number;
      readonly header: (name: string) => string | null;
      /** Raw bytes; at most the limit of the reader. */
      readonly body: Uint8Array;
      /** True where the far side sent more than the limit; the rest was not read. */
      readonly cut: boolean;
    }
  | { readonly kind: 'failed'; readonly reason: string };

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly timeoutMs: number;
  readonly maxReplyBytes: number;
  readonly signal: AbortSignal;
}

/** One HTTP client with its own kept-alive connections. Node's `fetch` cannot pin a checked address, hence `node:http`. */
export interface HttpClient {
  exchange(request: ExchangeRequest): Promise<Exchange>;
  /** Closes idle connections. */
  close(): void;
}

export function createHttpClient(setup: {
  readonly clock: Clock;
  /** PEM of a private authority; null for the public ones. */
  readonly ca: string | null;
  readonly allowPrivate: boolean;
  readonly allowHosts: readonly string[];
  /** Null or absent: straight there. */
  readonly proxy?: Proxy | null;
}): HttpClient {
  const { clock, ca, allowPrivate, allowHosts, proxy = null } = setup;
  const kept = { keepAlive: true, scheduling: 'lifo' } as const;
  const agents = {
    'http:': new http.Agent(kept),
    'https:': proxy ? createTunnelAgent(proxy, kept) : new https.Agent(kept),
  };
  /** Where a request goes and what it says there: through a proxy, http names the whole address (RFC 9112, 3.2.2). */
  const aim = (url: URL): http.RequestOptions | URL =>
    proxy && url.protocol === 'http:'
      ? {
          host: proxy.url.hostname.replace(/^\[|\]$/g, ''),
          port: proxy.url.port === '' ? 80 : Number(proxy.url.port),
          path: url.href,
        }
      : url;

  const once = (given: ExchangeRequest, fresh: boolean): Promise<Exchange & { readonly stale?: boolean }> => {
    const { url, body } = given;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const guarded = !allowPrivate && !allowHosts.includes(host);
    if (guarded && /^[\d.]+$|:/.test(host) && isPrivateAddress(host))
      return Promise.resolve({
        kind: 'failed',
        reason: `${host} is a private address, which this channel may not call`,
      });
    if (given.signal.aborted) return Promise.resolve({ kind: 'failed', reason: 'aborted' });

    return new Promise((resolve) => {
      const secure = url.protocol === 'https:';
      const lonely = secure && proxy ? createTunnelAgent(proxy, {}) : false;
      const aimed = aim(url);
      const how: https.RequestOptions = {
        method: given.method,
        headers: {
          ...given.headers,
          ...(body && { 'content-length': String(body.byteLength) }),
          ...(proxy && !secure && { host: url.host, ...proxyHeaders(proxy) }),
        },
        agent: fresh ? lonely : agents[secure ? 'https:' : 'http:'],
        // Through a proxy it is the proxy that looks names up.
        ...(guarded && !proxy && { lookup: publicLookup }),
        ...(secure && ca !== null && { ca }),
      };
      const request =
        aimed instanceof URL ? (secure ? https : http).request(aimed, how) : http.request({ ...aimed, ...how });
      const finish = (result: Exchange & { readonly stale?: boolean }): void => {
        timer.cancel();
        given.signal.removeEventListener('abort', abort);
        resolve(result);
      };
      const fail = (reason: string, stale = false): void => {
        finish({ kind: 'failed', reason, stale });
        request.destroy();
      };
      const abort = (): void => fail('aborted');
      const timer = clock.after(given.timeoutMs, () => fail(`no reply within ${given.timeoutMs} ms`));
      given.signal.addEventListener('abort', abort, { once: true });
      let answered = false;
      request.on('error', (error) => {
        // A kept connection that the far side had closed meanwhile: nothing was wrong with the request.
        const stale = request.reusedSocket && !answered;
        fail(`${codeOf(error) ?? ''} ${messageOf(error)}`.trim(), stale);
      });
      request.on('response', (response) => {
        answered = true;
        void readBody(response, given.maxReplyBytes).then(
          ({ bytes, cut }) => {
            finish({
              kind: 'reply',
              status: response.statusCode ?? 0,
              header: (name) => {
                const value = response.headers[name];
                return Array.isArray(value) ? value.join(', ') : (value ?? null);
              },
              body: bytes,
              cut,
            });
            if (cut) request.destroy();
          },
          (error: unknown) => fail(`reply broke off: ${codeOf(error) ?? messageOf(error)}`),
        );
      });
      request.end(body ?? undefined);
    });
  };

  return {
    exchange: async (given) => {
      const first = await once(given, false);
      return first.kind === 'failed' && first.stale === true && !given.signal.aborted ? once(given, true) : first;
    },
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

async function readBody(response: IncomingMessage, limit: number): Promise<{ bytes: Uint8Array; cut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, limit - size));
    size += chunk.length;
    if (size > limit) return { bytes: Buffer.concat(chunks), cut: true };
  }
  return { bytes: Buffer.concat(chunks), cut: false };
}
