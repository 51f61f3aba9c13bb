import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGatewayError } from '../errors.ts';
import { headerBytes, seal, sealedSizeBytes, unseal, type EvidenceKey } from './sealed-file.ts';

const keyOf = (fill: number): EvidenceKey => {
  const key = Buffer.alloc(32, fill);
  return { key, id: createHash('sha256').update(key).digest().subarray(0, 4) };
};
const key = keyOf(1);
const how = () => ({ salt: randomBytes(16), name: 'e-1' });
const codeThrown = (work: () => unknown): string | null => {
  try {
    work();
    return null;
  } catch (error) {
    return isGatewayError(error) ? error.code : String(error);
  }
};

describe('sealed files', () => {
  it('opens what it sealed, for every size around a chunk, and is as long as it says', () => {
    for (const size of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
      const plain = randomBytes(size);
      const sealed = seal(plain, key, how());
      expect(sealed.length).toBe(sealedSizeBytes(size));
      expect(unseal(sealed, [key], 'e-1').equals(plain)).toBe(true);
    }
  });

  it('refuses every truncation and every flipped bit of a small file', () => {
    const sealed = seal(Buffer.from('evidence'), key, how());
    for (let length = 0; length < sealed.length; length += 1)
      expect(codeThrown(() => unseal(sealed.subarray(0, length), [key], 'e-1'))).toBe('evidence.damaged');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      // A bit of the key's id names a key that is not there.
      const expected = bit >= 32 && bit < 64 ? 'evidence.wrong-key' : 'evidence.damaged';
      expect(
        codeThrown(() => unseal(altered, [key], 'e-1')),
        `bit ${bit}`,
      ).toBe(expected);
    }
  });

  it('refuses a large file with any byte altered, any piece cut out, doubled or put elsewhere', () => {
    const plain = randomBytes(3 * 65_536 + 1000);
    const sealed = seal(plain, key, how());
    const at = fc.integer({ min: 0, max: sealed.length - 1 });
    const piece = fc.tuple(at, at).map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([where, by]) => {
            const altered = Buffer.from(sealed);
            altered[where]! ^= by;
            return altered;
          }),
          piece.map(([a, b]) => Buffer.concat([sealed.subarray(0, a), sealed.subarray(b)])),
          piece.map(([a, b]) => Buffer.concat([sealed.subarray(0, b), sealed.subarray(a)])),
          fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })).map(([a, b]) => {
            const altered = Buffer.from(sealed);
            const stride = 65_536 + 16;
            sealed.copy(altered, headerBytes + a * stride, headerBytes + b * stride, headerBytes + (b + 1) * stride);
            return altered;
          }),
        ),
        (altered) => {
          if (altered.equals(sealed)) return;
          expect(codeThrown(() => unseal(altered, [key], 'e-1'))).toMatch(/^evidence\.(damaged|wrong-key)$/);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses a whole file under the name of another', () => {
    expect(codeThrown(() => unseal(seal(randomBytes(10), key, how()), [key], 'e-2'))).toBe('evidence.damaged');
  });

  it('opens old files after the key was rotated and names the key that is missing without it', () => {
    const sealed = seal(Buffer.from('x'), key, how());
    expect(unseal(sealed, [keyOf(2), key], 'e-1').toString()).toBe('x');
    expect(() => unseal(sealed, [keyOf(2)], 'e-1')).toThrow(Buffer.from(key.id).toString('hex'));
    expect(codeThrown(() => unseal(sealed, [keyOf(2)], 'e-1'))).toBe('evidence.wrong-key');
  });

  it('never gives two files the same ciphertext', () => {
    const plain = Buffer.alloc(1000, 7);
    expect(
      seal(plain, key, how())
        .subarray(headerBytes)
        .equals(seal(plain, key, how()).subarray(headerBytes)),
    ).toBe(false);
  });
});
