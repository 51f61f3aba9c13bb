import { connect, type IClientOptions, type IPublishPacket, type MqttClient, type Packet } from 'mqtt';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { bytesOf } from './codec.ts';

/**
 * The outbox has the long patience: it tries a broken way every second, and then must not find this still waiting, or
 * red would be two such waits late. This only keeps many deliveries at once from making many connections.
 */
const reconnectPolicy = { firstMs: 250, maxMs: 1000, factor: 2, jitterRatio: 0.3 };

export interface Message {
  readonly id: string;
  readonly topic: string;
  readonly body: Uint8Array;
  readonly properties: Readonly<Record<string, string>>;
}

export type Sent =
  /** PUBACK came, with this reason code. */
  | { readonly kind: 'acknowledged'; readonly reasonCode: number }
  /** The station answered. */
  | { readonly kind: 'answered'; readonly body: Uint8Array }
  | { readonly kind: 'failed'; readonly reason: string; readonly afterMs: number | null };

/**
 * Publishes over one connection at a time and forgets everything with it: MQTT.js would keep what is unacknowledged in
 * memory and send it again on its own, past the outbox that has it on disk. So each connection is a client of its own, with
 * a clean start, and nothing is given to it before it is connected.
 */
export function createMqttSender(given: {
  readonly url: string;
  readonly connection: IClientOptions;
  /** Where the station answers; null where the broker's word is enough. */
  readonly receiptTopic: string | null;
  readonly accepts: (packet: IPublishPacket) => boolean;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Pick<Random, 'unit'>;
}) {
  const { receiptTopic, clock } = given;
  let current: MqttClient | null = null;
  let opening: Promise<MqttClient> | null = null;
  let failures = 0;
  let notBeforeMs = 0;
  let lastFault: string | null = null;
  let closed = false;
  /** Ends of the sends under way, by packet and by delivery; all of them fail when the connection goes. */
  const byPacket = new Map<number, (reasonCode: number) => void>();
  const byDelivery = new Map<string, (body: Uint8Array) => void>();
  const onLoss = new Set<(reason: string) => void>();

  const lose = (client: MqttClient, reason: string): void => {
    client.removeAllListeners();
    // A late error of a connection that is given up must not end the process.
    client.on('error', () => undefined);
    client.end(true);
    if (current !== client) return;
    current = null;
    lastFault = reason;
    byPacket.clear();
    for (const lost of [...onLoss]) lost(reason);
  };

  const take = (packet: IPublishPacket): void => {
    const { correlationData } = packet.properties ?? {};
    if (packet.topic !== receiptTopic || !correlationData || !given.accepts(packet)) return;
    byDelivery.get(correlationData.toString())?.(bytesOf(packet));
  };

  const open = (): Promise<MqttClient> =>
    new Promise((resolve, reject) => {
      const client = connect(given.url, { ...given.connection, clean: true, reconnectPeriod: 0 });
      const fail = (reason: string): void => {
        timer.cancel();
        lose(client, reason);
        reject(new Error(reason));
      };
      const timer = clock.after(given.timeoutMs, () => fail(`no connection within ${given.timeoutMs} ms`));
      client.on('error', (error) => fail(messageOf(error)));
      client.on('close', () => fail('the connection was closed'));
      client.on('message', (_topic, _payload, packet) => take(packet));
      client.on('packetreceive', (packet: Packet) => {
        if (packet.cmd === 'puback' && packet.messageId !== undefined)
          byPacket.get(packet.messageId)?.(packet.reasonCode ?? 0);
      });
      const ready = (): void => {
        timer.cancel();
        client.removeAllListeners('close');
        client.removeAllListeners('error');
        client.on('error', (error) => lose(client, messageOf(error)));
        client.on('close', () => lose(client, 'the connection was closed'));
        current = client;
        lastFault = null;
        failures = 0;
        resolve(client);
      };
      client.on('connect', () => {
        if (receiptTopic === null) {
          ready();
          return;
        }
        client.subscribe(receiptTopic, { qos: 1 }, (error) => {
          if (error) fail(`the broker refuses the subscription to receipts: ${messageOf(error)}`);
          else ready();
        });
      });
    });

  const connected = async (): Promise<MqttClient> => {
    if (current?.connected === true) return current;
    opening ??= open()
      .catch((error: unknown) => {
        failures += 1;
        lastFault = messageOf(error);
        notBeforeMs = clock.monotonic() + backoffMs(reconnectPolicy, failures, () => given.random.unit());
        throw error;
      })
      .finally(() => {
        opening = null;
      });
    return opening;
  };

  const exchange = (client: MqttClient, message: Message, signal: AbortSignal): Promise<Sent> =>
    new Promise((resolve) => {
      let packetId = -1;
      const finish = (sent: Sent): void => {
        timer.cancel();
        signal.removeEventListener('abort', abort);
        onLoss.delete(lost);
        byDelivery.delete(message.id);
        byPacket.delete(packetId);
        resolve(sent);
      };
      const lost = (reason: string): void => finish({ kind: 'failed', reason, afterMs: null });
      const abort = (): void => lost('aborted');
      let acknowledged = false;
      const timer = clock.after(given.timeoutMs, () => {
        // Half-open: without a PUBACK the connection is not believed any more.
        if (!acknowledged) lose(client, `no PUBACK within ${given.timeoutMs} ms`);
        lost(`no ${acknowledged ? 'answer of the station' : 'PUBACK'} within ${given.timeoutMs} ms`);
      });
      onLoss.add(lost);
      signal.addEventListener('abort', abort, { once: true });
      if (receiptTopic !== null) byDelivery.set(message.id, (body) => finish({ kind: 'answered', body }));
      client.publish(
        message.topic,
        Buffer.from(message.body),
        {
          qos: 1,
          properties: {
            contentType: 'application/cloudevents+json',
            // None at all rather than an empty list: Mosquitto hung up on what MQTT.js 5.16 makes of one.
            ...(Object.keys(message.properties).length > 0 && { userProperties: { ...message.properties } }),
            ...(receiptTopic !== null && { responseTopic: receiptTopic, correlationData: Buffer.from(message.id) }),
          },
        },
        // A refusal by the broker has ended this already, by its packet, which knows the code.
        (error) => {
          if (error) lost(messageOf(error));
        },
      );
      packetId = client.getLastMessageId();
      byPacket.set(packetId, (reasonCode) => {
        acknowledged = true;
        if (receiptTopic === null || reasonCode !== 0) finish({ kind: 'acknowledged', reasonCode });
      });
    });

  return {
    send: async (message: Message, signal: AbortSignal): Promise<Sent> => {
      const waitMs = notBeforeMs - clock.monotonic();
      if (signal.aborted) return { kind: 'failed', reason: 'aborted', afterMs: null };
      if (current?.connected !== true && opening === null && waitMs > 0)
        return { kind: 'failed', reason: lastFault ?? 'not connected', afterMs: Math.ceil(waitMs) };
      try {
        const client = await Promise.race([connected(), aborted(signal)]);
        return client === 'aborted' || closed
          ? { kind: 'failed', reason: 'aborted', afterMs: null }
          : await exchange(client, message, signal);
      } catch (error) {
        return { kind: 'failed', reason: messageOf(error), afterMs: null };
      }
    },
    /** Null while connected, and before the first try. */
    fault: (): string | null => lastFault,
    close: (): void => {
      closed = true;
      if (current) lose(current, 'closed');
    },
  };
}

function aborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}
