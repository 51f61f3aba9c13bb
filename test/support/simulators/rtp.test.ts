import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAnnexBSplitter, type AccessUnit } from './h264.ts';
import { createRtpSender, payloadsOf } from './rtp.ts';

const nal = (type: number, size: number): Buffer => {
  // Random bytes with no start code inside, ending in something other than zero.
  const body = randomBytes(size).map((byte) => (byte < 4 ? 77 : byte));
  return Buffer.concat([Buffer.from([0x60 | type]), body]);
};

/** Puts NAL units together again as RFC 6184 says. */
function depacketize(payloads: readonly Buffer[]): Buffer[] {
  const nals: Buffer[] = [];
  for (const payload of payloads) {
    const type = payload[0]! & 0x1f;
    if (type === 24) {
      for (let at = 1; at < payload.length;) {
        const size = payload.readUInt16BE(at);
        nals.push(payload.subarray(at + 2, at + 2 + size));
        at += 2 + size;
      }
    } else if (type === 28) {
      const head = payload[1]!;
      if (head & 0x80) nals.push(Buffer.from([(payload[0]! & 0xe0) | (head & 0x1f)]));
      nals[nals.length - 1] = Buffer.concat([nals[nals.length - 1]!, payload.subarray(2)]);
    } else {
      nals.push(payload);
    }
  }
  return nals;
}

describe('RTP', () => {
  it.each([1, 1399, 1400, 1401, 2797, 2798, 2799, 60_000])('carries a NAL unit of %i bytes unchanged', (size) => {
    const unit: AccessUnit = { nals: [nal(7, 20), nal(8, 4), nal(5, size)], key: true };
    const payloads = payloadsOf(unit);
    expect(Math.max(...payloads.map((payload) => payload.length))).toBeLessThanOrEqual(1400);
    expect(depacketize(payloads)).toEqual(unit.nals);
  });

  it('counts sequence numbers over their end and marks the last packet of a picture', () => {
    const sender = createRtpSender({ ssrc: 0xabcdfffe, baseTimestamp: 0xffffffff });
    const first = sender.packetize({ nals: [nal(1, 3000)], key: false }, 10_000);
    const second = sender.packetize({ nals: [nal(1, 10)], key: false }, 10_083);
    const packets = [...first, ...second];
    expect(packets.map((packet) => packet.readUInt16BE(2))).toEqual([0xfffe, 0xffff, 0, 1]);
    expect(packets.map((packet) => packet[1]! >> 7)).toEqual([0, 0, 1, 1]);
    expect(second[0]!.readUInt32BE(4)).toBe((0xffffffff + 83 * 90) % 2 ** 32);
  });

  it('reports the wall clock with the time stamp of the same moment', () => {
    const sender = createRtpSender({ ssrc: 1, baseTimestamp: 1000 });
    const atMs = Date.UTC(2026, 0, 2, 3, 4, 5, 500);
    sender.packetize({ nals: [nal(1, 10)], key: false }, atMs);
    const report = sender.senderReport(atMs + 1000);
    expect(report[1]).toBe(200);
    expect(report.readUInt32BE(8)).toBe(Math.floor((atMs + 1000) / 1000) + 2_208_988_800);
    expect(report.readUInt32BE(12)).toBe(2 ** 31);
    expect(report.readUInt32BE(16)).toBe(91_000);
    expect(report.length % 4).toBe(0);
  });
});

describe('Annex B', () => {
  it('cuts the same units whatever pieces the pipe delivers', () => {
    const units = [[nal(7, 20), nal(8, 4), nal(5, 500)], [nal(1, 90)], [nal(1, 1)]];
    const delimiter = Buffer.from([0, 0, 0, 1, 9, 0xf0]);
    const stream = Buffer.concat([
      ...units.flatMap((nals) => [delimiter, ...nals.flatMap((one) => [Buffer.from([0, 0, 0, 1]), one])]),
      delimiter,
    ]);
    for (let size = 1; size < 40; size += 1) {
      const seen: AccessUnit[] = [];
      const split = createAnnexBSplitter((unit) => seen.push(unit));
      for (let at = 0; at < stream.length; at += size) split(stream.subarray(at, at + size));
      expect(seen.map((unit) => unit.nals)).toEqual(units);
      expect(seen.map((unit) => unit.key)).toEqual([true, false, false]);
    }
  });
});
