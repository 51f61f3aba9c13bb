import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { randomBytes, randomInt } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { createDigestGuard, type Credentials } from './digest.ts';
import type { AccessUnit } from './h264.ts';
import { hevcNalType, nalType } from './h264.ts';
import { createRtpSender, type RtpSender } from './rtp.ts';
import {
  createRequestReader,
  describeSession,
  formatResponse,
  parseTransport,
  type RtspRequest,
} from './rtsp-message.ts';

/** A client that does not read is cut off: 2 MB is 10 s of video at 1.5 Mbit/s. */
const mostBufferedBytes = 2_000_000;
/** RFC 3550 asks for at least 5 s between reports on average; players synchronise with the first. */
const reportEveryMs = 5000;
const sessionTimeoutS = 60;

export type StreamMode = 'normal' | 'hang' | 'mute' | 'garbage' | 'corrupt';

export interface RtspServer {
  /** Resolves with the port when connections are accepted. */
  start(): Promise<number>;
  stop(): Promise<void>;
  /** Sends one picture to every client that plays; says how many got it. */
  send(unit: AccessUnit, capturedAtMs: number): number;
  /**
   * `hang` answers and sends nothing but keeps the links; `mute` answers and sends no video; `garbage` sends noise in place
   * of video; `corrupt` damages the video itself.
   */
  setMode(mode: StreamMode): void;
  /** Closes every link at once; new ones are taken. */
  dropAll(): void;
  readonly playing: number;
  /** Links accepted so far. */
  readonly connections: number;
  /** Requests with wrong credentials so far. */
  readonly refusals: number;
}

interface Session {
  readonly id: string;
  readonly sender: RtpSender;
  readonly sendPacket: (packet: Buffer, isReport: boolean) => void;
  readonly close: () => void;
  playing: boolean;
  waitsForKey: boolean;
  lastReportMs: number;
}

export interface RtspServerOptions {
  readonly host: string;
  readonly port: number;
  /** Path below which the stream is found, without slash. */
  readonly path: string;
  readonly fps: number;
  readonly credentials: () => Credentials;
  /** Parameter sets as soon as the encoder has made some. */
  readonly parameterSets: () => Promise<{ readonly sps: Buffer; readonly pps: Buffer; readonly vps?: Buffer }>;
}

