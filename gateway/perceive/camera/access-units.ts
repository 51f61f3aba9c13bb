import { createBitReader } from './bits.ts';
import { nalKind, type Codec } from './nal-units.ts';
import { ringDistance, type RtpPacket } from './rtp-packets.ts';
import { unsharedMemory } from './work-memory.ts';

/** One coded picture as the camera sent it. Its slices are lent until `onUnit` returns, its parameter sets are not. */
export interface AccessUnit {
  /** Slices and what goes with them; parameter sets and delimiters are taken out. */
  readonly nals: readonly Uint8Array[];
  readonly key: boolean;
  /** Parameter sets that came with it or just before it. */
  readonly vps: Uint8Array | null;
  readonly sps: Uint8Array | null;
  readonly pps: readonly Uint8Array[];
  /** Time stamp of 90 kHz, 32 bit, as sent. */
  readonly timestamp: number;
  readonly ssrc: number;
}

export interface AccessUnitCounts {
  /** Packets that never came, by the gaps in their numbers. */
  lost: number;
  /** Pictures let go because a part of them, or of those before them back to the key frame, was missing. */
  incomplete: number;
}

/** A picture longer than this is a stream that has gone mad: a 4K key frame has 1.5 MB. */
const mostBytes = 8_000_000;

/**
 * Joins RTP payloads to pictures: RFC 6184 (H.264: single, STAP-A, FU-A) and RFC 7798 (H.265: single, AP, FU).
 * A picture of which anything is missing is let go, and all after it until the next key frame: it would decode to garbage.
 * What packets carry is copied at once, into memory that the next picture uses again.
 */
