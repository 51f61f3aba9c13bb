import { nalType, type AccessUnit } from './h264.ts';

/** Room for one RTP payload in an Ethernet frame, with space left for IPv6, UDP and tunnels. */
const maxPayload = 1400;
export const payloadType = 96;
export const clockRateHz = 90_000;
/** Seconds between the epochs of NTP (1900) and Unix (1970): RFC 5905. */
const ntpOffsetS = 2_208_988_800;

/** RTP payloads of one H.265 access unit (RFC 7798, 4.4): single NAL units, large ones as fragmentation units. */
function hevcPayloads(unit: AccessUnit): Buffer[] {
  return unit.nals.flatMap((nal) => {
    if (nal.length <= maxPayload) return [nal];
    const pieces: Buffer[] = [];
    // The NAL's two-byte header is put together anew from payload header (type 49) and FU header.
    for (let at = 2; at < nal.length; at += maxPayload - 3) {
      const end = Math.min(nal.length, at + maxPayload - 3);
      const flags = (at === 2 ? 0x80 : 0) | (end === nal.length ? 0x40 : 0);
      const head = Buffer.from([(nal[0]! & 0x81) | (49 << 1), nal[1]!, flags | ((nal[0]! >> 1) & 0x3f)]);
      pieces.push(Buffer.concat([head, nal.subarray(at, end)]));
    }
    return pieces;
  });
}

/** RTP payloads of one access unit (RFC 6184): single NAL units, parameter sets in a STAP-A, large ones as FU-A. */
export function payloadsOf(unit: AccessUnit): Buffer[] {
  if (unit.codec === 'hevc') return hevcPayloads(unit);
  const payloads: Buffer[] = [];
  const small = unit.nals.filter((nal) => nalType(nal) === 7 || nalType(nal) === 8);
  if (small.length > 1) {
    // STAP-A (RFC 6184, 5.7.1): header with the highest NRI, then 16-bit size and NAL, repeated.
    const parts: Buffer[] = [Buffer.from([(Math.max(...small.map((nal) => nal[0]! & 0x60)) & 0x60) | 24])];
    for (const nal of small) {
      const size = Buffer.alloc(2);
      size.writeUInt16BE(nal.length);
      parts.push(size, nal);
    }
    payloads.push(Buffer.concat(parts));
  }
  for (const nal of unit.nals) {
    if (small.length > 1 && small.includes(nal)) continue;
    if (nal.length <= maxPayload) {
      payloads.push(nal);
      continue;
    }
    // FU-A (RFC 6184, 5.8): the NAL's header is split into indicator and FU header.
    for (let at = 1; at < nal.length; at += maxPayload - 2) {
      const end = Math.min(nal.length, at + maxPayload - 2);
      const start = at === 1 ? 0x80 : 0;
      const last = end === nal.length ? 0x40 : 0;
      const head = Buffer.from([(nal[0]! & 0xe0) | 28, start | last | nalType(nal)]);
      payloads.push(Buffer.concat([head, nal.subarray(at, end)]));
    }
  }
  return payloads;
}

/** One direction of one client's RTP session: sequence numbers, time stamps and what a sender report says. */
export interface RtpSender {
  readonly ssrc: number;
  /** The packets of one access unit that was captured at `capturedAtMs`; the last one carries the marker. */
  packetize(unit: AccessUnit, capturedAtMs: number): Buffer[];
  /** RTCP sender report and source description (RFC 3550, 6.4.1 and 6.5). */
  senderReport(nowMs: number): Buffer;
  readonly nextSequence: number;
  timestampOf(capturedAtMs: number): number;
}

export function createRtpSender(options: { readonly ssrc: number; readonly baseTimestamp: number }): RtpSender {
  let sequence = options.ssrc & 0xffff;
  let packets = 0;
  let octets = 0;
  let firstMs: number | null = null;
  const timestampOf = (capturedAtMs: number): number => {
    firstMs ??= capturedAtMs;
    return (options.baseTimestamp + Math.round(((capturedAtMs - firstMs) * clockRateHz) / 1000)) >>> 0;
  };
  return {
    ssrc: options.ssrc,
    get nextSequence() {
      return sequence;
    },
    timestampOf,
    packetize: (unit, capturedAtMs) => {
      const timestamp = timestampOf(capturedAtMs);
      const payloads = payloadsOf(unit);
      return payloads.map((payload, index) => {
        const header = Buffer.alloc(12);
        header[0] = 0x80;
        header[1] = payloadType | (index === payloads.length - 1 ? 0x80 : 0);
        header.writeUInt16BE(sequence, 2);
        header.writeUInt32BE(timestamp, 4);
        header.writeUInt32BE(options.ssrc, 8);
        sequence = (sequence + 1) & 0xffff;
        packets = (packets + 1) >>> 0;
        octets = (octets + payload.length) >>> 0;
        return Buffer.concat([header, payload]);
      });
    },
    senderReport: (nowMs) => {
      const name = Buffer.from('gate-camera', 'ascii');
      const report = Buffer.alloc(28);
      report[0] = 0x80;
      report[1] = 200;
      report.writeUInt16BE(6, 2);
      report.writeUInt32BE(options.ssrc, 4);
      report.writeUInt32BE((Math.floor(nowMs / 1000) + ntpOffsetS) >>> 0, 8);
      report.writeUInt32BE(Math.floor(((nowMs % 1000) / 1000) * 2 ** 32) >>> 0, 12);
      report.writeUInt32BE(timestampOf(nowMs), 16);
      report.writeUInt32BE(packets, 20);
      report.writeUInt32BE(octets, 24);
      // SDES: one chunk with CNAME, ended by a null and padded to 32 bits.
      const chunk = Buffer.alloc(Math.ceil((4 + 2 + name.length + 1) / 4) * 4);
      chunk.writeUInt32BE(options.ssrc, 0);
      chunk[4] = 1;
      chunk[5] = name.length;
      name.copy(chunk, 6);
      const description = Buffer.alloc(4);
      description[0] = 0x81;
      description[1] = 202;
      description.writeUInt16BE(chunk.length / 4, 2);
      return Buffer.concat([report, description, chunk]);
    },
  };
}
