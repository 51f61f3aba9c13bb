import type { IPublishPacket } from 'mqtt';
import { z } from 'zod';
import type { Delivery } from '../../domain/alert.ts';
import type { DeliveryResult } from '../../domain/delivery.ts';
import type { RecipientId } from '../../domain/ids.ts';
import { signWebhook, verifyWebhook, webhookToleranceS } from '../../lib/standard-webhooks.ts';
import { readFeedback } from '../webhook/codec.ts';

/** `<root>/<what>/<recipient>`: so that a broker's access list can tell recipients apart. */
export function topicOf(root: string, delivery: Pick<Delivery, 'item' | 'recipient'>): string {
  const what = {
    notice: 'notices',
    digest: 'notices',
    canary: 'canary',
    passage: 'passages',
    device: 'devices',
  } as const;
  return `${root}/${what[delivery.item]}/${delivery.recipient}`;
}

/** User properties that sign a payload, named as the headers of Standard Webhooks are; none without a secret. */
export function signedProperties(
  keys: readonly Uint8Array[],
  id: string,
  body: Uint8Array,
  nowMs: number,
): Record<string, string> {
  return keys.length === 0 ? {} : signWebhook({ keys, id, timestampS: Math.floor(nowMs / 1000), body });
}

/** Why a packet that came in is not to be believed. `replayed`: it was signed for something else. */
export type PacketFault = 'unsigned' | 'wrong-signature' | 'expired' | 'replayed';

/** Everything that comes in is signed by somebody who holds a key; without keys the broker's access list decides. */
interface SignedBy {
  readonly keys: readonly Uint8Array[];
  readonly nowMs: number;
}

function judgeSignature(
  packet: IPublishPacket,
  { keys, nowMs }: SignedBy,
  toleranceS: number,
): { readonly fault: PacketFault } | { readonly id: string } {
  const properties = packet.properties?.userProperties ?? {};
  const header = (name: string): string | null => {
    const value = properties[name];
    return typeof value === 'string' ? value : null;
  };
  const verdict = verifyWebhook({ keys, header, body: bytesOf(packet), nowMs, toleranceS });
  if (verdict.kind === 'valid') return { id: verdict.id };
  if (verdict.reason === 'missing-headers') return { fault: 'unsigned' };
  return { fault: verdict.reason === 'too-old' || verdict.reason === 'too-new' ? 'expired' : 'wrong-signature' };
}

/**
 * Whether an answer may be believed; null: it may. Its time may lie as far back as the broker keeps answers; what is older
 * than the usual tolerance can only be a repeat, which the answer's id makes harmless.
 */
export function answerFault(packet: IPublishPacket, by: SignedBy, keptForMs: number): PacketFault | null {
  if (by.keys.length === 0) return null;
  const judged = judgeSignature(packet, by, webhookToleranceS + keptForMs / 1000);
  return 'fault' in judged ? judged.fault : null;
}

/**
 * Whether a receipt may be believed; null: it may. It has to be signed for the very delivery that it is a receipt of, now,
 * and by the other side: both hold the same key, so our own event sent back to us would carry a good signature too.
 */
export function receiptFault(packet: IPublishPacket, by: SignedBy): PacketFault | null {
  if (by.keys.length === 0) return null;
  const judged = judgeSignature(packet, by, webhookToleranceS);
  if ('fault' in judged) return judged.fault;
  const { correlationData } = packet.properties ?? {};
  return judged.id === correlationData?.toString() && !isEvent(bytesOf(packet)) ? null : 'replayed';
}

function isEvent(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === 'object' && value !== null && 'specversion' in value;
  } catch {
    return false;
  }
}

export const bytesOf = ({ payload }: IPublishPacket): Uint8Array =>
  typeof payload === 'string' ? Buffer.from(payload) : payload;

const receiptSchema = z.looseObject({
  status: z.enum(['received', 'busy', 'refused']).default('received'),
  afterMs: z.number().min(0).optional(),
  reason: z.string().max(500).default(''),
});

/** What a station's answer to a delivery means. An empty one is a receipt; one that is not understood is, too. */
export function judgeReceipt(
  body: Uint8Array,
  recipient: RecipientId,
): DeliveryResult & { readonly faults?: readonly string[] } {
  let parsed: z.output<typeof receiptSchema> | null = null;
  try {
    parsed = receiptSchema.safeParse(JSON.parse(new TextDecoder().decode(body))).data ?? null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (parsed?.status === 'busy') {
    return { kind: 'retry', reason: parsed.reason || 'the station is busy', afterMs: parsed.afterMs ?? null };
  }
  if (parsed?.status === 'refused') return { kind: 'rejected', reason: parsed.reason || 'the station refuses it' };
  const { feedback, faults } = readFeedback(body, recipient);
  return { kind: 'delivered', receipt: 'received by the station', feedback, faults };
}

/** MQTT 5 section 3.4.2.1: what a PUBACK's reason code means for the delivery; null where the broker has taken it. */
export function judgeReasonCode(code: number): Exclude<DeliveryResult, { kind: 'delivered' }> | null {
  if (code === 0) return null;
  // The broker throws such a message away: nobody has it, so it is not delivered.
  if (code === 0x10) return { kind: 'retry', reason: 'nobody is subscribed at the broker', afterMs: null };
  const reason = `the broker refuses it: reason code 0x${code.toString(16)}`;
  return code === 0x90 || code === 0x99 ? { kind: 'rejected', reason } : { kind: 'retry', reason, afterMs: null };
}
