/**
 * Web Push: a message for one browser, sealed so that the push service in between cannot read it (RFC 8291, with the coding
 * of RFC 8188), and signed so that it knows who sends it (VAPID, RFC 8292).
 */
import {
  createCipheriv,
  createECDH,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import type { Random } from './random.ts';

/** What a browser hands out (`PushSubscription.toJSON()`). */
export interface PushSubscriptionKeys {
  readonly endpoint: string;
  /** The browser's P-256 public key, 65 bytes in base64url. */
  readonly p256dh: string;
  /** 16 bytes in base64url. */
  readonly auth: string;
}

export interface VapidKeys {
  /** 65 bytes, uncompressed, in base64url: `applicationServerKey` of the page. */
  readonly publicKey: string;
  /** PKCS #8, PEM. */
  readonly privateKey: string;
}

export function newVapidKeys(): VapidKeys {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return {
    publicKey: point.toString('base64url'),
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}

/** RFC 8292 section 2: at most 24 h. */
const tokenLifeS = 12 * 3600;

/** The `authorization` header for one push service (RFC 8292 section 3). `contact`: mailto: or https: */
export function vapidHeader(keys: VapidKeys, endpoint: string, contact: string, nowMs: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { aud: new URL(endpoint).origin, exp: Math.floor(nowMs / 1000) + tokenLifeS, sub: contact };
  const signed = `${part({ typ: 'JWT', alg: 'ES256' })}.${part(claims)}`;
  const key: KeyObject = createPrivateKey(keys.privateKey);
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `vapid t=${signed}.${signature.toString('base64url')}, k=${keys.publicKey}`;
}

const recordBytes = 4096;
/** One record only (RFC 8291 section 4): 4 096 less header 86, tag 16, delimiter 1. */
export const maxPushBytes = 3993;

/**
 * The body for `content-encoding: aes128gcm`. Throws RangeError for a message that is too long, or for keys that are none.
 */
export function sealPush(
  message: Uint8Array,
  to: Pick<PushSubscriptionKeys, 'p256dh' | 'auth'>,
  random: Pick<Random, 'bytes'>,
): Buffer {
  if (message.length > maxPushBytes) throw new RangeError(`a push has at most ${maxPushBytes} bytes`);
  const receiver = Buffer.from(to.p256dh, 'base64url');
  const auth = Buffer.from(to.auth, 'base64url');
  if (!isPublicKey(receiver) || auth.length !== 16) throw new RangeError('no keys of a push subscription');
  const sender = createECDH('prime256v1');
  const senderKey = sender.generateKeys();
  return sealPushWith(message, receiver, auth, {
    ...{ senderKey, shared: sender.computeSecret(receiver), salt: random.bytes(16) },
  });
}

/** The same with everything given that is chosen at random: what RFC 8291's example is compared with. */
export function sealPushWith(
  message: Uint8Array,
  receiver: Uint8Array,
  auth: Uint8Array,
  { senderKey, shared, salt }: { senderKey: Uint8Array; shared: Uint8Array; salt: Uint8Array },
): Buffer {
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), receiver, senderKey]);
  const material = Buffer.from(hkdfSync('sha256', shared, auth, info, 32));
  const key = Buffer.from(hkdfSync('sha256', material, salt, 'Content-Encoding: aes128gcm\0', 16));
  const nonce = Buffer.from(hkdfSync('sha256', material, salt, 'Content-Encoding: nonce\0', 12));
  const header = Buffer.alloc(21);
  header.set(salt);
  header.writeUInt32BE(recordBytes, 16);
  header.writeUInt8(senderKey.length, 20);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  // 2: the last record (RFC 8188 section 2).
  const sealed = Buffer.concat([cipher.update(message), cipher.update(Buffer.from([2])), cipher.final()]);
  return Buffer.concat([header, senderKey, sealed, cipher.getAuthTag()]);
}

function isPublicKey(bytes: Buffer): boolean {
  if (bytes.length !== 65 || bytes[0] !== 4) return false;
  try {
    const [x, y] = [bytes.subarray(1, 33).toString('base64url'), bytes.subarray(33).toString('base64url')];
    createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}
