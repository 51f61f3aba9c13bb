/** One RTP packet without its head: RFC 3550 section 5.1. */
export interface RtpPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker: boolean;
  /** Its payload is `bytes[from, to)`, without a view of its own: there are 300 packets a second. */
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Memory for a packet that is done with before the next is read: 300 new ones a second are garbage to be collected. */
export type LentPacket = { -readonly [Key in keyof RtpPacket]: RtpPacket[Key] };

export const lentPacket = (): LentPacket => ({
  ...{ sequence: 0, timestamp: 0, ssrc: 0, marker: false },
  ...{ bytes: Buffer.alloc(0), from: 0, to: 0 },
});

/**
 * Reads the packet `bytes[at, end)`, into `into` where that is given; null for what is no RTP of that payload type: noise,
 * RTCP, another track.
 */
export function readRtp(
  bytes: Buffer,
  at: number,
  end: number,
  payloadType: number,
  into: LentPacket = lentPacket(),
): RtpPacket | null {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  if (end - at < 13 || first >> 6 !== 2 || (second & 0x7f) !== payloadType) return null;
  let from = at + 12 + (first & 0x0f) * 4;
  let to = end;
  if (first & 0x10) {
    if (end < from + 4) return null;
    from += 4 + bytes.readUInt16BE(from + 2) * 4;
  }
  if (first & 0x20) to -= bytes[end - 1] ?? 0;
  if (to <= from) return null;
  into.sequence = bytes.readUInt16BE(at + 2);
  into.timestamp = bytes.readUInt32BE(at + 4);
  into.ssrc = bytes.readUInt32BE(at + 8);
  into.marker = second >= 0x80;
  into.bytes = bytes;
  into.from = from;
  into.to = to;
  return into;
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
