import { readFile } from 'node:fs/promises';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { DeviceKey } from '../domain/ids.ts';
import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { codeOf, GatewayError, messageOf } from '../lib/errors.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import type { ListenAddress } from '../lib/listen-address.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createWireMeter, type WireReport } from '../lib/wire.ts';
import { noCounts, type IngestCounts } from './counts.ts';
import {
  createDeviceBroker,
  type DeviceBroker,
  type DeviceConnection,
  type PublishedMessage,
} from './device-broker.ts';
import { createDeviceWatch } from './device-watch.ts';
import { createExternalBroker, type ExternalBroker } from './external-broker.ts';
import { createIntake, type IngestSink } from './intake.ts';
import { defaultMqttListen, type MqttOptions } from './options.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';
import { createUnanswered } from './unanswered.ts';

/** The provisioned devices, as the store has them. */
export interface DeviceDirectory {
  find(key: DeviceKey): Device | undefined;
  /** What was known of every device when the gateway stopped. */
  statuses(): readonly DeviceStatus[];
  /** A number that changes when devices were added, removed or rotated, by whatever process. Cheap: asked every second. */
  version(): number;
}

export interface Ingest extends Component {
  /** Where the embedded broker listens; null when only an external one is used. Valid after `start`. */
  address(): { readonly host: string; readonly port: number; readonly tlsPort: number | null } | null;
  report(): readonly WireReport[];
  counts(): IngestCounts;
  connections(): number;
  /** What this process knows of a device now, ahead of the rows; null when it has not heard of it. */
  state(device: DeviceKey): 'online' | 'offline' | 'silent' | null;
}

const never = new Promise<never>(() => undefined);
const flushMs = 5000;
const versionMs = 1000;
const unansweredMs = 1000;
/** How long a sender is held before it is disconnected when the store cannot take what it says, unless that is a reading. */
const notStoredHoldMs = 2000;

