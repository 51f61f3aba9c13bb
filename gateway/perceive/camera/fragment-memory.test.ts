import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFragmentMemory } from './fragment-memory.ts';

describe('memory for fragments', () => {
  it('is written again only when nobody holds it, whatever order it is let go in', () => {
    const step = fc.record({
      stream: fc.integer({ min: 0, max: 2 }),
      size: fc.integer({ min: 1, max: 300_000 }),
      letGo: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const memory = createFragmentMemory();
        const writers = [memory.writer(), memory.writer(), memory.writer()];
        const held: { bytes: Buffer; mark: number; release: () => void }[] = [];
        steps.forEach(({ stream, size, letGo }, index) => {
          const piece = writers[stream]!.take(size);
          expect(piece.bytes.length).toBe(size);
          piece.bytes.fill(index & 0xff);
          if (letGo % 3 > 0) {
            piece.memory?.hold();
            held.push({ bytes: piece.bytes, mark: index & 0xff, release: () => piece.memory?.release() });
          }
          if (held.length > 20) held.splice(letGo % held.length, 1)[0]!.release();
          for (const { bytes, mark } of held)
            expect([bytes[0], bytes[bytes.length >> 1], bytes.at(-1)]).toEqual([mark, mark, mark]);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('gives what streams that are over have left to the next ones, and not while it is held', () => {
    const memory = createFragmentMemory();
    const held: (() => void)[] = [];
    let mark = 0;
    const kept: { readonly bytes: Buffer; readonly mark: number }[] = [];
    for (let stream = 0; stream < 200; stream += 1) {
      const writer = memory.writer();
      const piece = writer.take(40_000);
      piece.bytes.fill((mark = (mark + 1) & 0xff));
      piece.memory?.hold();
      kept.push({ bytes: piece.bytes, mark });
      held.push(() => piece.memory?.release());
      writer.close();
      if (held.length > 3) {
        kept.shift();
        held.shift()?.();
      }
      for (const { bytes, mark: own } of kept) expect([bytes[0], bytes.at(-1)]).toEqual([own, own]);
    }
    expect(memory.report().slabs).toBeLessThanOrEqual(5);
    for (const release of held) release();
    expect(memory.report()).toEqual({ slabs: memory.report().slabs, ready: memory.report().slabs });
  });

  it('stays as large as what is held at once, however long a stream goes on', () => {
    const memory = createFragmentMemory();
    const { take } = memory.writer();
    const held: (() => void)[] = [];
    for (let count = 0; count < 5000; count += 1) {
      const { memory: hold } = take(15_000);
      hold?.hold();
      held.push(() => hold?.release());
      // 100 pictures, 1.5 MB.
      if (held.length > 100) held.shift()?.();
    }
    expect(memory.report().slabs).toBeLessThanOrEqual(5);
    for (const release of held.splice(0)) release();
    expect(memory.report()).toEqual({ slabs: memory.report().slabs, ready: memory.report().slabs - 1 });
  });
});
