import type { Socket as UdpSocket } from 'node:dgram';
import { randomBytes, randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { codeOf } from '../../lib/errors.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { authorize, chooseChallenge, type Challenge, type Credentials } from './authentication.ts';
import { createRtspReader, encodeMessage, headerOf, headersOf, withHeader, type RtspMessage } from './rtsp-messages.ts';
import { controlUrl, readAudioTrack, readVideoTrack, type AudioTrack, type VideoTrack } from './sdp.ts';
import { bindUdp } from './udp-port.ts';
import type { WorkMemory } from './work-memory.ts';

/** Why a connection ended. `unsupported`: it works, but the camera sends nothing that we can copy. */
export interface RtspFault {
  readonly kind: 'wrong-password' | 'unreachable' | 'not-rtsp' | 'refused' | 'unsupported' | 'closed';
  /** One line without secrets. */
  readonly detail: string;
}

/** Takes the packet `bytes[from, to)`; over TCP their memory is lent until it returns. */
export type TakePacket = (bytes: Buffer, from: number, to: number) => void;

export interface RtspClientRequest {
  /** `rtsp://` or `rtsps://`, with user and password. */
  readonly url: string;
  readonly transport: 'tcp' | 'udp';
  readonly clock: Clock;
  /** No answer to a request for this long: unreachable. */
  readonly answerWithinMs: number;
  /** What is read lies there. */
  readonly work?: WorkMemory;
  readonly onTrack: (track: VideoTrack) => void;
  /** Told of the camera's audio track, if it has one that we know; answers who takes its packets. Null: it stays unasked for. */
  readonly onAudioTrack: ((track: AudioTrack) => TakePacket) | null;
  /** Whether each picture is wanted as it comes; else packets are read several times a second, which costs far less. */
  readonly hurries: () => boolean;
  /** Every packet on the track's RTP channel, in order of arrival. */
  readonly onPacket: TakePacket;
}

export interface RtspClient {
  /** Settles when the connection has ended and everything is closed; null: it was stopped. */
  readonly ended: Promise<RtspFault | null>;
  stop(): void;
}

/** A frame at 25 frames a second. */
const promptTickMs = 40;
/**
 * While nobody hurries, the longest first; each a part of the one before, so that all cameras of a thread wake it together.
 * Waking up costs more than all else: with two a second a quiet camera takes 0.31 % of a core here, with five 0.52 %.
 */
const lazyTicksMs = [500, 250, 125] as const;
/** But no more than so many bytes are left to gather in the kernel, whose buffer grows with them: the camera must not be held up. */
const gatheredBytes = 200_000;
const rateSpanMs = 2000;

/** Decodes `%40` → `@`; a password with a bare per cent sign is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A session with one camera: RTSP 1.0 (RFC 2326), RTP over the same connection (section 10.12) or over UDP. Digest and
 * Basic authentication, TLS for `rtsps`. A refused password is sent once: five tries lock some cameras for half an hour.
 */
export function openRtsp(request: RtspClientRequest): RtspClient {
  const camera = new URL(request.url);
  const credentials: Credentials | null =
    camera.username === '' ? null : { username: decoded(camera.username), password: decoded(camera.password) };
  const host = camera.hostname.replace(/^\[|\]$/g, '');
  const secure = camera.protocol === 'rtsps:';
  const port = Number(camera.port === '' ? (secure ? 322 : 554) : camera.port);
  // `transport` is ours and not the camera's.
  camera.searchParams.delete('transport');
  const target = `rtsp://${camera.host}${camera.pathname}${camera.search}`;
  const reader = createRtspReader(
    {
      message: (message) => {
        // What a camera asks of us (OPTIONS as a sign of life) needs no answer.
        if (over || !message.start.startsWith('RTSP/')) return;
        const number = headerOf(message.headers, 'cseq') ?? '';
        const answer = waiting.get(number);
        waiting.delete(number);
        answer?.(message);
      },
      frame: (memory, from, to) => {
        if (over) return;
        if (memory[from + 1] === channel) request.onPacket(memory, from + 4, to);
        else if (memory[from + 1] === audio?.channel) audio?.take(memory, from + 4, to);
      },
    },
    request.work,
  );
  // Cameras' certificates are self-signed as a rule; TLS here keeps listeners out, it does not prove who answers.
  const socket: Socket = secure
    ? connectTls({ host, port, rejectUnauthorized: false })
    : connect({
        host,
        port,
        onread: {
          // Read to where it is cut: what is kept of it is copied where it is kept.
          buffer: () => reader.space(),
          callback: (length) => {
            received(length, () => reader.took(length));
            return true;
          },
        },
      });
  socket.setNoDelay(true);
  const udp: UdpSocket[] = [];
  const waiting = new Map<string, (response: RtspMessage) => void>();
  let timers: Timer[] = [];
  let challenge: Challenge | null = null;
  let nonceUses = 0;
  let sequence = 0;
  let session: string | null = null;
  let channel: number | null = null;
  let audio: { readonly channel: number; readonly take: TakePacket } | null = null;
  let over = false;
  let settle: (fault: RtspFault | null) => void = () => undefined;
  const ended = new Promise<RtspFault | null>((resolve) => {
    settle = resolve;
  });

  const end = (fault: RtspFault | null): void => {
    if (over) return;
    over = true;
    for (const timer of timers) timer.cancel();
    timers = [];
    for (const open of udp) open.close();
    waiting.clear();
    // Closed before we say so: a camera with one seat would refuse the next connection.
    const closed = (): void => {
      reader.close();
      settle(fault);
    };
    if (socket.closed) closed();
    else socket.once('close', closed);
    socket.destroy();
  };

  const send = (method: string, uri: string, headers: RtspMessage['headers']): void => {
    sequence += 1;
    let all = withHeader(headers, 'CSeq', String(sequence));
    all = withHeader(all, 'User-Agent', 'Kanmen');
    if (session !== null) all = withHeader(all, 'Session', session);
    if (challenge !== null && credentials !== null) {
      nonceUses += 1;
      const use = { count: nonceUses, cnonce: randomBytes(8).toString('hex') };
      all = withHeader(all, 'Authorization', authorize(challenge, credentials, { method, uri }, use));
    }
    socket.write(encodeMessage({ start: `${method} ${uri} RTSP/1.0`, headers: all, body: Buffer.alloc(0) }));
  };

  /**
   * Asks, answers a challenge once, and gives a 2xx; anything else ends the connection and never comes back. What is
   * `dispensable` may be refused: the refusal is given.
   */
  const ask = (
    method: string,
    uri: string,
    headers: RtspMessage['headers'] = [],
    dispensable = false,
  ): Promise<RtspMessage> =>
    new Promise((resolve) => {
      const attempt = (authorized: boolean): void => {
        if (over) return;
        send(method, uri, headers);
        const number = String(sequence);
        const timer = request.clock.after(request.answerWithinMs, () =>
          end({ kind: 'unreachable', detail: `no answer to ${method}` }),
        );
        timers.push(timer);
        waiting.set(number, (response) => {
          timer.cancel();
          timers = timers.filter((other) => other !== timer);
          const status = Number(response.start.split(' ')[1] ?? '0');
          if ((status >= 200 && status < 300) || (dispensable && status !== 401)) {
            resolve(response);
            return;
          }
          if (status !== 401) {
            const reason = response.start.slice('RTSP/1.0 '.length, 80);
            end({ kind: 'refused', detail: `the camera answers ${method} with ${reason}` });
            return;
          }
          const values = headersOf(response.headers, 'www-authenticate');
          const next = chooseChallenge(values);
          const stale = values.some((value) => /stale\s*=\s*"?true/i.test(value));
          if (next && credentials !== null && (!authorized || stale)) {
            challenge = next;
            nonceUses = 0;
            attempt(true);
            return;
          }
          const detail =
            credentials === null
              ? 'the camera asks for a password'
              : next
                ? 'the camera refuses this user or password'
                : 'the camera asks for a kind of authentication that we do not have';
          end({ kind: 'wrong-password', detail });
        });
      };
      attempt(challenge !== null);
    });

  const openUdp = async (onPacket: TakePacket): Promise<{ port: number; socket: UdpSocket | null }> => {
    const family = socket.remoteFamily === 'IPv6' ? 'udp6' : 'udp4';
    // RFC 3550 section 11: an even port for RTP, the next for RTCP.
    for (let tries = 0; tries < 50; tries += 1) {
      const first = 20_000 + randomInt(20_000) * 2;
      const pair = await Promise.all([bindUdp(first, family), bindUdp(first + 1, family)]);
      if (pair.every((one) => one !== null) && !over) {
        udp.push(...(pair as UdpSocket[]));
        pair[0]?.on('message', (packet, from) => {
          if (!over && from.address.replace('::ffff:', '') === socket.remoteAddress?.replace('::ffff:', ''))
            onPacket(packet, 0, packet.length);
        });
        return { port: first, socket: pair[0] ?? null };
      }
      for (const one of pair) one?.close();
      if (over) return { port: 0, socket: null };
    }
    throw new Error('no pair of free UDP ports');
  };

  const play = async (): Promise<void> => {
    const options = await ask('OPTIONS', target);
    const description = await ask('DESCRIBE', target, [['Accept', 'application/sdp']]);
    const { track, others } = readVideoTrack(description.body.toString('utf8'));
    if (!track) {
      const what = others.length > 0 ? `only ${others.join(', ')}` : 'no video';
      end({ kind: 'unsupported', detail: `the camera offers ${what}` });
      return;
    }
    request.onTrack(track);
    const base = headerOf(description.headers, 'content-base') ?? headerOf(description.headers, 'content-location');
    /** Sets one track up on these channels, or on a pair of UDP ports; null: it was refused. */
    const setUp = async (
      control: string,
      channels: string,
      take: TakePacket,
      dispensable: boolean,
    ): Promise<{ readonly answer: RtspMessage; readonly channel: number } | null> => {
      const over = request.transport === 'udp' ? await openUdp(take) : null;
      const transport =
        over === null
          ? `RTP/AVP/TCP;unicast;interleaved=${channels}`
          : `RTP/AVP;unicast;client_port=${over.port}-${over.port + 1}`;
      const url = controlUrl(withoutUser(base) ?? target, control);
      const answer = await ask('SETUP', url, [['Transport', transport]], dispensable);
      if (!/^RTSP\/1\.\d 2/.test(answer.start)) return null;
      const chosen = headerOf(answer.headers, 'transport') ?? '';
      const serverPorts = /server_port=(\d+)-?(\d+)?/i.exec(chosen);
      // A packet from us opens the way back through a firewall on our side.
      if (serverPorts && socket.remoteAddress !== undefined)
        over?.socket?.send(Buffer.from([0x80, 0, 0, 0]), Number(serverPorts[1]), socket.remoteAddress, () => undefined);
      return { answer, channel: Number(/interleaved=(\d+)/i.exec(chosen)?.[1] ?? channels.split('-')[0]) };
    };
    const setup = await setUp(track.control, '0-1', request.onPacket, false);
    if (!setup) return;
    const [id = '', ...parameters] = (headerOf(setup.answer.headers, 'session') ?? '').split(';');
    session = id === '' ? null : id;
    channel = setup.channel;
    const heard = request.onAudioTrack ? readAudioTrack(description.body.toString('utf8')) : null;
    if (heard && request.onAudioTrack) {
      const take = request.onAudioTrack(heard);
      const second = await setUp(heard.control, '2-3', take, true);
      if (second) audio = { channel: second.channel, take };
    }
    await ask('PLAY', withoutUser(base) ?? target, [['Range', 'npt=0.000-']]);
    const timeout = parameters.map((text) => /timeout\s*=\s*(\d+)/i.exec(text)?.[1]).find((text) => text !== undefined);
    const aliveEveryMs = (Math.max(Number(timeout ?? '60'), 10) * 1000) / 2.5;
    const alive = /GET_PARAMETER/i.test(headerOf(options.headers, 'public') ?? '') ? 'GET_PARAMETER' : 'OPTIONS';
    const keepAlive = (): void => {
      timers.push(
        request.clock.after(aliveEveryMs, () => {
          // No answer is waited for: some cameras give none while they send video.
          send(alive, target, []);
          timers.shift();
          keepAlive();
        }),
      );
    };
    keepAlive();
  };

  let bytesPerMs = 0;
  let rated = { atMs: 0, bytes: 0 };
  const rate = (length: number): void => {
    rated.bytes += length;
    const nowMs = request.clock.monotonic();
    if (nowMs - rated.atMs < rateSpanMs) return;
    bytesPerMs = rated.bytes / (nowMs - rated.atMs);
    rated = { atMs: nowMs, bytes: 0 };
  };
  const tick = (): number => {
    if (request.hurries()) return promptTickMs;
    const most = bytesPerMs > 0 ? gatheredBytes / bytesPerMs : promptTickMs;
    return lazyTicksMs.find((tickMs) => tickMs <= most) ?? promptTickMs;
  };
  let gathering = false;
  /** Lets packets gather in the kernel until the next tick that all cameras share: a wake for each packet costs more than all else. */
  const gather = (): void => {
    if (session === null || over || gathering) return;
    gathering = true;
    // After this turn: TLS gives its records one by one, and a full buffer is read on.
    setImmediate(() => {
      if (over) return;
      socket.pause();
      const tickMs = tick();
      // By the wall, as all that happens once a second does (lib/clock.ts): one wake for both.
      const waitMs = tickMs - (request.clock.now() % tickMs);
      // Timers come up to a millisecond early: what is left of this tick then is no tick of its own.
      setTimeout(
        () => {
          gathering = false;
          if (!over) socket.resume();
        },
        waitMs < tickMs / 4 ? waitMs + tickMs : waitMs,
      );
    });
  };

  const connecting = request.clock.after(request.answerWithinMs, () =>
    end({ kind: 'unreachable', detail: 'no answer' }),
  );
  timers.push(connecting);
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    connecting.cancel();
    timers = timers.filter((other) => other !== connecting);
    play().catch((error: unknown) =>
      end({ kind: 'refused', detail: error instanceof Error ? error.message : 'the session failed' }),
    );
  });
  socket.on('error', (error) => end({ kind: 'unreachable', detail: codeOf(error) ?? 'connection lost' }));
  socket.on('close', () => end({ kind: 'closed', detail: 'the camera closed the connection' }));
  function received(length: number, read: () => void): void {
    try {
      read();
    } catch (error) {
      end({ kind: 'not-rtsp', detail: error instanceof Error ? error.message : 'garbage' });
    }
    rate(length);
    gather();
  }
  if (secure) socket.on('data', (chunk: Buffer) => received(chunk.length, () => reader.take(chunk)));

  return {
    ended,
    stop: () => {
      if (session !== null && !over) send('TEARDOWN', target, []);
      end(null);
    },
  };
}

/** A base that a camera gives may repeat our user and password; they do not belong in a request line. */
function withoutUser(base: string | null): string | null {
  if (base === null || !/^rtsps?:\/\//i.test(base)) return null;
  return base.replace(/^(rtsps?:\/\/)[^/@]*@/i, '$1').replace(/^rtsps:/i, 'rtsp:');
}