export function createAccessUnitReader(codec: Codec, onUnit: (unit: AccessUnit) => void, work = unsharedMemory) {
  const counts: AccessUnitCounts = { lost: 0, incomplete: 0 };
  let expected: number | null = null;
  let source: number | null = null;
  let timestamp = 0;
  let nals: Buffer[] = [];
  let memory = work.take();
  let used = 0;
  /** Where the NAL unit begins whose pieces are coming; null between two. */
  let openFrom: number | null = null;
  let broken = false;
  let waitsForKey = true;
  let sets: { vps: Uint8Array | null; sps: Uint8Array | null; pps: Uint8Array[] } = { vps: null, sps: null, pps: [] };
  /** Some cameras mark every slice as the last: then only the next time stamp ends a picture. */
  let markersLie = false;
  let finishedAt: number | null = null;

  const makeRoom = (sizeBytes: number): void => {
    if (used + sizeBytes <= memory.length) return;
    // What was given out of the old memory stays good: nobody writes there any more.
    const larger = Buffer.allocUnsafeSlow(Math.max(memory.length * 2, used + sizeBytes));
    larger.set(memory.subarray(0, used));
    memory = larger;
  };
  const keep = (bytes: Buffer, from: number, to: number): void => {
    makeRoom(to - from);
    used += bytes.copy(memory, used, from, to);
  };
  const keepByte = (byte: number): void => {
    makeRoom(1);
    memory[used] = byte;
    used += 1;
  };

  /** Takes the NAL unit that lies in memory from there on. */
  const addKept = (from: number): void => {
    const nal = memory.subarray(from, used);
    if (nal.length === 0) return;
    const kind = nalKind(codec, nal);
    if (kind === 'sps') sets = { ...sets, sps: Buffer.from(nal), pps: [] };
    else if (kind === 'pps') sets.pps.push(Buffer.from(nal));
    else if (kind === 'vps') sets.vps = Buffer.from(nal);
    else if (kind !== 'useless') {
      if (finishedAt === timestamp && nals.length === 0 && kind !== 'other') markersLie = true;
      nals.push(nal);
    }
  };
  const addNal = (bytes: Buffer, from: number, to: number): void => {
    // Within a unit that comes in pieces there is no place for another: what still comes of that one makes the picture broken.
    openFrom = null;
    const begin = used;
    keep(bytes, from, to);
    addKept(begin);
  };

  const clear = (): void => {
    nals = [];
    openFrom = null;
    used = 0;
  };

  const finish = (): void => {
    const slices = nals.filter((nal) => nalKind(codec, nal) !== 'other');
    if (slices.length > 0) {
      const key =
        slices.some((nal) => nalKind(codec, nal) === 'key-slice') ||
        (codec === 'h264' && sets.sps !== null && slices.every(isIntraSlice));
      if (broken) {
        waitsForKey = true;
        counts.incomplete += 1;
      } else if (waitsForKey && !key) counts.incomplete += 1;
      else {
        waitsForKey = false;
        onUnit({ nals, key, ...sets, timestamp, ssrc: source ?? 0 });
        sets = { vps: null, sps: null, pps: [] };
      }
    } else if (broken) waitsForKey = true;
    finishedAt = slices.length > 0 ? timestamp : null;
    clear();
    broken = false;
  };

  /** A fragmentation unit's piece, behind the NAL's own header, which the first of them has put together anew. */
  const addPart = (bytes: Buffer, from: number, to: number, isLast: boolean): void => {
    if (openFrom === null) {
      broken = true;
      return;
    }
    keep(bytes, from, to);
    if (!isLast) return;
    addKept(openFrom);
    openFrom = null;
  };

  const addAggregate = (bytes: Buffer, from: number, to: number): void => {
    for (let at = from; at + 2 <= to;) {
      const length = bytes.readUInt16BE(at);
      if (length === 0 || at + 2 + length > to) {
        broken = true;
        return;
      }
      addNal(bytes, at + 2, at + 2 + length);
      at += 2 + length;
    }
  };

  const addH264 = (bytes: Buffer, from: number, to: number): void => {
    const head = bytes[from] as number;
    const type = head & 0x1f;
    if (type >= 1 && type <= 23) addNal(bytes, from, to);
    else if (type === 24) addAggregate(bytes, from + 1, to);
    else if (type === 28 && to - from > 2) {
      const fu = bytes[from + 1] as number;
      if ((fu & 0x80) !== 0) {
        openFrom = used;
        keepByte((head & 0xe0) | (fu & 0x1f));
      }
      addPart(bytes, from + 2, to, (fu & 0x40) !== 0);
    } else broken = true;
  };

  const addHevc = (bytes: Buffer, from: number, to: number): void => {
    const head = bytes[from] as number;
    const type = (head >> 1) & 0x3f;
    if (type < 48) addNal(bytes, from, to);
    else if (type === 48) addAggregate(bytes, from + 2, to);
    else if (type === 49 && to - from > 3) {
      const fu = bytes[from + 2] as number;
      if ((fu & 0x80) !== 0) {
        openFrom = used;
        keepByte((head & 0x81) | ((fu & 0x3f) << 1));
        keepByte(bytes[from + 1] as number);
      }
      addPart(bytes, from + 3, to, (fu & 0x40) !== 0);
    } else broken = true;
  };

  return {
    counts,
    take: (packet: RtpPacket): void => {
      if (source !== packet.ssrc) {
        source = packet.ssrc;
        expected = null;
        clear();
        waitsForKey = true;
      }
      if (packet.timestamp !== timestamp) {
        // The packet with the marker may be what was lost.
        finish();
        timestamp = packet.timestamp;
      }
      if (expected !== null && packet.sequence !== expected) {
        counts.lost += Math.max(ringDistance(packet.sequence, expected, 0x10000), 1);
        broken = true;
        // What is missing may have been the end, or the whole, of an earlier picture.
        waitsForKey = true;
        openFrom = null;
      }
      expected = (packet.sequence + 1) & 0xffff;
      if (codec === 'h264') addH264(packet.bytes, packet.from, packet.to);
      else addHevc(packet.bytes, packet.from, packet.to);
      if (used > mostBytes) {
        broken = true;
        clear();
      }
      if (packet.marker && !markersLie) finish();
    },
    /** Nothing more comes, and half a picture is none: its memory is another's. */
    close: (): void => {
      clear();
      work.give(memory);
      memory = Buffer.alloc(0);
    },
  };
}

/** H.264 7.3.3: slice_type 2 or 7 is I. A stream may begin at such a picture when its SPS comes with it. */
function isIntraSlice(nal: Uint8Array): boolean {
  try {
    const bits = createBitReader(nal.subarray(0, 16), 1);
    bits.ue();
    const type = bits.ue();
    return type === 2 || type === 7;
  } catch {
    return false;
  }
}
