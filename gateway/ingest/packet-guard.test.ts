import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPacketGuard } from './packet-guard.ts';
import { publishPacket } from './ingest-fixture.ts';

describe('the packet guard', () => {
  const stream = Buffer.concat(
    [0, 1, 90, 100, 120, 127, 128, 300].map((size, id) => publishPacket('t', 'x'.repeat(size), id + 1, 1, false)),
  );

  it('lets packets through however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (cuts) => {
        const guard = createPacketGuard(400);
        let at = 0;
        for (let turn = 0; at < stream.length; turn += 1) {
          const size = cuts[turn % cuts.length] ?? 1;
          expect(guard.judge(stream.subarray(at, at + size))).toBe('fine');
          at += size;
        }
      }),
    );
  });

  it('stops at the length of a packet that is too big, before its body', () => {
    const guard = createPacketGuard(200);
    const big = publishPacket('t', 'x'.repeat(300), 1, 1, false);
    expect(guard.judge(Buffer.concat([publishPacket('t', 'x', 1, 1, false), big.subarray(0, 1)]))).toBe('fine');
    expect(guard.judge(big.subarray(1, 3))).toBe('oversized');
  });

  it('lets a packet of exactly the limit through', () => {
    const packet = publishPacket('t', 'x'.repeat(195), 1, 1, false);
    expect(createPacketGuard(packet.length - 3).judge(packet)).toBe('fine');
    expect(createPacketGuard(packet.length - 4).judge(packet)).toBe('oversized');
  });

  it('calls a length of more than four bytes broken', () => {
    expect(createPacketGuard(1_000_000_000).judge(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]))).toBe('broken');
  });
});
