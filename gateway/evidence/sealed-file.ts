import { createCipheriv, createDecipheriv } from 'node:crypto';
import { GatewayError } from '../lib/errors.ts';

/*
 * A sealed file is
 *   "KME1" | key id, 4 bytes | nonce prefix, 7 bytes | chunk … chunk
 * and each chunk is AES-256-GCM over at most 64 KiB, its 16-byte tag behind it. The nonce of chunk i is the prefix,
 * i as u32 BE, and one byte that is 1 for the last chunk (the STREAM construction of Hoang, Reyhanitabar, Rogaway and
 * Vizár, 2015): chunks cannot be reordered, dropped, or the file cut short, without a tag failing. Chunks let a clip be
 * read from the middle without holding it whole.
 */
const magic = Buffer.from('KME1');
const chunkBytes = 64 * 1024;
const tagBytes = 16;
const prefixBytes = 7;
const headerBytes = magic.length + 4 + prefixBytes;

export interface EvidenceKey {
  /** Tells keys apart after a rotation; the first 4 bytes of the key's SHA-256. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

function nonceOf(prefix: Uint8Array, index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.set(prefix, 0);
  nonce.writeUInt32BE(index, prefixBytes);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** Encrypts `plain` under `key`; `prefix` is 7 random bytes, never used twice with one key. */
export function seal(plain: Uint8Array, key: EvidenceKey, prefix: Uint8Array): Buffer {
  const parts: Buffer[] = [magic, Buffer.from(key.id), Buffer.from(prefix)];
  const chunks = Math.max(1, Math.ceil(plain.length / chunkBytes));
  for (let index = 0; index < chunks; index += 1) {
    const cipher = createCipheriv('aes-256-gcm', key.key, nonceOf(prefix, index, index === chunks - 1));
    const piece = plain.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    parts.push(cipher.update(piece), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(parts);
}

/** Decrypts a sealed file. Throws `evidence.damaged` if a byte is altered, a piece is missing or the key is another. */
export function unseal(sealed: Uint8Array, keys: readonly EvidenceKey[]): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
  if (bytes.length < headerBytes + tagBytes || !bytes.subarray(0, 4).equals(magic)) {
    throw new GatewayError('evidence.damaged', 'not a sealed evidence file, or cut short', {
      facts: { sizeBytes: bytes.length },
    });
  }
  const keyId = bytes.subarray(4, 8);
  const key = keys.find((candidate) => keyId.equals(candidate.id));
  if (!key)
    throw new GatewayError('evidence.damaged', 'sealed under a key that is not here', {
      facts: { keyId: keyId.toString('hex') },
    });
  const prefix = bytes.subarray(8, headerBytes);
  const body = bytes.subarray(headerBytes);
  const stride = chunkBytes + tagBytes;
  const chunks = Math.max(1, Math.ceil(body.length / stride));
  const parts: Buffer[] = [];
  for (let index = 0; index < chunks; index += 1) {
    const piece = body.subarray(index * stride, (index + 1) * stride);
    if (piece.length < tagBytes)
      throw new GatewayError('evidence.damaged', 'cut short inside a chunk', { facts: { chunk: index } });
    const decipher = createDecipheriv('aes-256-gcm', key.key, nonceOf(prefix, index, index === chunks - 1));
    decipher.setAuthTag(piece.subarray(piece.length - tagBytes));
    try {
      parts.push(decipher.update(piece.subarray(0, piece.length - tagBytes)), decipher.final());
    } catch (cause) {
      throw new GatewayError('evidence.damaged', 'altered or cut short', { facts: { chunk: index }, cause });
    }
  }
  return Buffer.concat(parts);
}

export const noncePrefixBytes = prefixBytes;
