import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Delivery, Feedback } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import type { EvidenceId, RecipientId } from '../../domain/ids.ts';
import {
  feedbackItemSchema,
  feedbackOf,
  noticeEvidenceSchema,
  type NoticeEvidence,
  type NoticeReceipt,
} from '../../domain/notice.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { rfc3339 } from '../../lib/local-time.ts';
import type { SharedEvidence } from '../shared-evidence.ts';
import type { Exchange } from './http-exchange.ts';

export const cloudEventsMediaType = 'application/cloudevents+json; charset=utf-8';

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What the codec asks of the evidence. */
export interface EvidenceSource {
  /** The picture with its faces blurred; null where there is none any more. Clips are never read. */
  read(id: EvidenceId): Promise<{ readonly jpeg: Uint8Array } | null>;
  /** Links for whom the delivery goes to; null where the gateway has no address that others can reach. */
  share?(
    piece: Pick<NoticeEvidence, 'id' | 'kind'>,
    delivery: Pick<Delivery, 'recipient' | 'createdAt'>,
  ): Promise<SharedEvidence | null>;
  /** How much may stand in a delivery to this recipient; null: as the channel has it. */
  inlineUpToBytes?(recipient: RecipientId): number | null;
  /** Everybody who has been told of the alert, and whether it has arrived; what is being sent counts as arrived. */
  told?(delivery: Pick<Delivery, 'id' | 'alertId'>): readonly NoticeReceipt[];
}

interface EncodeContext {
  readonly source: string;
  readonly timeZone: string;
  readonly evidence: EvidenceSource;
  readonly inlineUpToBytes: number;
}

const evidenceList = z.object({ evidence: z.array(noticeEvidenceSchema) });
const digestList = z.object({ notices: z.array(z.object({ data: evidenceList.loose() }).loose()) });

/**
 * Puts each picture in, in order, as long as all of them together stay within `inlineUpToBytes`, and names the others by
 * link. `sha256` is that of the bytes the receiver gets. A clip that the recipient may not open is left out.
 */
async function withEvidence(
  evidence: readonly NoticeEvidence[],
  delivery: Delivery,
  context: EncodeContext,
  inlineUpToBytes: number,
): Promise<NoticeEvidence[]> {
  const time = (at: EpochMs): string => rfc3339(at, context.timeZone);
  const done: NoticeEvidence[] = [];
  let left = inlineUpToBytes;
  for (const item of evidence) {
    const shared = (await context.evidence.share?.(item, delivery)) ?? null;
    const byLink = shared?.link ? { url: shared.link.url, urlUntil: time(shared.link.until) } : {};
    if (item.kind === 'clip') {
      if (shared?.link) done.push({ ...item, ...byLink });
      continue;
    }
    const picture = await context.evidence.read(item.id as EvidenceId);
    if (!picture) {
      done.push({ ...item, ...byLink });
      continue;
    }
    const original = shared?.original
      ? {
          original: {
            url: shared.original.url,
            urlUntil: time(shared.original.until),
            sha256: shared.original.sha256,
          },
        }
      : {};
    const sha256 = sha256Hex(picture.jpeg);
    if (picture.jpeg.byteLength > left) {
      done.push({ ...item, sha256, ...byLink, ...original });
      continue;
    }
    left -= picture.jpeg.byteLength;
    done.push({ ...item, sha256, inline: Buffer.from(picture.jpeg).toString('base64'), ...original });
  }
  return done;
}

/** The delivery's data with its evidence filled in; in a digest, whose notices are many, by link only. */
async function dataOf(delivery: Delivery, context: EncodeContext): Promise<unknown> {
  const listed = evidenceList.safeParse(delivery.data);
  if (listed.success) {
    const inlineUpToBytes = context.evidence.inlineUpToBytes?.(delivery.recipient) ?? context.inlineUpToBytes;
    const evidence = await withEvidence(listed.data.evidence, delivery, context, inlineUpToBytes);
    const receipts = delivery.item === 'notice' ? context.evidence.told?.(delivery) : undefined;
    return { ...delivery.data, evidence, ...(receipts && { receipts }) };
  }
  const digest = digestList.safeParse(delivery.data);
  if (!digest.success) return delivery.data;
  const notices = [];
  for (const notice of digest.data.notices) {
    const evidence = await withEvidence(notice.data.evidence, delivery, context, 0);
    notices.push({ ...notice, data: { ...notice.data, evidence } });
  }
  return { ...delivery.data, notices };
}

