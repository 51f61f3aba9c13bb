import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { cloudEventsMediaType, encodeDelivery, judge, sha256Hex, type EvidenceSource } from './codec.ts';
import type { HttpClient } from './http-exchange.ts';
import type { WebhookOptions } from './options.ts';
import type { ReplyAnswers } from './reply-answers.ts';
import type { Signer } from './sign.ts';

/** A reply's feedback is read up to this size: some thousand answers. */
const maxReplyBytes = 256_000;

export interface SendContext {
  readonly channel: string;
  readonly options: WebhookOptions;
  /** CloudEvents `source` of this gateway. */
  readonly source: string;
  readonly timeZone: string;
  readonly signer: Signer;
  readonly client: HttpClient;
  readonly evidence: EvidenceSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts and audits an answer that was not taken. */
  readonly refused: (reason: string, subject: string) => void;
}

/** Evidence that cannot be read must not hold back the alarm: it is left out of this try, and logged. */
export function forgiving(evidence: EvidenceSource, context: Pick<SendContext, 'channel' | 'logger'>): EvidenceSource {
  const trying = async <T>(id: string, work: () => Promise<T | null>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      const facts = { channel: context.channel, evidenceId: id, error: messageOf(error) };
      context.logger.warn(facts, 'evidence not readable, notice sent without it');
      return null;
    }
  };
  return {
    inlineUpToBytes: (recipient) => evidence.inlineUpToBytes?.(recipient) ?? null,
    share: (piece, delivery) => trying(piece.id, async () => (await evidence.share?.(piece, delivery)) ?? null),
    read: (id) => trying(id, () => evidence.read(id)),
    ...(evidence.told && { told: (sent) => evidence.told?.(sent) ?? [] }),
  };
}

/** One try of one delivery (README.md, "Sending"). Never throws for what the far side does. */
export async function sendWebhook(
  delivery: Delivery,
  context: SendContext & { readonly answers: ReplyAnswers },
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const { options, clock, answers } = context;
  const body = await encodeDelivery(delivery, {
    source: context.source,
    timeZone: context.timeZone,
    evidence: forgiving(context.evidence, context),
    inlineUpToBytes: options.inlineEvidenceUpTo,
  });
  const nowMs = clock.now();
  const exchange = await context.client.exchange({
    method: 'POST',
    url: new URL(options.url),
    headers: {
      'content-type': cloudEventsMediaType,
      'user-agent': 'kanmen',
      ...context.signer.headers(delivery.id, body, nowMs),
      ...answers.headers(delivery.id, nowMs),
    },
    body,
    timeoutMs: options.timeout,
    maxReplyBytes,
    signal,
  });
  const verdict = judge(exchange, clock.now());
  if (verdict !== 'received') return verdict;
  if (exchange.kind === 'failed') throw new Error('a failed exchange cannot be a receipt');
  return {
    kind: 'delivered',
    receipt: `${exchange.status} sha256:${sha256Hex(exchange.body)}`,
    ...answers.take(exchange, delivery, clock.now()),
  };
}
