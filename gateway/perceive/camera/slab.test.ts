import { describe, expect, it } from 'vitest';
import { createSlab } from './slab.ts';

describe('memory for pictures', () => {
  it('is nobody else’s, comes in few pieces, and large pictures have a piece of their own', () => {
    const allocate = createSlab();
    const sizes = [1, 20_000, 200_000, 300_000, 600_000, 12_345, 262_144, 100];
    const given = Array.from({ length: 20 }, () => sizes.map((size) => ({ size, bytes: allocate(size) }))).flat();
    given.forEach(({ bytes }, index) => bytes.fill(index % 251));
    for (const [index, { size, bytes }] of given.entries()) {
      expect(bytes.length).toBe(size);
      expect(bytes.every((byte) => byte === index % 251)).toBe(true);
    }
    const own = given.filter(({ size }) => size > 262_144);
    expect(own.every(({ size, bytes }) => bytes.buffer.byteLength === size)).toBe(true);
    const pieces = new Set(given.filter(({ size }) => size <= 262_144).map(({ bytes }) => bytes.buffer));
    expect(pieces.size).toBeLessThan(25);
  });
});
