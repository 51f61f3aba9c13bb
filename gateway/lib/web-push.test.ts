import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { systemRandom } from './random.ts';
import { maxPushBytes, newVapidKeys, sealPush, sealPushWith, vapidHeader } from './web-push.ts';

/** The reference implementation of the coding, by the authors of the standard. */
const ece = createRequire(import.meta.url)('http_ece') as {
  decrypt(body: Buffer, options: { version: 'aes128gcm'; privateKey: unknown; authSecret: string }): Buffer;
};
const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');

describe('a push', () => {
  it('is sealed as the example of RFC 8291, appendix A', () => {
    const receiver = bytes('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4');
    const sender = createECDH('prime256v1');
    sender.setPrivateKey(bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'));
    const sealed = sealPushWith(
      Buffer.from('When I grow up, I want to be a watermelon'),
      receiver,
      bytes('BTBZMqHH6r4Tts7J_aSIgg'),
      {
        senderKey: sender.getPublicKey(),
        shared: sender.computeSecret(receiver),
        salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
      },
    );
    expect(sealed.toString('base64url')).toBe(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    );
  });

  it('is opened by the reference implementation, at any length that fits', () => {
    const browser = createECDH('prime256v1');
    const p256dh = browser.generateKeys().toString('base64url');
    const auth = randomBytes(16).toString('base64url');
    for (const length of [0, 1, 200, maxPushBytes]) {
      const message = randomBytes(length);
      const sealed = sealPush(message, { p256dh, auth }, systemRandom);
      expect(sealed.length).toBeLessThanOrEqual(4096);
      const opened = ece.decrypt(sealed, { version: 'aes128gcm', privateKey: browser, authSecret: auth });
      expect(opened.equals(message)).toBe(true);
    }
    expect(() => sealPush(randomBytes(maxPushBytes + 1), { p256dh, auth }, systemRandom)).toThrow(RangeError);
    expect(() => sealPush(randomBytes(1), { p256dh: 'AAAA', auth }, systemRandom)).toThrow(RangeError);
    expect(() => sealPush(randomBytes(1), { p256dh, auth: 'AAAA' }, systemRandom)).toThrow(RangeError);
  });

  it('names its sender in a token for that service alone', () => {
    const keys = newVapidKeys();
    const header = vapidHeader(keys, 'https://push.example/send/abc', 'mailto:a@b', Date.UTC(2026, 10, 22));
    const [, head, claims, signature, key] = /^vapid t=([^.]+)\.([^.]+)\.([^,]+), k=(.+)$/.exec(header)!;
    expect(key).toBe(keys.publicKey);
    expect(JSON.parse(bytes(head!).toString())).toEqual({ typ: 'JWT', alg: 'ES256' });
    expect(JSON.parse(bytes(claims!).toString())).toEqual({
      aud: 'https://push.example',
      exp: Date.UTC(2026, 10, 22) / 1000 + 43_200,
      sub: 'mailto:a@b',
    });
    const point = bytes(key!);
    const publicKey = createPublicKey({
      key: {
        ...{ kty: 'EC', crv: 'P-256' },
        x: point.subarray(1, 33).toString('base64url'),
        y: point.subarray(33).toString('base64url'),
      },
      format: 'jwk',
    });
    const how = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', Buffer.from(`${head}.${claims}`), how, bytes(signature!))).toBe(true);
  });
});
