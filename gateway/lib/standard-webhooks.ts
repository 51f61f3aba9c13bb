import { createHmac, timingSafeEqual } from 'node:crypto';

/** Standard Webhooks v1 (symmetric): header names, in the lower case that Node gives them in. */
export const webhookHeaders = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
} as const;

/** How far a signature's time may lie from the verifier's clock, as the specification suggests. */
export const webhookToleranceS = 300;

const secretPrefix = 'whsec_';

/**
 * The key bytes of a `whsec_<base64>` secret. Null if the text is no such secret or its key is not 24 to 64 bytes long,
 * the range the specification allows.
 */
export function parseWebhookSecret(text: string): Uint8Array | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith(secretPrefix)) return null;
  const encoded = trimmed.slice(secretPrefix.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return null;
  const key = Buffer.from(encoded, 'base64');
  return key.length >= 24 && key.length <= 64 ? key : null;
}

/** Writes key bytes as a `whsec_…` secret. */
export function formatWebhookSecret(key: Uint8Array): string {
  return `${secretPrefix}${Buffer.from(key).toString('base64')}`;
}

function signatureOf(key: Uint8Array, id: string, timestampS: number, body: string | Uint8Array): string {
  return createHmac('sha256', key).update(`${id}.${timestampS}.`).update(body).digest('base64');
}

/**
 * The three headers that sign `body`: one `v1` signature for each key, so that a secret can be changed without a gap.
 * `id` must hold no dot; `timestampS` is the moment of this attempt in Unix seconds.
 */
export function signWebhook(message: {
  readonly keys: readonly Uint8Array[];
  readonly id: string;
  readonly timestampS: number;
  readonly body: string | Uint8Array;
}): Record<(typeof webhookHeaders)[keyof typeof webhookHeaders], string> {
  const { keys, id, timestampS, body } = message;
  if (keys.length === 0) throw new RangeError('a webhook needs a key to sign with');
  if (id === '' || id.includes('.')) throw new RangeError(`a webhook id must hold no dot: ${id}`);
  return {
    [webhookHeaders.id]: id,
    [webhookHeaders.timestamp]: String(timestampS),
    [webhookHeaders.signature]: keys.map((key) => `v1,${signatureOf(key, id, timestampS, body)}`).join(' '),
  };
}

export type WebhookVerdict =
  | { readonly kind: 'valid'; readonly id: string; readonly timestampS: number }
  | {
      readonly kind: 'invalid';
      readonly reason: 'missing-headers' | 'bad-timestamp' | 'too-old' | 'too-new' | 'no-match';
    };

/**
 * Checks the three headers against the raw body: valid when any `v1` signature matches any of the keys and the time is
 * within the tolerance. Compares in constant time. `header` looks a name up, lower case.
 */
export function verifyWebhook(message: {
  readonly keys: readonly Uint8Array[];
  readonly header: (name: string) => string | null | undefined;
  readonly body: string | Uint8Array;
  readonly nowMs: number;
  readonly toleranceS?: number;
}): WebhookVerdict {
  const { keys, header, body, nowMs, toleranceS = webhookToleranceS } = message;
  const id = header(webhookHeaders.id);
  const timestamp = header(webhookHeaders.timestamp);
  const signatures = header(webhookHeaders.signature);
  if (!id || !timestamp || !signatures) return { kind: 'invalid', reason: 'missing-headers' };
  if (!/^\d{1,12}$/.test(timestamp)) return { kind: 'invalid', reason: 'bad-timestamp' };
  const timestampS = Number(timestamp);
  const ageS = nowMs / 1000 - timestampS;
  if (ageS > toleranceS) return { kind: 'invalid', reason: 'too-old' };
  if (ageS < -toleranceS) return { kind: 'invalid', reason: 'too-new' };
  const given = signatures
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice('v1,'.length), 'base64'));
  const matches = keys.some((key) => {
    const expected = Buffer.from(signatureOf(key, id, timestampS, body), 'base64');
    return given.some((bytes) => bytes.length === expected.length && timingSafeEqual(bytes, expected));
  });
  return matches ? { kind: 'valid', id, timestampS } : { kind: 'invalid', reason: 'no-match' };
}
