import type { Delivery, Feedback } from '../../domain/alert.ts';
import { webhookHeaders } from '../../lib/standard-webhooks.ts';
import { readFeedback } from './codec.ts';
import type { Exchange } from './http-exchange.ts';
import type { SendContext } from './send.ts';

/** Names up to which answer everything is on disk here; signed by the header below (README.md, "Answers in the reply"). */
export const answersAfterHeader = 'kanmen-answers-after';
export const answersSignatureHeader = 'kanmen-answers-signature';

/** Answers that come with replies: whose word they are is checked, and the far side is told which are on disk. */
export interface ReplyAnswers {
  /** What to add to a request's headers. */
  headers(deliveryId: string, nowMs: number): Record<string, string>;
  /** The answers in a reply that may be believed; call `stored` once they are on disk. */
  take(
    reply: Extract<Exchange, { kind: 'reply' }>,
    delivery: Delivery,
    nowMs: number,
  ): { readonly feedback: readonly Feedback[]; readonly stored?: () => void };
}

export function createReplyAnswers(context: SendContext): ReplyAnswers {
  const { options, signer, logger, channel } = context;
  let cursor = '';
  const { protocol, hostname } = new URL(options.url);
  // Nobody stands between us and a far side that TLS has proved, or one on this very machine.
  const isProtected = protocol === 'https:' || /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
  const takesUnsigned =
    options.unsignedAnswers === 'accept' || (options.unsignedAnswers === 'protected' && isProtected);
  return {
    headers: (deliveryId, nowMs) => {
      if (cursor === '') return {};
      const signed = signer.headers(deliveryId, `answers-after:${cursor}`, nowMs);
      return {
        [answersAfterHeader]: encodeURIComponent(cursor),
        [answersSignatureHeader]: signed[webhookHeaders.signature] ?? '',
      };
    },
    take: (reply, delivery, nowMs) => {
      const read = readFeedback(reply.body, delivery.recipient);
      const nothing = { feedback: [] };
      if (read.faults.length > 0)
        logger.warn(
          { channel, deliveryId: delivery.id, faults: read.faults.slice(0, 5) },
          'feedback in a reply not understood',
        );
      if (read.feedback.length === 0 && read.cursor === null) return nothing;
      const signature = signer.judge(reply, delivery.id, nowMs);
      if (signature !== 'good' && !(signature === 'unsigned' && takesUnsigned)) {
        if (read.feedback.length > 0) context.refused(signature, `${read.feedback.length} answers to ${delivery.id}`);
        return nothing;
      }
      const next = read.cursor;
      // An unsigned cursor is nobody's word.
      if (signature !== 'good' || next === null) return { feedback: read.feedback };
      return {
        feedback: read.feedback,
        stored: () => {
          cursor = next;
        },
      };
    },
  };
}
