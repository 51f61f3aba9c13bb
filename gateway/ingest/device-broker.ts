import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes';
import type { Device } from '../domain/device.ts';
import type { DeviceKey } from '../domain/ids.ts';
import type { ListenAddress } from '../lib/listen-address.ts';
import { DeviceSessions } from './device-sessions.ts';
import { createPacketGuard } from './packet-guard.ts';
import { createAcknowledger, createPublishLane, type PublishLane } from './publish-lane.ts';
import { parseDeviceKey, topicPrefix } from './topic.ts';

/** What of a PUBLISH packet matters. */
export type PublishedMessage = Pick<PublishPacket, 'topic' | 'payload' | 'qos' | 'dup'>;

/** One device's open connection. */
export interface DeviceConnection {
  readonly device: DeviceKey;
  readonly address: string;
  readonly prefix: string;
  /** The credential it came in with: when it changes, the connection ends. */
  readonly passwordSha256: string;
  readonly close: () => void;
}

export interface DeviceBrokerOptions {
  readonly listen: ListenAddress;
  readonly tls: { readonly listen: ListenAddress; readonly cert: Buffer; readonly key: Buffer } | null;
  readonly site: string;
  readonly maxClients: number;
  readonly maxPacketBytes: number;
}

/**
 * What the broker tells. `publish` answers when the message may be acknowledged, with false when it is to stay without an
 * answer; its rejection ends the connection.
 */
export interface DeviceBrokerEvents {
  readonly find: (key: DeviceKey) => Device | undefined;
  readonly publish: (connection: DeviceConnection, packet: PublishedMessage) => Promise<boolean>;
  readonly will: (device: DeviceKey, packet: PublishedMessage) => Promise<boolean>;
  readonly connected: (connection: DeviceConnection, livePeer: string | null) => void;
  /** A login failed; `device` is null when the name is not one of ours. */
  readonly loginFailed: (device: DeviceKey | null, address: string) => void;
  readonly refused: (device: DeviceKey | null, reason: string) => void;
  /** The listening socket itself has a fault, such as too many open files. */
  readonly failed: (error: Error) => void;
}

export interface DeviceBroker {
  /** Resolves when it accepts connections; rejects with the system's error when an address is taken. */
  start(): Promise<void>;
  /** Stops accepting connections; those that are open stay. */
  stopListening(): void;
  /** Ends every connection. Last wills are not heard any more. */
  close(): Promise<void>;
  address(): { readonly port: number; readonly tlsPort: number | null };
  connections(): readonly DeviceConnection[];
  disconnect(device: DeviceKey): void;
  /** Connections that were turned away because `maxClients` were open. */
  turnedAway(): number;
}

/** Of aedes 1.2; a client's typed surface has no keep-alive. `publish-lane.test.ts` holds it to them. */
interface AedesInternals {
  readonly connackSent?: boolean;
  readonly _keepaliveTimer?: { refresh(): unknown } | null;
}

const noDevice = Buffer.alloc(32);
/** Filters below its own `down/` that a device may hold at once. */
const maxSubscriptions = 16;

/**
 * aedes without what a gateway has no use for: what devices publish is neither stored for nor sent on to anybody, and
 * nobody listens to $SYS. This is the greater part of aedes' own cost per message.
 */
class IngestOnlyBroker extends Aedes {
  override publish(_packet: PublishPacket, clientOrDone: unknown, done?: (error?: Error) => void): void {
    if (typeof clientOrDone === 'function') (clientOrDone as () => void)();
    else done?.();
  }
}

/**
 * The embedded MQTT broker (aedes 1.2): one credential and one connection per device, an ACL that keeps a device under
 * its own topics, and PUBACK only when `events.publish` has resolved.
 */
