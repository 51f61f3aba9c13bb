import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import { noticeDataSchema } from '../../domain/notice.ts';
import type { Timer } from '../../lib/clock.ts';
import { judgeReasonCode } from '../mqtt/codec.ts';
import { createMqttSender } from '../mqtt/sender.ts';
import { readSecretFile } from '../secret-file.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import type { SirenOptions } from './options.ts';

/** What a delivery asks of the siren: noise, quiet, a trial, or nothing. */
export function commandOf(
  delivery: Pick<Delivery, 'item' | 'data'>,
  { tiers }: Pick<SirenOptions, 'tiers'>,
): 'on' | 'off' | 'test' | 'nothing' {
  if (delivery.item === 'canary') return 'test';
  if (delivery.item !== 'notice') return 'nothing';
  const notice = noticeDataSchema.partial().safeParse(delivery.data);
  if (!notice.success || notice.data.tier === undefined) return 'nothing';
  const { tier, state, owner } = notice.data;
  const dealtWith = owner != null || (state !== undefined && state !== 'raised' && state !== 'delivered');
  if (dealtWith) return 'off';
  return tiers.includes(tier) ? 'on' : 'nothing';
}

/** Opens a siren: reads its password; connects when it first sends. Throws `config.secret-missing`. */
export async function openSirenChannel(options: SirenOptions, setup: ChannelSetup): Promise<OpenChannel> {
  const read = (file: string | undefined, what: string) =>
    file === undefined ? Promise.resolve(undefined) : readSecretFile(setup, file, what);
  const password = (await read(options.passwordFile, 'password'))?.trim();
  const ca = await read(options.caFile, 'caFile');
  const { clock, random, logger, id: channel } = setup;
  const sender = createMqttSender({
    url: options.url,
    connection: {
      ...{ protocolVersion: 5, connectTimeout: options.timeout, keepalive: 20, clientId: `kanmen-siren-${channel}` },
      ...(options.username !== undefined && { username: options.username }),
      ...(password !== undefined && { password }),
      ...(ca !== undefined && { ca }),
    },
    ...{ receiptTopic: null, accepts: () => true, timeoutMs: options.timeout, clock, random },
  });
  /** The alerts for which it sounds; quiet only when each of them is dealt with. */
  const sounding = new Set<string>();
  let quieting: Timer = { cancel: () => undefined };

  const publish = async (id: string, command: 'on' | 'off' | 'test', signal: AbortSignal): Promise<DeliveryResult> => {
    const words = command === 'test' && options.test === '' ? options.off : options[command];
    const sent = await sender.send({ id, topic: options.topic, body: Buffer.from(words), properties: {} }, signal);
    if (sent.kind === 'failed') return { kind: 'retry', reason: sent.reason, afterMs: sent.afterMs };
    const refused = sent.kind === 'acknowledged' ? judgeReasonCode(sent.reasonCode) : null;
    return refused ?? { kind: 'delivered', receipt: `${command}, taken by the broker`, feedback: [] };
  };

  const quiet = (): void => {
    sounding.clear();
    void publish('quiet', 'off', new AbortController().signal).then((result) => {
      if (result.kind !== 'delivered') logger.warn({ channel, reason: result.reason }, 'siren not turned off in time');
    });
  };

  const send = async (delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> => {
    const command = commandOf(delivery, options);
    const key = delivery.alertId ?? delivery.id;
    // A trial that says "off" must not silence a real alarm.
    if (command === 'nothing' || (command === 'test' && options.test === '' && sounding.size > 0))
      return { kind: 'delivered', receipt: 'nothing for a siren to do', feedback: [] };
    if (command === 'off') {
      if ([...sounding].some((other) => other !== key)) {
        sounding.delete(key);
        return { kind: 'delivered', receipt: 'goes on for another alert', feedback: [] };
      }
    }
    const result = await publish(delivery.id, command, signal);
    if (result.kind !== 'delivered') return result;
    if (command === 'on') {
      sounding.add(key);
      quieting.cancel();
      quieting = clock.after(options.longest, quiet);
    } else if (command === 'off') {
      sounding.delete(key);
      quieting.cancel();
    }
    return result;
  };

  return {
    channel: {
      id: channel,
      kind: 'siren',
      send,
      // A gateway that stopped while it sounded does not know of it any more.
      listen: async (_, signal) => {
        await publish('start', 'off', signal);
      },
      fault: () => sender.fault(),
    },
    close: () => {
      quieting.cancel();
      sender.close();
    },
  };
}
