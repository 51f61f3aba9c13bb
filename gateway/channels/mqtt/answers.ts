import { connect, type IClientOptions, type IPublishPacket } from 'mqtt';
import type { Feedback } from '../../domain/alert.ts';
import type { RecipientId } from '../../domain/ids.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { isGatewayError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import type { Random } from '../../lib/random.ts';
import { createRepeatedFault } from '../../lib/repeated-fault.ts';
import { readFeedback } from '../webhook/codec.ts';
import { bytesOf } from './codec.ts';

const reconnectPolicy = { firstMs: 500, maxMs: 30_000, factor: 2, jitterRatio: 0.5 };

interface AnswersContext {
  readonly channel: string;
  readonly url: string;
  readonly connection: IClientOptions;
  readonly topic: string;
  readonly keptForMs: number;
  /** Null: it may be believed. */
  readonly faultOf: (packet: IPublishPacket) => string | null;
  /** Counts and audits what was not taken. */
  readonly refused: (reason: string, subject: string) => void;
  readonly recipient: RecipientId | null;
  readonly clock: Clock;
  readonly random: Pick<Random, 'unit'>;
  readonly logger: Logger;
}

/**
 * Takes answers until the signal aborts. The session stays at the broker, so that answers wait for a gateway that is away;
 * PUBACK is sent only after `onFeedback` has resolved, and where it rejects the connection is dropped, so that the broker
 * sends the same answer again.
 */
export async function listenForAnswers(
  context: AnswersContext,
  onFeedback: (feedback: Feedback) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, channel } = context;
  const fault = createRepeatedFault(clock, (what, count, facts) =>
    logger.warn({ channel, what, count, ...facts }, 'answers cannot be taken'),
  );
  let failures = 0;
  const ended = (): boolean => signal.aborted;
  while (!ended()) {
    const reason = await listenOnce(context, onFeedback, signal, () => {
      failures = 0;
    });
    if (ended()) return;
    failures += 1;
    fault('connection', { reason });
    await pause(
      clock,
      backoffMs(reconnectPolicy, failures, () => context.random.unit()),
      signal,
    );
  }
}

/** One connection, to its end; answers why it ended. */
function listenOnce(
  context: AnswersContext,
  onFeedback: (feedback: Feedback) => Promise<void>,
  signal: AbortSignal,
  onTaken: () => void,
): Promise<string> {
  return new Promise((resolve) => {
    const client = connect(context.url, {
      ...context.connection,
      clean: false,
      reconnectPeriod: 0,
      properties: { sessionExpiryInterval: Math.round(context.keptForMs / 1000), receiveMaximum: 16 },
    });
    let over = false;
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      signal.removeEventListener('abort', abort);
      client.removeAllListeners();
      client.on('error', () => undefined);
      client.end(true);
      resolve(reason);
    };
    const abort = (): void => end('aborted');
    if (signal.aborted) {
      end('aborted');
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    client.on('error', (error) => end(messageOf(error)));
    client.on('close', () => end('the connection was closed'));
    client.on('connect', () => {
      client.subscribe(context.topic, { qos: 1 }, (error) => {
        if (error) end(`the broker refuses the subscription: ${messageOf(error)}`);
      });
    });
    client.handleMessage = (packet, callback) => {
      take(packet, context, onFeedback).then(
        () => {
          onTaken();
          if (!over) callback();
        },
        (error: unknown) => end(messageOf(error)),
      );
    };
  });
}

async function take(
  packet: IPublishPacket,
  context: AnswersContext,
  onFeedback: (feedback: Feedback) => Promise<void>,
): Promise<void> {
  const { channel, logger } = context;
  const fault = context.faultOf(packet);
  if (fault !== null) {
    logger.warn({ channel, topic: packet.topic, fault }, 'answer without a good signature refused');
    context.refused(fault, 'an answer');
    return;
  }
  const { feedback, faults } = readFeedback(bytesOf(packet), context.recipient);
  if (faults.length > 0) logger.warn({ channel, faults: faults.slice(0, 5) }, 'feedback not understood');
  for (const item of feedback) {
    try {
      await onFeedback(item);
    } catch (error) {
      if (!isGatewayError(error, 'alert.unknown') && !isGatewayError(error, 'alert.not-allowed')) throw error;
      logger.warn({ channel, feedbackId: item.id, alertId: item.alertId, code: error.code }, 'feedback refused');
    }
  }
}
