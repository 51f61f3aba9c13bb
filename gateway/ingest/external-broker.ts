import { connect, type IPublishPacket, type MqttClient } from 'mqtt';
import type { DeviceKey } from '../domain/ids.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import { createWireMeter, type WireReport } from '../lib/wire.ts';
import type { MutableCounts } from './counts.ts';
import type { Intake } from './intake.ts';
import type { ExternalBrokerOptions } from './options.ts';
import { parseTopic } from './topic.ts';

export interface ExternalBroker {
  start(): void;
  /** Stops taking, waits for messages under way to be acknowledged, and leaves the session at the broker. */
  stop(): Promise<void>;
  report(): WireReport;
}

const reconnect = { firstMs: 500, maxMs: 30_000, factor: 2, jitterRatio: 0.5 } as const;
/** Messages the broker may have under way on one connection (MQTT 5 receive maximum); one is handled at a time. */
const receiveMaximum = 32;

/**
 * Takes messages from an external broker over several connections in one shared subscription (MQTT 5 section 4.8.2;
 * EMQX and Mosquitto also under 3.1.1). MQTT.js handles one packet a connection at a time and sends PUBACK when
 * `handleMessage` calls back, which happens after the commit. The subscription is QoS 1: at QoS 2 MQTT.js answers
 * PUBREC before it hands the message over, and a kill in between would lose it.
 */
export function createExternalBroker(
  options: ExternalBrokerOptions,
  parts: {
    readonly site: string;
    readonly password: string | null;
    readonly ca: Buffer | null;
    readonly known: (key: DeviceKey) => boolean;
    readonly intake: Intake;
    readonly counts: MutableCounts;
    readonly refused: (device: DeviceKey | null, reason: string) => void;
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
  },
): ExternalBroker {
  const { site, intake, counts, logger, clock } = parts;
  const meter = createWireMeter('external broker', options.connections * receiveMaximum);
  const clients: MqttClient[] = [];
  const filter = `$share/${options.share}/community/${site}/+/+/#`;
  let stopping = false;
  const warn = createRepeatedFault(clock, (key, count, facts) => logger.warn({ ...facts, count }, key));

  const take = async (packet: IPublishPacket): Promise<void> => {
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload, 'utf8') : packet.payload;
    const message = { topic: packet.topic, payload, duplicate: packet.dup };
    const topic = parseTopic(packet.topic, site);
    // What the gateway itself sends down comes back on this wide subscription.
    if (topic !== null && packet.topic.startsWith(`community/${site}/${topic.device}/down/`)) return;
    if (topic === null || !parts.known(topic.device)) {
      counts.unknownDevice += 1;
      await intake.quarantine(
        topic?.device ?? ('unknown/unknown' as DeviceKey),
        message,
        'not a device of this gateway',
      );
      return;
    }
    if ((await intake.take(message, topic.device)) === 'forged') {
      // There is no connection of its own to end here: kept, acknowledged, and reported.
      parts.refused(topic.device, 'the payload names another device than the topic');
      await intake.quarantine(topic.device, message, 'the payload names another device than the topic');
    }
  };

  const open = (index: number): MqttClient => {
    let attempt = 0;
    const client = connect(options.url, {
      clientId: `${options.clientId ?? `kanmen-${site}`}-${index}`,
      protocolVersion: options.protocol === '5' ? 5 : 4,
      clean: false,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      keepalive: 30,
      resubscribe: false,
      ...(options.protocol === '5'
        ? { properties: { sessionExpiryInterval: Math.round(options.sessionExpiry / 1000), receiveMaximum } }
        : {}),
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(parts.password === null ? {} : { password: parts.password }),
      ...(parts.ca === null ? {} : { ca: parts.ca }),
    });
    client.handleMessage = (packet, callback) => {
      if (stopping) return;
      meter.enter();
      take(packet).then(
        () => {
          meter.leave();
          callback();
        },
        () => {
          // Not stored: without an acknowledgement the broker keeps it, and sends it again on a new connection.
          meter.leave();
          if (!stopping) client.stream.destroy();
        },
      );
    };
    client.on('connect', () => {
      client.subscribe(filter, { qos: 1 }, (error, granted) => {
        const refusedByBroker = granted?.some((grant) => grant.qos >= 128) === true;
        if (error === null && !refusedByBroker) {
          attempt = 0;
          logger.info({ filter }, 'external broker connected');
          return;
        }
        warn('external broker refused the subscription', { filter });
        if (!stopping) client.stream.destroy();
      });
    });
    client.on('error', (error) => warn('external broker connection failed', { reason: messageOf(error) }));
    client.on('close', () => {
      if (stopping) return;
      attempt += 1;
      const delayMs = backoffMs(reconnect, attempt, () => parts.random.unit());
      warn('external broker connection lost', { delayMs });
      clock.after(delayMs, () => {
        if (!stopping) client.reconnect();
      });
    });
    return client;
  };

  return {
    start: () => {
      for (let index = 0; index < options.connections; index += 1) clients.push(open(index));
    },
    stop: async () => {
      stopping = true;
      await intake.idle();
      await Promise.all(clients.splice(0).map((client) => client.endAsync()));
    },
    report: () => meter.report(),
  };
}
