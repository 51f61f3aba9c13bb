import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type { Proxy } from '../proxy.ts';

/** Longest that a proxy may take to open a tunnel; the request's own timeout ends the try before, if it is shorter. */
const openWithinMs = 30_000;

/** Headers that a request to a proxy carries besides its own. */
export const proxyHeaders = ({ authorization }: Proxy): Record<string, string> =>
  authorization === null ? {} : { 'proxy-authorization': authorization };

/**
 * Connections to https far sides through a proxy: CONNECT (RFC 9110, 9.3.6), then TLS with the far side itself, so the
 * proxy sees names and sizes and nothing else. A refusal of the proxy is an error of the connection.
 */
export function createTunnelAgent(proxy: Proxy, options: https.AgentOptions): https.Agent {
  const agent = new https.Agent(options);
  const open: typeof agent.createConnection = (given, callback) => {
    const { host, port, servername } = given as { host?: string; port?: number; servername?: string };
    const target = `${host?.includes(':') === true ? `[${host}]` : (host ?? '')}:${port ?? 443}`;
    const request = http.request({
      host: proxy.url.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.url.port === '' ? 80 : Number(proxy.url.port),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyHeaders(proxy) },
      agent: false,
      timeout: openWithinMs,
    });
    const fail = (error: Error): void => {
      request.destroy();
      callback?.(error, undefined as never);
    };
    request.once('timeout', () => fail(new Error('the proxy does not answer')));
    request.once('error', fail);
    request.once('connect', (response, socket) => {
      request.removeListener('error', fail);
      socket.setTimeout(0);
      if (response.statusCode !== 200) {
        socket.destroy();
        callback?.(new Error(`the proxy refuses: status ${response.statusCode ?? 0}`), undefined as never);
        return;
      }
      callback?.(
        null,
        tls.connect({ ...(given as tls.ConnectionOptions), socket, servername: servername ?? host ?? '' }),
      );
    });
    request.end();
    return undefined;
  };
  agent.createConnection = open;
  return agent;
}
