/**
 * How a gateway and a desk come to share a key without anybody copying it: a code that a person carries, and a
 * Diffie-Hellman exchange (X25519, RFC 7748) in which each proves that it knows the code.
 *
 *   code       16 characters (Crockford's base 32): 4 name the invitation, 12 are the secret (60 bits)
 *   stretched  scrypt of the secret, salt = the invitation: what a listener would have to try codes through
 *   gateway →  invitation, its public key, HMAC(stretched, "gateway" …)
 *   desk →     gateway's id and name, its public key, HMAC(stretched, "desk" …, both public keys)
 *   key        HKDF-SHA256 (RFC 5869) of the shared point, salt = stretched, info = gateway's id and both public keys
 *
 * The code never crosses the wire, and neither does the key; who sits in between without the code can forge neither proof.
 * A later change of keys is the same exchange, signed with the key in use, which takes the place of `stretched`.
 */
import {
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  scrypt,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import type { Random } from './random.ts';

const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const inviteLength = 4;
const codeLength = 16;
/** 32 MB and about 60 ms: 2^60 codes at that price are out of reach. */
const cost = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

export interface PairingCode {
  /** Names the invitation; no secret. */
  readonly invite: string;
  readonly secret: string;
  /** `ABCD-EFGH-JKMN-PQRS` */
  readonly text: string;
}

const codeOf = (characters: string): PairingCode => ({
  invite: characters.slice(0, inviteLength),
  secret: characters.slice(inviteLength),
  text: characters.match(/.{4}/g)?.join('-') ?? characters,
});

export const newPairingCode = (random: Pick<Random, 'bytes'>): PairingCode =>
  codeOf([...random.bytes(codeLength)].map((byte) => letters[byte % 32] ?? '').join(''));

/** A code as a person types it: any case, any separators, O for 0, I and L for 1. Null if it is none. */
export function parsePairingCode(typed: string): PairingCode | null {
  const characters = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  const right =
    characters.length === codeLength && Array.from(characters).every((character) => letters.includes(character));
  return right ? codeOf(characters) : null;
}

/** `CODE@https://desk…`, as the invitation's QR code has it. Null if it is none. */
export function parsePairingLink(text: string): { readonly code: PairingCode; readonly desk: URL } | null {
  const at = text.indexOf('@');
  const code = at === -1 ? null : parsePairingCode(text.slice(0, at));
  const address = text.slice(at + 1).trim();
  if (!code || !URL.canParse(address)) return null;
  const desk = new URL(address);
  return /^https?:$/.test(desk.protocol) && desk.username === '' ? { code, desk } : null;
}

export const pairingLink = (code: PairingCode, deskUrl: string): string => `${code.text}@${deskUrl}`;

/** What both sides prove that they know. */
export const stretchPairingCode = (code: PairingCode): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    scrypt(code.secret, `kanmen pair ${code.invite}`, 32, cost, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    );
  });

export interface KeyExchange {
  /** base64url */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

export function newKeyExchange(): KeyExchange {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: publicKey.export({ format: 'jwk' }).x ?? '', privateKey };
}

/** HMAC over everything that the other side must not be told differently, in base64url. */
export const pairingProof = (known: Uint8Array, side: 'gateway' | 'desk', told: readonly string[]): string =>
  createHmac('sha256', known)
    .update(JSON.stringify([side, ...told]))
    .digest('base64url');

export function isPairingProof(
  given: string,
  known: Uint8Array,
  side: 'gateway' | 'desk',
  told: readonly string[],
): boolean {
  const a = Buffer.from(given, 'base64url');
  const b = Buffer.from(pairingProof(known, side, told), 'base64url');
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The 32 bytes that both come to; null if the other's public key is none. `known`: the stretched code, or the key in use;
 * `told`: the gateway's id and both public keys, the gateway's first.
 */
export function agreedKey(
  own: KeyExchange,
  otherPublicKey: string,
  known: Uint8Array,
  told: readonly string[],
): Uint8Array | null {
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: otherPublicKey }, format: 'jwk' });
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey });
    return new Uint8Array(hkdfSync('sha256', shared, known, JSON.stringify(['kanmen desk key', ...told]), 32));
  } catch {
    // Not 32 bytes, or one of the few points that give nothing away but zeros.
    return null;
  }
}
