/** One RTP packet without its head: RFC 3550 section 5.1. */
export interface RtpPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker: boolean;
  readonly payload: Buffer;
}

/** Reads a packet; null for what is no RTP of that payload type: noise, RTCP, another track. */
export function readRtp(bytes: Buffer, payloadType: number): RtpPacket | null {
  if (bytes.length < 13 || (bytes[0] ?? 0) >> 6 !== 2) return null;
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  if ((second & 0x7f) !== payloadType) return null;
  let start = 12 + (first & 0x0f) * 4;
  let end = bytes.length;
  if (first & 0x10) {
    if (bytes.length < start + 4) return null;
    start += 4 + bytes.readUInt16BE(start + 2) * 4;
  }
  if (first & 0x20) end -= bytes[bytes.length - 1] ?? 0;
  if (end <= start) return null;
  return {
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    marker: second >= 0x80,
    payload: bytes.subarray(start, end),
  };
}

/** How far `a` lies after `b` on a ring of `modulus` numbers: negative when it lies before. */
export function ringDistance(a: number, b: number, modulus: number): number {
  const forward = (((a - b) % modulus) + modulus) % modulus;
  return forward >= modulus / 2 ? forward - modulus : forward;
}

/** Packets kept for one that is missing: 32 are 40 kB, and 30 ms at 8 Mbit/s. */
const mostWaiting = 32;

/**
 * Puts UDP's packets back in order: holds what comes too early until the missing one is there or `mostWaiting` others
 * have come. What comes too late, or twice, is dropped. The receiver sees what is still missing by the gap.
 */
export function createReorder(deliver: (packet: RtpPacket) => void): (packet: RtpPacket) => void {
  let next: number | null = null;
  let source: number | null = null;
  let waiting: RtpPacket[] = [];
  const drain = (): void => {
    for (let first = waiting[0]; first && first.sequence === next; first = waiting[0]) {
      waiting.shift();
      next = (first.sequence + 1) & 0xffff;
      deliver(first);
    }
  };
  return (packet) => {
    if (source !== packet.ssrc) {
      source = packet.ssrc;
      next = packet.sequence;
      waiting = [];
    }
    const ahead = ringDistance(packet.sequence, next ?? packet.sequence, 0x10000);
    if (ahead < 0) {
      // Far behind: the camera counts from anew.
      if (ahead > -1000) return;
      next = packet.sequence;
      waiting = [];
    }
    if (waiting.some(({ sequence }) => sequence === packet.sequence)) return;
    waiting.push(packet);
    waiting.sort((a, b) => ringDistance(a.sequence, b.sequence, 0x10000));
    drain();
    if (waiting.length > mostWaiting) {
      next = waiting[0]?.sequence ?? next;
      drain();
    }
  };
}
