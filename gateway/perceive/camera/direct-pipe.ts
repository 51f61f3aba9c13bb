import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { platform } from 'node:os';

/** Where what a child writes is read to. */
export interface DirectReader {
  /** Memory for what is read next, at least one byte. */
  readonly space: () => Uint8Array;
  /** So many bytes have come into what `space` gave, which is `into`. False: nothing more is read until `ours.resume()`. */
  readonly took: (length: number, into: Uint8Array) => boolean;
}

/** A pipe for a child's output that is read straight into memory of our own. */
export interface DirectPipe {
  readonly ours: Socket;
  /** For the child's `stdio`; to be destroyed once the child has it. */
  readonly theirs: Socket;
}

/**
 * Opens one. The pipe that `spawn` makes gives a new buffer for every 64 kB: at 1.4 MB a picture that garbage had the whole
 * heap collected after every sixth one (2 to 4 ms a picture), and each byte copied once more. Only sockets that we connect
 * ourselves can be read into our own memory (`onread`), so this is one, by a name that no file has and that only this process
 * knows; what another process that guessed it would say is not what we say.
 */
export async function openDirectPipe(reader: DirectReader): Promise<DirectPipe> {
  const server = createServer();
  const secret = randomBytes(16);
  // Abstract names are Linux's: a full disk does not make a gateway blind. Elsewhere (development) loopback does.
  if (platform() === 'linux') server.listen(`\0kanmen-${randomBytes(16).toString('hex')}`);
  else server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const theirs = greeted(server, secret);
    const address = server.address();
    const at = typeof address === 'string' || address === null ? { path: address ?? '' } : { port: address.port };
    const ours = connect({
      ...at,
      onread: { buffer: reader.space, callback: reader.took },
    });
    // A child that was ended closes it; whoever waits for its end is told by `close`.
    ours.on('error', () => ours.destroy());
    ours.write(secret);
    return { ours, theirs: await Promise.race([theirs, ended(ours)]) };
  } finally {
    server.close();
  }
}

/** The connection that says the secret; others are turned away. */
function greeted(server: ReturnType<typeof createServer>, secret: Buffer): Promise<Socket> {
  const open = new Set<Socket>();
  return new Promise((resolve) => {
    server.on('connection', (socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('data', (said) => {
        if (!secret.equals(said)) {
          socket.destroy();
          return;
        }
        socket.pause();
        open.delete(socket);
        for (const other of open) other.destroy();
        resolve(socket);
      });
    });
  });
}

async function ended(socket: Socket): Promise<never> {
  await once(socket, 'close');
  throw new Error('the connection to ourselves was closed');
}
