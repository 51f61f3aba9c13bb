import type { IClientOptions } from 'mqtt';
import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import { readSecretFile, readWebhookKey } from '../secret-file.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import { encodeDelivery } from '../webhook/codec.ts';
import { forgiving } from '../webhook/send.ts';
import { listenForAnswers } from './answers.ts';
import { answerFault, judgeReasonCode, judgeReceipt, receiptFault, signedProperties, topicOf } from './codec.ts';
import type { MqttChannelOptions } from './options.ts';
import { createMqttSender } from './sender.ts';

/** Opens an MQTT channel: reads its secrets; connects when it first sends or listens. Throws `config.secret-missing`. */
export async function openMqttChannel(options: MqttChannelOptions, setup: ChannelSetup): Promise<OpenChannel> {
  const { id: channel, clock, random, logger } = setup;
  const read = (file: string | undefined, what: string) =>
    file === undefined ? Promise.resolve(undefined) : readSecretFile(setup, file, what);
  const password = (await read(options.passwordFile, 'password'))?.trim();
  const ca = await read(options.tls.caFile, 'tls.caFile');
  const keys: Uint8Array[] = [];
  for (const file of [options.secretFile, options.previousSecretFile])
    if (file !== undefined) keys.push(await readWebhookKey(setup, file));
  const refused = (reason: string, subject: string): void => setup.refused?.(channel, reason, subject);
  const [, , site = 'site', , gateway = 'gateway'] = setup.source.split('/');
  const root = options.topic ?? `kanmen/${site}/${gateway}`;
  const clientId = options.clientId ?? `kanmen-${site}-${gateway}`;
  const connection: IClientOptions = {
    protocolVersion: 5,
    connectTimeout: options.timeout,
    keepalive: Math.max(1, Math.round(options.keepalive / 1000)),
    resubscribe: false,
    ...(options.username !== undefined && { username: options.username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
  };
  const sender = createMqttSender({
    ...{ url: options.url, timeoutMs: options.timeout, clock, random },
    accepts: (packet) => {
      const fault = receiptFault(packet, { keys, nowMs: clock.now() });
      if (fault !== null) refused(fault, 'a receipt');
      return fault === null;
    },
    connection: { ...connection, clientId: `${clientId}-send` },
    receiptTopic: options.receipt === 'station' ? `${root}/receipts` : null,
  });

  const send = async (delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> => {
    const body = await encodeDelivery(delivery, {
      ...{ source: setup.source, timeZone: setup.timeZone, inlineUpToBytes: options.inlineEvidenceUpTo },
      evidence: forgiving(setup.evidence, { channel, logger }),
    });
    const properties = signedProperties(keys, delivery.id, body, clock.now());
    const sent = await sender.send({ id: delivery.id, topic: topicOf(root, delivery), body, properties }, signal);
    if (sent.kind === 'failed') return { kind: 'retry', reason: sent.reason, afterMs: sent.afterMs };
    if (sent.kind === 'acknowledged') {
      return judgeReasonCode(sent.reasonCode) ?? { kind: 'delivered', receipt: 'taken by the broker', feedback: [] };
    }
    const { faults = [], ...result } = judgeReceipt(sent.body, delivery.recipient);
    if (faults.length > 0)
      logger.warn({ channel, deliveryId: delivery.id, faults }, 'feedback in a receipt not understood');
    return result;
  };

  return {
    channel: {
      id: channel,
      kind: 'mqtt',
      send,
      listen: (onFeedback, signal) =>
        listenForAnswers(
          {
            ...{ channel, url: options.url, topic: `${root}/feedback`, keptForMs: options.answersKeptFor },
            faultOf: (packet) => answerFault(packet, { keys, nowMs: clock.now() }, options.answersKeptFor),
            refused,
            connection: { ...connection, clientId: `${clientId}-answers` },
            ...{ recipient: setup.recipient, clock, random, logger },
          },
          onFeedback,
          signal,
        ),
      fault: () => sender.fault(),
    },
    close: () => sender.close(),
  };
}
