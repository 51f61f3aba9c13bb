import { createServer, request as forward } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** An HTTP proxy that leads every name to one far side, as a company's would lead to the internet. */
export interface TestProxy {
  readonly origin: string;
  /** What it was asked for: `CONNECT host:port` or `POST http://…`. */
  readonly asked: readonly string[];
  /** Whatever name is asked for leads there. */
  leadTo(origin: string): void;
  close(): Promise<void>;
}

/** `authorization`: the value of Proxy-Authorization that it wants; null for none. */
export async function openTestProxy(authorization: string | null = null): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let target = new URL('http://127.0.0.1:9');
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    if (authorization !== null && incoming.headers['proxy-authorization'] !== authorization) {
      response.writeHead(407).end();
      return;
    }
    const { pathname, search } = new URL(incoming.url ?? '');
    const headers = { ...incoming.headers };
    delete headers['proxy-authorization'];
    const onwards = forward(
      { host: target.hostname, port: target.port, method: incoming.method, path: `${pathname}${search}`, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onwards.on('error', () => response.destroy());
    incoming.pipe(onwards);
  });
  server.on('connect', (incoming, client: Socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    sockets.add(client);
    client.on('error', () => client.destroy());
    if (authorization !== null && incoming.headers['proxy-authorization'] !== authorization) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const far = connect(Number(target.port), target.hostname === 'localhost' ? '127.0.0.1' : target.hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      far.pipe(client);
      client.pipe(far);
    });
    sockets.add(far);
    far.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    leadTo: (origin) => {
      target = new URL(origin);
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