export function createDeviceBroker(options: DeviceBrokerOptions, events: DeviceBrokerEvents): DeviceBroker {
  const byClient = new WeakMap<Client, DeviceConnection>();
  const current = new Map<DeviceKey, DeviceConnection>();
  const sockets = new Set<Socket>();
  let turnedAway = 0;
  let closing = false;

  const downFilter = (key: string): string => `${topicPrefix(options.site, key as DeviceKey)}down/`;

  const broker = new IngestOnlyBroker({
    persistence: new DeviceSessions((id) => ({ topic: `${downFilter(id)}#`, qos: 1 })),
    // A battery sensor on a weak link needs seconds, nobody needs more.
    connectTimeout: 10_000,
    maxClientsIdLength: 256,
    maxInflightInbound: 64,
    maxTopicLevels: 16,

    preConnect: (_client, packet, callback) => {
      // One session per credential, whatever client id the device chose: aedes takes the old connection over, nobody
      // can push another device out by borrowing its client id, and there are never more sessions than devices.
      packet.clientId = packet.username ?? packet.clientId;
      callback(null, true);
    },

    authenticate: (client, username, password, done) => {
      const address = addressOf(client);
      const named = username === undefined ? null : parseDeviceKey(username);
      const device = named === null ? undefined : events.find(named.key);
      const given = createHash('sha256')
        .update(password ?? '')
        .digest();
      const wanted = device === undefined ? noDevice : Buffer.from(device.passwordSha256, 'hex');
      const matches = wanted.length === given.length && timingSafeEqual(wanted, given);
      if (device === undefined || !matches || password === undefined || closing) {
        events.loginFailed(device?.key ?? null, address);
        done(badLogin(), false);
        return;
      }
      const connection: DeviceConnection = {
        device: device.key,
        address,
        prefix: topicPrefix(options.site, device.key),
        passwordSha256: device.passwordSha256,
        close: () => client.close(),
      };
      const peer = current.get(device.key);
      byClient.set(client, connection);
      current.set(device.key, connection);
      client.conn.once('close', () => {
        if (current.get(device.key) === connection) current.delete(device.key);
      });
      events.connected(connection, peer?.address ?? null);
      done(null, true);
    },

    authorizeSubscribe: (client, subscription, done) => {
      const connection = byClient.get(client);
      const own = connection !== undefined && subscription.topic.startsWith(`${connection.prefix}down/`);
      const held = Object.keys((client as unknown as { subscriptions: object }).subscriptions).length;
      if (own && held < maxSubscriptions) {
        done(null, subscription);
        return;
      }
      events.refused(connection?.device ?? null, `subscription to ${subscription.topic.slice(0, 100)}`);
      // Null answers SUBACK 0x80 (MQTT 3.1.1 section 3.9.3).
      done(null, null);
    },

    authorizePublish: (client, packet, done) => {
      const connection = client === null ? undefined : byClient.get(client);
      // Wills of another broker's clients (client null) cannot exist here; anything else without a login is refused.
      if (client === null || connection === undefined) {
        done(new Error('not logged in'));
        return;
      }
      // aedes asks for the will of a client that it has closed.
      const will = client.closed;
      if (will && (closing || (current.get(connection.device) ?? connection) !== connection)) {
        // The device is back on a newer connection, or the gateway is going: nothing has happened to the device.
        done(null);
        return;
      }
      if (!packet.topic.startsWith(connection.prefix)) {
        events.refused(connection.device, `publish to ${packet.topic.slice(0, 100)}`);
        done(new Error('outside its own topics'));
        return;
      }
      const work = will ? events.will(connection.device, packet) : events.publish(connection, packet);
      work.then(
        (answered) => {
          // aedes answers by the packet's own QoS, and at 0 with nothing; it then goes on with the next.
          if (!answered) packet.qos = 0;
          done(null);
        },
        (error: unknown) => done(error instanceof Error ? error : new Error('not accepted')),
      );
    },
  });
  // aedes has closed the connection already; who was refused why is told where it is decided.
  broker.on('clientError', ignore);
  broker.on('connectionError', ignore);

  const accept = (socket: Socket): void => {
    if (sockets.size >= options.maxClients) {
      turnedAway += 1;
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Acknowledgements are a few bytes each; Nagle would hold them back by up to 40 ms.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    guard(socket);
  };

  /** aedes has no limit on packet sizes, so the bytes it reads from the socket are looked at on the way. */
  const guard = (socket: Socket): void => {
    const packets = createPacketGuard(options.maxPacketBytes);
    const read = socket.read.bind(socket);
    const client = broker.handle(socket);
    let lane: PublishLane | null = null;
    const guarded = (size?: number): unknown => {
      const chunk: unknown = read(size);
      if (!(chunk instanceof Uint8Array)) return chunk;
      const verdict = packets.judge(chunk);
      if (verdict === 'fine') return chunk;
      events.refused(byClient.get(client)?.device ?? null, `packet is ${verdict}`);
      socket.destroy();
      return null;
    };
    socket.read = (size?: number): unknown => {
      lane ??= packets.isBetween() ? laneOf(socket, client) : null;
      return lane === null ? guarded(size) : lane.read(guarded);
    };
  };

  const acknowledge = createAcknowledger();
  /** The short way for what a device says from now on; null while it has not logged in. aedes lets no MQTT 5 in. */
  const laneOf = (socket: Socket, client: Client): PublishLane | null => {
    const connection = byClient.get(client);
    const { connackSent, _keepaliveTimer: keepAlive } = client as unknown as AedesInternals;
    if (connection === undefined || !client.connected || connackSent !== true) return null;
    return createPublishLane({
      socket,
      prefix: connection.prefix,
      publish: ({ topic, payload, duplicate }) =>
        events.publish(connection, { topic, payload: payload as Buffer, qos: 1, dup: duplicate }),
      refuse: () => client.close(),
      // A timer that was cleared would begin again.
      heard: () => {
        if (!client.closed) keepAlive?.refresh();
      },
      acknowledge,
    });
  };

  const server = createServer(accept);
  const tlsServer =
    options.tls === null
      ? null
      : createTlsServer({ cert: options.tls.cert, key: options.tls.key, handshakeTimeout: 10_000 }, accept);

  return {
    start: async () => {
      await broker.listen();
      await listen(server, options.listen);
      if (tlsServer !== null && options.tls !== null) {
        // A failed handshake is the peer's matter.
        tlsServer.on('tlsClientError', ignore);
        await listen(tlsServer, options.tls.listen);
        tlsServer.on('error', events.failed);
      }
      server.on('error', events.failed);
    },
    stopListening: () => {
      closing = true;
      server.close();
      tlsServer?.close();
    },
    close: async () => {
      closing = true;
      server.close();
      tlsServer?.close();
      // What was stored last is acknowledged in the next turn.
      await nextTurn();
      if (!broker.closed) await new Promise<void>((resolve) => broker.close(resolve));
      for (const socket of sockets) socket.destroy();
      current.clear();
    },
    address: () => ({ port: portOf(server), tlsPort: tlsServer === null ? null : portOf(tlsServer) }),
    connections: () => [...current.values()],
    disconnect: (device) => current.get(device)?.close(),
    turnedAway: () => turnedAway,
  };
}

/** CONNACK 0x04, bad user name or password (MQTT 3.1.1 section 3.2.2.3). */
function badLogin(): AuthenticateError {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- an ambient const enum: isolated modules cannot name its members
  const returnCode = 4 as AuthenticateError['returnCode'];
  return Object.assign(new Error('bad user name or password'), { returnCode });
}

function ignore(): void {
  // Deliberately nothing.
}

function addressOf(client: Client): string {
  return 'remoteAddress' in client.conn ? (client.conn.remoteAddress ?? 'unknown') : 'unknown';
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}

function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
