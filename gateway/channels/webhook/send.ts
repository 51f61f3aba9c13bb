import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { cloudEventsMediaType, encodeDelivery, judge, readFeedback, sha256Hex, type EvidenceSource } from './codec.ts';
import type { HttpClient } from './http-exchange.ts';
import type { WebhookOptions } from './options.ts';
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
}

/** Evidence that cannot be read must not hold back the alarm: it is left out of this try, and logged. */
export function forgiving(evidence: EvidenceSource, context: Pick<SendContext, 'channel' | 'logger'>): EvidenceSource {
  return {
    url: (id) => evidence.url(id),
    read: async (id) => {
      try {
        return await evidence.read(id);
      } catch (error) {
        const facts = { channel: context.channel, evidenceId: id, error: messageOf(error) };
        context.logger.warn(facts, 'evidence not readable, notice sent without it');
        return null;
      }
    },
  };
}

/** One try of one delivery (README.md, "Sending"). Never throws for what the far side does. */
export async function sendWebhook(
  delivery: Delivery,
  context: SendContext,
  signal: AbortSignal,
): Promise<DeliveryResult> {
  const { options, clock, logger, channel } = context;
  const body = await encodeDelivery(delivery, {
    source: context.source,
    timeZone: context.timeZone,
    evidence: forgiving(context.evidence, context),
    inlineUpToBytes: options.inlineEvidenceUpTo,
  });
  const exchange = await context.client.exchange({
    method: 'POST',
    url: new URL(options.url),
    headers: {
      'content-type': cloudEventsMediaType,
      'user-agent': 'kanmen',
      ...context.signer.headers(delivery.id, body, clock.now()),
    },
    body,
    timeoutMs: options.timeout,
    maxReplyBytes,
    signal,
  });
  const verdict = judge(exchange, clock.now());
  if (verdict !== 'received') return verdict;
  if (exchange.kind === 'failed') throw new Error('a failed exchange cannot be a receipt');
  const { feedback, faults } = readFeedback(exchange.body, delivery.recipient);
  if (faults.length > 0)
    logger.warn({ channel, deliveryId: delivery.id, faults: faults.slice(0, 5) }, 'feedback in a reply not understood');
  return { kind: 'delivered', receipt: `${exchange.status} sha256:${sha256Hex(exchange.body)}`, feedback };
}
