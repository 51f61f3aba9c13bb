import type { ParameterSets } from './parameter-sets.ts';
import { readParameterSets } from './parameter-sets.ts';
import type { InitSegment } from './fragment.ts';
import type { FragmentPiece } from './fragment-memory.ts';

/** RTP's clock for video (RFC 6184, RFC 7798), and so our files' too: nothing is rounded on the way. */
export const timescale = 90_000;

/** A box of ISO/IEC 14496-12, 4.2. */
export function box(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...parts], length);
}

/** Numbers of 1, 2 or 4 bytes: `[width, value]`. */
export function fields(...values: readonly (readonly [1 | 2 | 4, number])[]): Buffer {
  const bytes = Buffer.alloc(values.reduce((sum, [width]) => sum + width, 0));
  let at = 0;
  for (const [width, value] of values) {
    bytes.writeUIntBE(value, at, width);
    at += width;
  }
  return bytes;
}

export const zeros = (count: number): Buffer => Buffer.alloc(count);
export const fullBox = (type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Buffer =>
  box(type, fields([4, version * 0x1000000 + flags]), ...parts);
export const unityMatrix = Buffer.from(
  '000100000000000000000000000000000001000000000000000000000000000040000000',
  'hex',
);

/** `stbl` of a track whose samples all come in fragments. */
export function emptySampleTable(sampleEntry: Uint8Array): Buffer {
  const none = fields([4, 0]);
  return box(
    'stbl',
    fullBox('stsd', 0, 0, fields([4, 1]), sampleEntry),
    fullBox('stts', 0, 0, none),
    fullBox('stsc', 0, 0, none),
    fullBox('stsz', 0, 0, none, none),
    fullBox('stco', 0, 0, none),
  );
}

/** `ftyp` + `moov` for one video track without samples: ISO/IEC 14496-12 section 8. Throws RangeError for bad parameter sets. */
export function writeInitSegment(sets: ParameterSets, stream: number): InitSegment {
  const { widthPx, heightPx, mimeCodec, decoderConfiguration } = readParameterSets(sets);
  const [entry, configuration] = sets.codec === 'h264' ? (['avc1', 'avcC'] as const) : (['hvc1', 'hvcC'] as const);
  const sampleEntry = box(
    entry,
    zeros(6),
    fields([2, 1]),
    zeros(16),
    // 72 dpi both ways, one frame a sample, depth 24.
    fields([2, widthPx], [2, heightPx], [4, 0x480000], [4, 0x480000], [4, 0], [2, 1]),
    zeros(32),
    fields([2, 24], [2, 0xffff]),
    box(configuration, decoderConfiguration),
  );
  const none = fields([4, 0]);
  const media = box(
    'mdia',
    fullBox('mdhd', 0, 0, fields([4, 0], [4, 0], [4, timescale], [4, 0], [2, 0x55c4], [2, 0])),
    fullBox('hdlr', 0, 0, none, Buffer.from('vide', 'latin1'), zeros(12), Buffer.from('camera\0', 'latin1')),
    box(
      'minf',
      fullBox('vmhd', 0, 1, zeros(8)),
      box('dinf', fullBox('dref', 0, 0, fields([4, 1]), fullBox('url ', 0, 1))),
      emptySampleTable(sampleEntry),
    ),
  );
  const trackHeader = fullBox(
    'tkhd',
    0,
    3,
    fields([4, 0], [4, 0], [4, 1], [4, 0], [4, 0]),
    zeros(16),
    unityMatrix,
    fields([4, widthPx * 0x10000], [4, heightPx * 0x10000]),
  );
  const movie = box(
    'moov',
    fullBox(
      'mvhd',
      0,
      0,
      fields([4, 0], [4, 0], [4, 1000], [4, 0], [4, 0x10000], [2, 0x100], [2, 0], [4, 0], [4, 0]),
      unityMatrix,
      zeros(24),
      fields([4, 2]),
    ),
    box('trak', trackHeader, media),
    box('mvex', fullBox('trex', 0, 0, fields([4, 1], [4, 1], [4, 0], [4, 0], [4, 0]))),
  );
  const type = box('ftyp', Buffer.from('iso6\0\0\0\0iso6mp41', 'latin1'));
  return { stream, codec: sets.codec, mimeCodec, widthPx, heightPx, bytes: Buffer.concat([type, movie]) };
}

/** Length of the head that `writeFragment` puts before the samples. */
export const headBytes = 8 + 16 + 8 + 16 + 20 + 36 + 8;

export interface Sample {
  /** NAL units without start codes. */
  readonly nals: readonly Uint8Array[];
  readonly key: boolean;
  /** Decode time in ticks of `timescale` since the stream began. */
  readonly decodeTicks: number;
  readonly durationTicks: number;
  /** Display time minus decode time; other than 0 only with B pictures. */
  readonly offsetTicks: number;
}

/** `moof` of one sample and the head of its `mdat`, all numbers that change 0: 14496-12 section 8.8. */
const fragmentHead = Buffer.concat(
  [
    box(
      'moof',
      fullBox('mfhd', 0, 0, fields([4, 0])),
      box(
        'traf',
        // default-base-is-moof
        fullBox('tfhd', 0, 0x020000, fields([4, 1])),
        fullBox('tfdt', 1, 0, zeros(8)),
        // version 1 (signed offsets): data offset, and for the sample its duration, size, flags and composition offset
        fullBox('trun', 1, 0xf01, fields([4, 1], [4, headBytes]), zeros(16)),
      ),
    ),
    box('mdat'),
  ],
  headBytes,
);
/** Where they stand in it. */
const at = { number: 20, decodeTime: 60, duration: 88, size: 92, flags: 96, offset: 100, mdat: 104 } as const;

/** Memory of its own, for the garbage collector to look after. */
const ownMemory = (sizeBytes: number): FragmentPiece => ({ bytes: Buffer.allocUnsafeSlow(sizeBytes), memory: null });

/**
 * One picture as `moof` + `mdat` in memory that `allocate` gives; the NAL units are copied. `sequence` counts from 0.
 * Without closures: each set of them, made 25 times a second, was compiled anew after every garbage collection.
 */
export function writeFragment(
  sample: Sample,
  sequence: number,
  allocate: (sizeBytes: number) => FragmentPiece = ownMemory,
): FragmentPiece {
  let size = 0;
  for (const nal of sample.nals) size += 4 + nal.length;
  const piece = allocate(headBytes + size);
  const { bytes } = piece;
  bytes.set(fragmentHead);
  bytes.writeUInt32BE(sequence + 1, at.number);
  bytes.writeUInt32BE(Math.floor(sample.decodeTicks / 0x100000000), at.decodeTime);
  bytes.writeUInt32BE(sample.decodeTicks % 0x100000000, at.decodeTime + 4);
  bytes.writeUInt32BE(sample.durationTicks, at.duration);
  bytes.writeUInt32BE(size, at.size);
  // 8.8.3.1: depends on others, is no sync sample; or depends on none
  bytes.writeUInt32BE(sample.key ? 0x02000000 : 0x01010000, at.flags);
  bytes.writeInt32BE(sample.offsetTicks, at.offset);
  bytes.writeUInt32BE(8 + size, at.mdat);
  let to = headBytes;
  for (const nal of sample.nals) {
    bytes.writeUInt32BE(nal.length, to);
    bytes.set(nal, to + 4);
    to += 4 + nal.length;
  }
  return piece;
}
