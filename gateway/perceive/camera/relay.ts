import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { codeOf } from '../../lib/errors.ts';
import { authorize, chooseChallenge, type Challenge, type Credentials } from './authentication.ts';
import { createRtspReader, encodeMessage, headerOf, headersOf, withHeader, type RtspMessage } from './rtsp-messages.ts';

/** Path that the child asks for; the camera's own may hold a password (`/user=admin&password=…`) and is put in its place. */
const relayPath = '/camera';
const childUri = /^rtsp:\/\/127\.0\.0\.1:\d+\/camera/i;

/** `%40` → `@`; a password with a bare per cent sign is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What the relay noticed that ffmpeg would not tell us in words. */
export type RelayFault = 'wrong-password' | 'unreachable' | 'not-rtsp';

export interface RtspRelay {
  /** What ffmpeg is told to open: a loopback address, no credentials. */
  readonly url: string;
  /** The last thing that went wrong between us and the camera; null after a good answer. */
  fault(): { readonly kind: RelayFault; readonly detail: string } | null;
  stop(): Promise<void>;
}

/**
 * A loopback door to one camera. It speaks plain RTSP to the ffmpeg child behind it and adds what the child must not
 * hold in its argument list: the password (Digest or Basic), and TLS for `rtsps`. Media pass through untouched; over UDP
 * they do not pass here at all.
 */
export async function startRtspRelay(cameraUrl: string, connectTimeoutMs = 10_000): Promise<RtspRelay> {
  const camera = new URL(cameraUrl);
  const credentials: Credentials | null =
    camera.username === '' ? null : { username: decoded(camera.username), password: decoded(camera.password) };
  const sockets = new Set<Socket>();
  let fault: { kind: RelayFault; detail: string } | null = null;
  const server: Server = createServer((client) => {
    const port = Number(camera.port === '' ? (camera.protocol === 'rtsps:' ? 322 : 554) : camera.port);
    const host = camera.hostname.replace(/^\[|\]$/g, '');
    // Cameras' certificates are self-signed as a rule; TLS here keeps listeners out, it does not prove who answers.
    const upstream =
      camera.protocol === 'rtsps:' ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port });
    sockets.add(client).add(upstream);
    upstream.setTimeout(connectTimeoutMs, () =>
      upstream.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    upstream.once('data', () => upstream.setTimeout(0));
    const close = (): void => {
      client.destroy();
      upstream.destroy();
      sockets.delete(client);
      sockets.delete(upstream);
    };
    upstream.on('error', (error) => {
      fault = { kind: 'unreachable', detail: codeOf(error) ?? 'connection lost' };
      close();
    });
    client.on('error', close);
    client.on('close', close);
    upstream.on('close', close);
    joinConnections(client, upstream, camera, credentials, (noticed) => {
      fault = noticed;
      if (noticed?.kind === 'not-rtsp') close();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `rtsp://127.0.0.1:${port}${relayPath}`,
    fault: () => fault,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function joinConnections(
  client: Socket,
  upstream: Socket,
  camera: URL,
  credentials: Credentials | null,
  notice: (fault: { kind: RelayFault; detail: string } | null) => void,
): void {
  /** Requests sent and not answered, by our own CSeq. */
  const pending = new Map<string, { request: RtspMessage; clientSequence: string; authorized: boolean }>();
  let challenge: Challenge | null = null;
  let nonceUses = 0;
  let sequence = 0;

  const send = (request: RtspMessage, clientSequence: string): void => {
    const [method = '', uri = '*', version = 'RTSP/1.0'] = request.start.split(' ');
    // The child names us; the camera must read its own name, or its digest would not match.
    const target = uri.replace(childUri, () => `rtsp://${camera.host}${camera.pathname}${camera.search}`);
    sequence += 1;
    let headers = withHeader(request.headers, 'CSeq', String(sequence));
    if (challenge !== null && credentials !== null) {
      nonceUses += 1;
      const value = authorize(
        challenge,
        credentials,
        { method, uri: target },
        { count: nonceUses, cnonce: randomBytes(8).toString('hex') },
      );
      headers = withHeader(headers, 'Authorization', value);
    }
    pending.set(String(sequence), { request, clientSequence, authorized: challenge !== null && credentials !== null });
    upstream.write(encodeMessage({ start: `${method} ${target} ${version}`, headers, body: request.body }));
  };

  const answer = (response: RtspMessage): void => {
    const ours = headerOf(response.headers, 'cseq') ?? '';
    const asked = pending.get(ours);
    pending.delete(ours);
    const status = Number(response.start.split(' ')[1] ?? '0');
    if (status === 401 && asked && credentials !== null) {
      const values = headersOf(response.headers, 'www-authenticate');
      const next = chooseChallenge(values);
      // A second 401 may only mean that the nonce grew old: it says so. Otherwise the password is wrong, and asking again
      // could lock the account (Hikvision: five wrong tries, 30 minutes).
      const stale = values.some((value) => /stale\s*=\s*"?true/i.test(value));
      if (next && (!asked.authorized || stale)) {
        challenge = next;
        nonceUses = 0;
        send(asked.request, asked.clientSequence);
        return;
      }
    }
    if (status === 401)
      notice({
        kind: 'wrong-password',
        detail: credentials === null ? 'the camera asks for a password' : 'the camera refuses this user or password',
      });
    else if (status >= 200 && status < 300) notice(null);
    client.write(
      encodeMessage({
        ...response,
        headers: asked ? withHeader(response.headers, 'CSeq', asked.clientSequence) : response.headers,
      }),
    );
  };

  const pump = (from: Socket, to: Socket, handle: (message: RtspMessage) => void): void => {
    const reader = createRtspReader({
      message: handle,
      frame: (memory, start, end) => {
        // Copied: what does not fit into the socket waits in its queue.
        if (to.write(Buffer.from(memory.subarray(start, end))) || from.isPaused()) return;
        // One chunk holds many frames: only the first that does not fit waits for the drain.
        from.pause();
        to.once('drain', () => from.resume());
      },
    });
    from.on('data', (chunk: Buffer) => {
      try {
        reader.take(chunk);
      } catch (error) {
        notice({ kind: 'not-rtsp', detail: error instanceof Error ? error.message : 'garbage' });
      }
    });
  };
  pump(client, upstream, (request) => send(request, headerOf(request.headers, 'cseq') ?? '0'));
  pump(upstream, client, (message) => {
    // A camera may ask us something too (OPTIONS as a keep-alive): the child answers, or does not, as it likes.
    if (message.start.startsWith('RTSP/')) answer(message);
    else client.write(encodeMessage(message));
  });
}
