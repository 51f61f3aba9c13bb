import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { GatewayError } from '../errors.ts';

/*
 * A sealed file is
 *   "KME2" | key id, 4 bytes | salt, 16 bytes | length of what is sealed, u64 BE | chunk … chunk
 * and each chunk is AES-256-GCM (NIST SP 800-38D) over 64 KiB, the last over what is left, its 16-byte tag behind it.
 *
 * - Each file has a key of its own, HKDF-SHA256 (RFC 5869) of the gateway's key and the salt, so that nonces need only
 *   differ within one file.
 * - The nonce of chunk i is 7 zero bytes, i as u32 BE, and one byte that is 1 for the last chunk (the STREAM construction
 *   of Hoang, Reyhanitabar, Rogaway and Vizár, 2015): chunks cannot be reordered, dropped or doubled.
 * - The whole header and the file's name are authenticated with every chunk: a file cut short, made longer, or put in
 *   another's place is noticed by whoever reads a single chunk of it, so a clip can be read from the middle.
 */
const magic = Buffer.from('KME2');
const keyIdBytes = 4;
export const saltBytes = 16;
export const chunkBytes = 64 * 1024;
const tagBytes = 16;
const lengthAt = magic.length + keyIdBytes + saltBytes;
export const headerBytes = lengthAt + 8;
const stride = chunkBytes + tagBytes;

export interface EvidenceKey {
  /** Tells keys apart after a rotation; the first 4 bytes of the key's SHA-256. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const chunksOf = (plainBytes: number): number => Math.max(1, Math.ceil(plainBytes / chunkBytes));
/** How long the sealed file of so many bytes is. */
export const sealedSizeBytes = (plainBytes: number): number =>
  headerBytes + plainBytes + chunksOf(plainBytes) * tagBytes;

function fileKeyOf(key: EvidenceKey, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key.key, salt, 'kanmen evidence file', 32));
}

function nonceOf(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/**
 * The sealed file in pieces, header first, so that a long clip need not be held twice. `salt` is 16 random bytes, never
 * used twice with one key; `name` is what the file stands for and must be given again to open it.
 */
export function* sealPieces(
  plain: Uint8Array,
  key: EvidenceKey,
  { salt, name }: { readonly salt: Uint8Array; readonly name: string },
): Generator<Buffer> {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.set(key.id, magic.length);
  header.set(salt, magic.length + keyIdBytes);
  header.writeBigUInt64BE(BigInt(plain.length), lengthAt);
  yield header;
  const fileKey = fileKeyOf(key, salt);
  const authenticated = Buffer.concat([header, Buffer.from(name)]);
  const chunks = chunksOf(plain.length);
  for (let index = 0; index < chunks; index += 1) {
    const cipher = createCipheriv('aes-256-gcm', fileKey, nonceOf(index, index === chunks - 1));
    cipher.setAAD(authenticated);
    const piece = cipher.update(plain.subarray(index * chunkBytes, (index + 1) * chunkBytes));
    cipher.final();
    yield Buffer.concat([piece, cipher.getAuthTag()]);
  }
}

export function seal(plain: Uint8Array, key: EvidenceKey, how: Parameters<typeof sealPieces>[2]): Buffer {
  return Buffer.concat([...sealPieces(plain, key, how)]);
}

/** How to read the chunks of one sealed file. */
export interface SealedLayout {
  /** Length of what is sealed. */
  readonly sizeBytes: number;
  readonly chunks: number;
  /** Where chunk `index` stands in the file, its tag included. */
  chunkAt(index: number): { readonly offset: number; readonly sizeBytes: number };
  /** What chunk `index` holds. Throws `evidence.damaged`. */
  openChunk(index: number, sealed: Uint8Array): Buffer;
}

/** The key id of a sealed file's first bytes, in hex; null if they are none of a sealed file. */
export function keyIdOf(header: Uint8Array): string | null {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.length);
  if (bytes.length < magic.length + keyIdBytes || !bytes.subarray(0, magic.length).equals(magic)) return null;
  return bytes.subarray(magic.length, magic.length + keyIdBytes).toString('hex');
}

/**
 * Reads a header. Throws `evidence.wrong-key` if the key it names is not among `keys`, `evidence.damaged` if it is no
 * header or `fileBytes` is not the length that it tells.
 */
export function layoutOf(
  given: Uint8Array,
  fileBytes: number,
  keys: readonly EvidenceKey[],
  name: string,
): SealedLayout {
  const header = Buffer.from(given.buffer, given.byteOffset, Math.min(given.length, headerBytes));
  const keyId = keyIdOf(header);
  if (keyId === null || header.length < headerBytes) {
    throw new GatewayError('evidence.damaged', 'not a sealed evidence file, or cut short', { facts: { fileBytes } });
  }
  const key = keys.find((candidate) => Buffer.from(candidate.id).toString('hex') === keyId);
  if (!key) {
    throw new GatewayError('evidence.wrong-key', `sealed under the key ${keyId}, which is not here`, {
      facts: { keyId },
    });
  }
  const told = header.readBigUInt64BE(lengthAt);
  if (told > BigInt(fileBytes) || sealedSizeBytes(Number(told)) !== fileBytes) {
    throw new GatewayError('evidence.damaged', 'the file is not as long as it was when it was sealed', {
      facts: { fileBytes },
    });
  }
  const sizeBytes = Number(told);
  const chunks = chunksOf(sizeBytes);
  const fileKey = fileKeyOf(key, header.subarray(magic.length + keyIdBytes, lengthAt));
  const authenticated = Buffer.concat([header, Buffer.from(name)]);
  return {
    sizeBytes,
    chunks,
    chunkAt: (index) => ({
      offset: headerBytes + index * stride,
      sizeBytes: Math.min(stride, fileBytes - headerBytes - index * stride),
    }),
    openChunk: (index, sealed) => {
      const body = sealed.subarray(0, sealed.length - tagBytes);
      const decipher = createDecipheriv('aes-256-gcm', fileKey, nonceOf(index, index === chunks - 1));
      decipher.setAAD(authenticated);
      try {
        decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
        const plain = decipher.update(body);
        decipher.final();
        return plain;
      } catch (cause) {
        throw new GatewayError('evidence.damaged', 'altered, cut short or another file', {
          facts: { chunk: index },
          cause,
        });
      }
    },
  };
}

/** Opens a whole sealed file. Throws `evidence.damaged` and `evidence.wrong-key`. */
export function unseal(sealed: Uint8Array, keys: readonly EvidenceKey[], name: string): Buffer {
  const layout = layoutOf(sealed, sealed.length, keys, name);
  const parts: Buffer[] = [];
  for (let index = 0; index < layout.chunks; index += 1) {
    const { offset, sizeBytes } = layout.chunkAt(index);
    parts.push(layout.openChunk(index, sealed.subarray(offset, offset + sizeBytes)));
  }
  return Buffer.concat(parts);
}