/**
 * The body of a delivery: one CloudEvents 1.0 event in structured mode (JSON format 1.0.2, section 3). The same delivery with
 * the same evidence and receipts gives the same bytes.
 */
export async function encodeDelivery(delivery: Delivery, context: EncodeContext): Promise<Uint8Array> {
  const data = await dataOf(delivery, context);
  return Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: delivery.id,
      source: context.source,
      type: delivery.type,
      ...(delivery.alertId !== null && { subject: delivery.alertId }),
      time: rfc3339(delivery.createdAt, context.timeZone),
      datacontenttype: 'application/json',
      data,
    }),
  );
}

/** `Retry-After` (RFC 9110 section 10.2.3): seconds or an HTTP-date; null if it is neither. In ms, never negative. */
export function retryAfterMs(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text.trim()) * 1000;
  // Only the date forms of RFC 9110 section 5.6.7, all of which begin with a day's name: Date.parse takes much more.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text.trim())) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

/**
 * Answers that say nothing against the notice itself: worth another try. 401, 403 and 404 among them: a clock not yet set, a
 * secret changed on one side only, a gateway that the desk does not list yet are mended by people, and then it must arrive.
 */
const passing = new Set([401, 403, 404, 408, 409, 425, 429]);

/** What an exchange means for the delivery, without the feedback in it. */
export function judge(exchange: Exchange, nowMs: number): Exclude<DeliveryResult, { kind: 'delivered' }> | 'received' {
  if (exchange.kind === 'failed') return { kind: 'retry', reason: exchange.reason, afterMs: null };
  const { status } = exchange;
  if (status >= 200 && status <= 299) return 'received';
  const afterMs = retryAfterMs(exchange.header('retry-after'), nowMs);
  if (status >= 300 && status <= 399)
    return { kind: 'retry', reason: `status ${status}: a redirect, which is not followed`, afterMs };
  if (status >= 400 && status <= 499 && !passing.has(status)) return { kind: 'rejected', reason: `status ${status}` };
  return { kind: 'retry', reason: `status ${status}`, afterMs };
}

export interface ReadFeedback {
  readonly feedback: readonly Feedback[];
  readonly cursor: string | null;
  /** What was left out, for the log. */
  readonly faults: readonly string[];
}

const looseReply = z.object({ feedback: z.array(z.unknown()).max(1000), cursor: z.string().max(500).optional() });

/** Reads answers out of a reply's body; entries of a wrong form are named in `faults` and left out. Never throws. */
export function readFeedback(body: Uint8Array, recipient: RecipientId | null): ReadFeedback {
  const nothing = { feedback: [], cursor: null };
  const text = new TextDecoder().decode(body).trim();
  // Receivers that have nothing to say answer with nothing, "ok" or a page of their own.
  if (!text.startsWith('{')) return { ...nothing, faults: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ...nothing, faults: ['the reply is cut short or no JSON'] };
  }
  if (typeof value !== 'object' || value === null || !('feedback' in value)) return { ...nothing, faults: [] };
  const reply = looseReply.safeParse(value);
  if (!reply.success) return { ...nothing, faults: [z.prettifyError(reply.error)] };
  const feedback: Feedback[] = [];
  const faults: string[] = [];
  reply.data.feedback.forEach((entry, index) => {
    const item = feedbackItemSchema.safeParse(entry);
    const read = item.success ? feedbackOf(item.data, recipient) : null;
    if (read) feedback.push(read);
    else faults.push(`feedback[${index}]: ${item.success ? 'at is no time' : z.prettifyError(item.error)}`);
  });
  return { feedback, cursor: reply.data.cursor ?? null, faults };
}
