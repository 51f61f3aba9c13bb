import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what Linux gives to connections and to `listen(0)` (32768 and up): nobody else is handed such a port meanwhile. */
const from = 15_000;
const to = 32_000;

/** A free port of this machine, for configurations that must name one that stays the same over a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(from, to);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
