import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { formatWebhookSecret, parseWebhookSecret, signWebhook, verifyWebhook } from './standard-webhooks.ts';

const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const key = Uint8Array.from({ length: 32 }, (_, index) => index);
const other = new Uint8Array(24).fill(7);
const timestampS = 1_767_294_245;
const body = '{"type":"alert.fire.smoke","timestamp":"2026-01-02T03:04:05+08:00","data":{"id":"a1"}}';
const signed = signWebhook({ keys: [key], id: 'msg_01HZX', timestampS, body });
const headerOf =
  (headers: Record<string, string>) =>
  (name: string): string | undefined =>
    headers[name];
const check = (overrides: Partial<Parameters<typeof verifyWebhook>[0]>) =>
  verifyWebhook({ keys: [key], header: headerOf(signed), body, nowMs: timestampS * 1000, ...overrides });

describe('Standard Webhooks signatures', () => {
  it('give the known answer for the known message', () => {
    expect(parseWebhookSecret(secret)).toEqual(Buffer.from(key));
    expect(formatWebhookSecret(key)).toBe(secret);
    expect(signed['webhook-signature']).toBe('v1,S7qKK0AAK1JQxZtHxESx0FORwI7faVdmBNx0EZPrR+0=');
  });

  it('are accepted by the reference library, and its own by ours, for any body', () => {
    const reference = new Webhook(secret);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const payload = JSON.stringify({ text });
        const nowS = Math.floor(Date.now() / 1000);
        const ours = signWebhook({ keys: [other, key], id: 'd1', timestampS: nowS, body: payload });
        expect(reference.verify(payload, ours)).toEqual({ text });
        const theirs = {
          'webhook-id': 'd1',
          'webhook-timestamp': String(nowS),
          'webhook-signature': reference.sign('d1', new Date(nowS * 1000), payload),
        };
        expect(check({ header: headerOf(theirs), body: payload, nowMs: nowS * 1000 }).kind).toBe('valid');
      }),
      { numRuns: 50 },
    );
  });

  it('fail when one bit of the body, the id or the time is changed', () => {
    expect(check({ body: body.replace('a1', 'a2') })).toEqual({ kind: 'invalid', reason: 'no-match' });
    expect(check({ header: headerOf({ ...signed, 'webhook-id': 'msg_01HZY' }) }).kind).toBe('invalid');
    expect(check({ header: headerOf({ ...signed, 'webhook-timestamp': String(timestampS + 1) }) }).kind).toBe(
      'invalid',
    );
  });

  it('match with either key while a secret is being changed, and with none afterwards', () => {
    const both = signWebhook({ keys: [key, other], id: 'd', timestampS, body });
    expect(check({ header: headerOf(both) }).kind).toBe('valid');
    expect(check({ header: headerOf(both), keys: [other] }).kind).toBe('valid');
    expect(check({ keys: [other] })).toEqual({ kind: 'invalid', reason: 'no-match' });
    expect(check({ keys: [other, key] }).kind).toBe('valid');
  });

  it('are good for five minutes before and after, and no longer', () => {
    const at = (offsetS: number) => check({ nowMs: (timestampS + offsetS) * 1000 });
    expect([-301, -300, 0, 300, 301].map((offsetS) => at(offsetS).kind)).toEqual([
      'invalid',
      'valid',
      'valid',
      'valid',
      'invalid',
    ]);
    expect([at(301), at(-301)]).toEqual([
      { kind: 'invalid', reason: 'too-old' },
      { kind: 'invalid', reason: 'too-new' },
    ]);
  });

  it('name what is wrong with headers that are missing or no number', () => {
    expect(check({ header: () => null })).toEqual({ kind: 'invalid', reason: 'missing-headers' });
    expect(check({ header: headerOf({ ...signed, 'webhook-timestamp': '1e9' }) })).toEqual({
      kind: 'invalid',
      reason: 'bad-timestamp',
    });
    expect(check({ header: headerOf({ ...signed, 'webhook-signature': 'v1, v2,abc v1a,xyz' }) }).kind).toBe('invalid');
  });

  it('refuse ids with a dot and secrets of a wrong form or length', () => {
    expect(() => signWebhook({ keys: [key], id: 'a.b', timestampS, body })).toThrow(RangeError);
    expect(() => signWebhook({ keys: [], id: 'a', timestampS, body })).toThrow(RangeError);
    const ofLength = (length: number) =>
      parseWebhookSecret(formatWebhookSecret(new Uint8Array(length)))?.length ?? null;
    expect([23, 24, 64, 65].map(ofLength)).toEqual([null, 24, 64, null]);
    expect(['', 'whsec_', 'AAEC', 'whsec_!!!!'].map(parseWebhookSecret)).toEqual([null, null, null, null]);
  });
});