/** Listens to devices, on an embedded broker, an external one or both, and hands what they say to the sink. */
export function createIngest(parts: {
  readonly options: MqttOptions;
  /** Site id: second level of every topic. */
  readonly site: string;
  readonly devices: DeviceDirectory;
  readonly sink: IngestSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly passKillPoint?: PassKillPoint;
}): Ingest {
  const { options, site, devices, sink, clock, logger } = parts;
  const listen: ListenAddress | null = options.listen ?? (options.external === undefined ? defaultMqttListen : null);
  const counts = noCounts();
  const meter = createWireMeter('ingest', null);
  const watch = createDeviceWatch(clock, { silentAfter: options.silentAfter, clockSkew: options.clockSkew });
  const intake = createIntake({
    ...{ site, sink, watch, counts, meter, clock, logger },
    random: parts.random,
    passKillPoint: parts.passKillPoint ?? (() => undefined),
  });
  const unanswered = createUnanswered(clock);
  const rates = new Map<DeviceKey, TokenBucket>();
  const timers: Timer[] = [];
  let broker: DeviceBroker | null = null;
  let external: ExternalBroker | null = null;
  let stopping = false;

  const refused = (device: DeviceKey | null, reason: string): void => {
    counts.refused += 1;
    intake.warn('device refused', { device, reason });
    if (device !== null) intake.report(watch.fault(device, reason, true));
  };

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.after(ms, resolve);
    });

  /** Milliseconds that this sender is to be left unread. */
  const overRateMs = (device: DeviceKey): number => {
    const nowMs = clock.monotonic();
    let bucket = rates.get(device);
    if (bucket === undefined) {
      bucket = createTokenBucket(options.maxMessagesPerMinute, nowMs);
      rates.set(device, bucket);
    }
    return bucket.take(nowMs);
  };

  /**
   * A reading stays unanswered, and the connection stands. With anything else it ends a while later (at once the device
   * would come back at once): then the device sends it again, and soon, because it may be an alarm.
   */
  const notStored = async (
    connection: DeviceConnection,
    { reading, comesAgain }: { readonly reading: boolean; readonly comesAgain: boolean },
    error: unknown,
  ): Promise<false> => {
    if (reading) {
      if (comesAgain) unanswered.refused(connection);
      return false;
    }
    if (!stopping) await wait(notStoredHoldMs);
    throw error;
  };

  const holdBack = (device: DeviceKey, heldMs: number): Promise<true> => {
    // The message is stored, its acknowledgement waits: aedes reads the socket again only when it has left.
    counts.overRate += 1;
    meter.waited(heldMs);
    intake.warn('device held back for its rate', { device });
    watch.fault(device, `more than ${options.maxMessagesPerMinute} messages a minute`, false);
    return wait(heldMs).then(() => true);
  };

  const publish = (connection: DeviceConnection, packet: PublishedMessage): Promise<boolean> => {
    // Not answered: the connection is about to end, and the device sends it again.
    if (stopping) return never;
    const { device } = connection;
    const heldMs = overRateMs(device);
    const reading = isReading(packet);
    const comesAgain = packet.qos > 0;
    return intake.take(raw(packet), device).then(
      (outcome) => {
        if (outcome === 'forged') {
          refused(device, 'the payload names another device than the topic');
          throw new Error('forged');
        }
        if (reading && outcome === 'accepted') unanswered.stored();
        return heldMs > 0 ? holdBack(device, heldMs) : true;
      },
      (error: unknown) => notStored(connection, { reading, comesAgain }, error),
    );
  };

  const startBroker = async (address: ListenAddress): Promise<void> => {
    const tls = options.tls;
    broker = createDeviceBroker(
      {
        listen: address,
        tls:
          tls === undefined
            ? null
            : { listen: tls.listen, cert: await readPem(tls.certFile), key: await readPem(tls.keyFile) },
        site,
        maxClients: options.maxClients,
        maxPacketBytes: options.maxPayloadBytes,
      },
      {
        find: (key) => devices.find(key),
        publish,
        will: async (device, packet) => {
          counts.wills += 1;
          await intake.take(raw(packet), device);
          return true;
        },
        connected: (connection, livePeer) =>
          intake.report(watch.connected(connection.device, connection.address, livePeer)),
        loginFailed: (device, address_) => {
          counts.loginsFailed += 1;
          intake.warn('device login failed', { device, address: address_ });
          if (device !== null) watch.fault(device, `login with a wrong password from ${address_}`, false);
        },
        refused,
        failed: (error) => logger.error({ reason: messageOf(error) }, 'mqtt listener failed'),
      },
    );
    try {
      await broker.start();
    } catch (error) {
      throw new GatewayError('mqtt.listen-failed', `cannot listen for MQTT on ${address.host}:${address.port}`, {
        facts: { reason: codeOf(error) ?? messageOf(error) },
        cause: error,
      });
    }
  };

  const flush = async (): Promise<void> => {
    const changes = watch.collect();
    if (changes.length === 0) return;
    try {
      await sink.record(changes);
    } catch (error) {
      watch.restoreDirty(changes);
      intake.warn('device states not stored', { reason: messageOf(error) });
    }
  };

  /** Ends connections whose credential is gone or changed (`devices remove`, `devices rotate`, also by the CLI). */
  const checkCredentials = (): void => {
    for (const connection of broker?.connections() ?? []) {
      if (devices.find(connection.device)?.passwordSha256 === connection.passwordSha256) continue;
      logger.info({ device: connection.device }, 'credential changed, device disconnected');
      connection.close();
    }
    for (const key of watch.keys()) {
      if (devices.find(key) !== undefined) continue;
      watch.forget(key);
      rates.delete(key);
    }
  };

  const watchVersion = (): Timer => {
    let version = devices.version();
    return repeat(clock, versionMs, () => {
      const now = devices.version();
      if (now === version) return;
      version = now;
      checkCredentials();
    });
  };

  return {
    name: 'ingest',
    start: async () => {
      watch.restore(devices.statuses());
      if (listen !== null) await startBroker(listen);
      if (options.external !== undefined) {
        const passwordFile = options.external.passwordFile;
        external = createExternalBroker(options.external, {
          site,
          password: passwordFile === undefined ? null : (await readPem(passwordFile)).toString('utf8').trimEnd(),
          ca: options.external.caFile === undefined ? null : await readPem(options.external.caFile),
          known: (key) => devices.find(key) !== undefined,
          intake,
          counts,
          refused,
          ...{ clock, logger, random: parts.random },
        });
        external.start();
      }
      const tick = (): void => intake.report(watch.tick());
      // Silence shows within a twentieth of the shortest allowance.
      const tickMs = Math.min(
        30_000,
        Math.max(200, Math.min(options.silentAfter.charger, options.silentAfter.fire) / 20),
      );
      timers.push(repeat(clock, tickMs, tick), repeat(clock, flushMs, flush), watchVersion());
      timers.push(
        repeat(clock, unansweredMs, () => {
          for (const connection of unanswered.due()) connection.close();
        }),
      );
    },
    stop: async () => {
      stopping = true;
      broker?.stopListening();
      for (const timer of timers.splice(0)) timer.cancel();
      await external?.stop();
      await intake.idle();
      await broker?.close();
      await intake.idle();
      await flush();
      broker = null;
      external = null;
    },
    address: () => (broker === null || listen === null ? null : { host: listen.host, ...broker.address() }),
    report: () => [meter.report(), ...(external === null ? [] : [external.report()])],
    counts: () => ({ ...counts, turnedAway: broker?.turnedAway() ?? counts.turnedAway }),
    connections: () => broker?.connections().length ?? 0,
    state: (device) => watch.state(device),
  };
}

/** The bulk of what devices say; what is lost of it for a while can be sent later. */
const isReading = ({ topic }: PublishedMessage): boolean => topic.endsWith('/telemetry');

function raw(packet: PublishedMessage) {
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload, 'utf8') : packet.payload;
  return { topic: packet.topic, payload, duplicate: packet.dup };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new GatewayError('config.secret-missing', `cannot read ${path}, named under mqtt in the configuration`, {
      facts: { path, reason: codeOf(error) ?? 'unreadable' },
      cause: error,
    });
  }
}