/** An RTSP 1.0 camera (RFC 2326) with one H.264 track, over TCP-interleaved or UDP, digest authentication. */
export function createRtspServer(options: RtspServerOptions): RtspServer {
  const sessions = new Set<Session>();
  const sockets = new Set<Socket>();
  let mode: StreamMode = 'normal';
  let server: Server | null = null;
  let connections = 0;
  let refusals = 0;

  const openUdp = async (socket: Socket, ports: readonly [number, number]): Promise<[UdpSocket, UdpSocket]> => {
    const bind = (): Promise<UdpSocket> =>
      new Promise((resolve, reject) => {
        const udp = createSocket(socket.remoteFamily === 'IPv6' ? 'udp6' : 'udp4');
        udp.once('error', reject);
        udp.bind(0, () => {
          // A player that has gone answers with ICMP errors; its TCP link tells us soon enough.
          udp.removeAllListeners('error').on('error', () => undefined);
          udp.connect(ports[udpSockets.length] ?? 0, socket.remoteAddress ?? '127.0.0.1', () => resolve(udp));
        });
      });
    const udpSockets: UdpSocket[] = [];
    udpSockets.push(await bind());
    udpSockets.push(await bind());
    return udpSockets as [UdpSocket, UdpSocket];
  };

  const openSession = async (socket: Socket, transportHeader: string): Promise<[Session, string] | null> => {
    const transport = parseTransport(transportHeader);
    if (!transport) return null;
    const sender = createRtpSender({ ssrc: randomInt(2 ** 32), baseTimestamp: randomInt(2 ** 32) });
    const ssrc = sender.ssrc.toString(16).padStart(8, '0').toUpperCase();
    const base = { id: randomBytes(6).toString('hex'), sender, playing: false, waitsForKey: true, lastReportMs: 0 };
    if (transport.over === 'tcp') {
      const sendPacket = (packet: Buffer, isReport: boolean): void => {
        if (socket.writableLength > mostBufferedBytes) {
          socket.destroy();
          return;
        }
        const head = Buffer.from([0x24, transport.pair[isReport ? 1 : 0], packet.length >> 8, packet.length & 0xff]);
        socket.write(head);
        socket.write(packet);
      };
      const answer = `RTP/AVP/TCP;unicast;interleaved=${transport.pair[0]}-${transport.pair[1]};ssrc=${ssrc}`;
      return [{ ...base, sendPacket, close: () => undefined }, answer];
    }
    const [rtp, rtcp] = await openUdp(socket, transport.pair);
    const close = (): void => {
      for (const udp of [rtp, rtcp]) udp.close();
    };
    if (socket.destroyed) {
      close();
      return null;
    }
    const sendPacket = (packet: Buffer, isReport: boolean): void => (isReport ? rtcp : rtp).send(packet);
    const serverPorts = `${rtp.address().port}-${rtcp.address().port}`;
    const answer = `RTP/AVP;unicast;client_port=${transport.pair[0]}-${transport.pair[1]};server_port=${serverPorts};ssrc=${ssrc}`;
    return [{ ...base, sendPacket, close }, answer];
  };

  const accept = (socket: Socket): void => {
    sockets.add(socket);
    connections += 1;
    socket.setNoDelay(true);
    const guard = createDigestGuard('Gate Camera', options.credentials);
    let session: Session | null = null;
    const endSession = (): void => {
      if (session) sessions.delete(session);
      session?.close();
      session = null;
    };
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      endSession();
    });

    const answer = async (request: RtspRequest): Promise<void> => {
      const cseq = { CSeq: request.headers.get('cseq') ?? '0' };
      const reply = (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): void => {
        socket.write(formatResponse(status, { ...cseq, Server: 'GateCamera/1.0', ...headers }, body));
      };
      if (request.method === 'OPTIONS') {
        reply(200, { Public: 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, TEARDOWN' });
        return;
      }
      if (!guard.allows(request.headers.get('authorization'), request.method)) {
        if (request.headers.has('authorization')) refusals += 1;
        reply(401, { 'WWW-Authenticate': guard.challenge() });
        return;
      }
      if (!new URL(request.url).pathname.startsWith(`/${options.path}`)) {
        reply(404);
        return;
      }
      const sessionHeader = (): Record<string, string> => (session ? { Session: session.id } : {});
      const wantsOther = session && (request.headers.get('session') ?? session.id).split(';')[0] !== session.id;
      if (wantsOther) {
        reply(454);
        return;
      }
      switch (request.method) {
        case 'DESCRIBE': {
          const address = socket.localAddress?.replace('::ffff:', '') ?? '0.0.0.0';
          const sets = await options.parameterSets();
          const body = describeSession({ name: options.path, address, fps: options.fps, ...sets });
          const base = request.url.endsWith('/') ? request.url : `${request.url}/`;
          reply(200, { 'Content-Type': 'application/sdp', 'Content-Base': base }, body);
          return;
        }
        case 'SETUP': {
          endSession();
          const opened = await openSession(socket, request.headers.get('transport') ?? '');
          if (!opened) {
            reply(461);
            return;
          }
          session = opened[0];
          sessions.add(session);
          reply(200, { Session: `${session.id};timeout=${sessionTimeoutS}`, Transport: opened[1] });
          return;
        }
        case 'PLAY':
          if (!session) {
            reply(455);
            return;
          }
          reply(200, {
            ...sessionHeader(),
            Range: 'npt=0.000-',
            'RTP-Info': `url=${request.url.replace(/\/$/, '')}/trackID=0;seq=${session.sender.nextSequence}`,
          });
          session.playing = true;
          return;
        case 'PAUSE':
          if (session) Object.assign(session, { playing: false, waitsForKey: true });
          reply(session ? 200 : 455, sessionHeader());
          return;
        case 'GET_PARAMETER':
        case 'SET_PARAMETER':
          reply(200, sessionHeader());
          return;
        case 'TEARDOWN':
          reply(200, sessionHeader());
          endSession();
          return;
        default:
          reply(501);
      }
    };

    // One request after the other: an answer may wait for the encoder.
    let turn = Promise.resolve();
    const read = createRequestReader((request) => {
      if (mode === 'hang') return;
      turn = turn
        .then(() => answer(request))
        .catch(() => {
          socket.destroy();
        });
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch {
        socket.end(formatResponse(400, {}));
      }
    });
  };

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server = createServer(accept);
        server.once('error', reject);
        server.listen(options.port, options.host, () => {
          const address = server?.address();
          resolve(typeof address === 'object' && address ? address.port : options.port);
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        if (server) server.close(() => resolve());
        else resolve();
      }),
    send: (unit, capturedAtMs) => {
      let receivers = 0;
      if (mode === 'hang' || mode === 'mute') return receivers;
      for (const session of sessions) {
        if (!session.playing) continue;
        if (mode === 'garbage') {
          for (let count = 0; count < 4; count += 1) session.sendPacket(randomBytes(randomInt(20, 1200)), false);
          continue;
        }
        if (session.waitsForKey && !beginsStream(unit)) continue;
        session.waitsForKey = false;
        const nowMs = Date.now();
        for (const packet of session.sender.packetize(mode === 'corrupt' ? damaged(unit) : unit, capturedAtMs))
          session.sendPacket(packet, false);
        receivers += 1;
        if (nowMs - session.lastReportMs >= reportEveryMs) {
          session.lastReportMs = nowMs;
          session.sendPacket(session.sender.senderReport(nowMs), true);
        }
      }
      return receivers;
    },
    setMode: (next) => {
      // After a break the decoder needs a key picture; so does it after noise.
      if (next === 'normal' && mode !== 'normal') for (const session of sessions) session.waitsForKey = true;
      mode = next;
    },
    dropAll: () => {
      for (const socket of sockets) socket.destroy();
    },
    get connections() {
      return connections;
    },
    get refusals() {
      return refusals;
    },
    get playing() {
      return [...sessions].filter((session) => session.playing).length;
    },
  };
}

/** A key frame that brings its parameter sets. */
const beginsStream = (unit: AccessUnit): boolean =>
  unit.key && unit.nals.some((nal) => (unit.codec === 'hevc' ? hevcNalType(nal) === 33 : nalType(nal) === 7));

/** The same picture with some bytes of its slices overwritten: what a bad cable or a dying camera makes of it. */
function damaged(unit: AccessUnit): AccessUnit {
  const nals = unit.nals.map((nal) => {
    const copy = Buffer.from(nal);
    for (let hits = 0; hits < 1 + nal.length / 500; hits += 1) copy[randomInt(1, copy.length)] = randomInt(256);
    return copy;
  });
  return { ...unit, nals };
}
