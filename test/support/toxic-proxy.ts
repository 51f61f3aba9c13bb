import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What a line does to what runs over it. */
export type Toxic =
  | { readonly kind: 'none' }
  /** Everything arrives this much later, each way. */
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Nobody is there: what is open is reset, what is new is refused. */
  | { readonly kind: 'cut' }
  /** Connections stand, and nothing comes through; those that stood stay dead also when the line is sound again. */
  | { readonly kind: 'half-open' }
  /** Bytes are changed on the way, each way, about one chunk in two. */
  | { readonly kind: 'garbage' }
  /** What was asked arrives; the connection is reset before the answer is through. */
  | { readonly kind: 'reset' };

export interface ToxicProxy {
  readonly port: number;
  /** From now on, for connections that stand as well as for new ones. */
  set(toxic: Toxic): void;
  /** Connections accepted so far. */
  connections(): number;
  close(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Fell into a half-open line: nothing will ever come through again. */
  dead: boolean;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A TCP line between a client and `upstream` (a port of 127.0.0.1), whose faults a test chooses. `unit` gives 0..1 and decides
 * which bytes are changed.
 */
export async function startToxicProxy(
  upstream: number,
  unit: () => number = Math.random,
  ownPort = 0,
): Promise<ToxicProxy> {
  let toxic: Toxic = { kind: 'none' };
  let connections = 0;
  const pairs = new Set<Pair>();

  const spoilt = (chunk: Buffer): Buffer => {
    if (unit() < 0.5) return chunk;
    const copy = Buffer.from(chunk);
    for (let n = 0; n < 4; n += 1) copy[Math.floor(unit() * copy.length)] = Math.floor(unit() * 256);
    return copy;
  };

  /** One way of a pair; chunks keep their order. */
  const pipe = (pair: Pair, from: Socket, to: Socket, isAnswer: boolean): void => {
    let order: Promise<void> = Promise.resolve();
    const pass = async (chunk: Buffer): Promise<void> => {
      const now = toxic;
      if (pair.dead) return;
      if (now.kind === 'delay') await wait(now.ms);
      if (now.kind === 'slow') {
        // In eighths of a second, so that a client sees a trickle and not a pause.
        const step = Math.max(1, Math.floor(now.bytesPerSecond / 8));
        for (let at = 0; at < chunk.length && !to.destroyed; at += step) {
          to.write(chunk.subarray(at, at + step));
          await wait(125);
        }
        return;
      }
      if (now.kind === 'reset' && isAnswer) {
        from.destroy();
        to.resetAndDestroy();
        return;
      }
      if (!to.destroyed && !to.write(now.kind === 'garbage' ? spoilt(chunk) : chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    };
    from.on('data', (chunk: Buffer) => {
      if (pair.dead) return;
      order = order.then(() => pass(chunk));
    });
    from.on('end', () => {
      if (!pair.dead) void order.then(() => to.end());
    });
    from.on('error', () => {
      if (!pair.dead) to.destroy();
    });
    from.on('close', () => {
      if (!pair.dead) void order.then(() => to.destroy());
      if (pair.near.destroyed && pair.far.destroyed) pairs.delete(pair);
    });
  };

  const server = createServer({ allowHalfOpen: true }, (near) => {
    connections += 1;
    if (toxic.kind === 'cut') {
      near.on('error', () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = connect(upstream, '127.0.0.1');
    const pair: Pair = { near, far, dead: toxic.kind === 'half-open' };
    pairs.add(pair);
    pipe(pair, near, far, false);
    pipe(pair, far, near, true);
  });
  await new Promise<void>((resolve) => server.listen(ownPort, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      toxic = next;
      if (next.kind === 'half-open') for (const pair of pairs) pair.dead = true;
      if (next.kind === 'cut') {
        for (const { near, far } of pairs) {
          near.resetAndDestroy();
          far.destroy();
        }
      }
    },
    connections: () => connections,
    close: async () => {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
