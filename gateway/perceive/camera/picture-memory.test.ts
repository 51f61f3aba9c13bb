import { describe, expect, it } from 'vitest';
import { createPictureMemory } from './picture-memory.ts';

describe('memory for decoded pictures', () => {
  it('is given out again to whoever wants the same size, never to two at once, and never more than agreed lies about', () => {
    const memory = createPictureMemory(1000);
    const [first, second] = [memory.take(300), memory.take(300)];
    expect(first).not.toBe(second);
    memory.give(first);
    expect(memory.take(200)).not.toBe(first);
    expect(memory.take(300)).toBe(first);
    const large = Array.from({ length: 5 }, () => memory.take(400));
    for (const bytes of large) memory.give(bytes);
    const again = Array.from({ length: 5 }, () => memory.take(400));
    expect(again.filter((bytes) => large.includes(bytes))).toHaveLength(2);
    expect(new Set(again).size).toBe(5);
  });
});
