import type { ParameterSets } from './parameter-sets.ts';
import { readParameterSets } from './parameter-sets.ts';
import type { InitSegment } from './fragment.ts';

/** RTP's clock for video (RFC 6184, RFC 7798), and so our files' too: nothing is rounded on the way. */
export const timescale = 90_000;

function box(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...parts], length);
}

/** Numbers of 1, 2 or 4 bytes: `[width, value]`. */
function fields(...values: readonly (readonly [1 | 2 | 4, number])[]): Buffer {
  const bytes = Buffer.alloc(values.reduce((sum, [width]) => sum + width, 0));
  let at = 0;
  for (const [width, value] of values) {
    bytes.writeUIntBE(value, at, width);
    at += width;
  }
  return bytes;
}

const zeros = (count: number): Buffer => Buffer.alloc(count);
const fullBox = (type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Buffer =>
  box(type, fields([4, version * 0x1000000 + flags]), ...parts);
const unityMatrix = Buffer.from('000100000000000000000000000000000001000000000000000000000000000040000000', 'hex');

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
  const sampleTable = box(
    'stbl',
    fullBox('stsd', 0, 0, fields([4, 1]), sampleEntry),
    fullBox('stts', 0, 0, none),
    fullBox('stsc', 0, 0, none),
    fullBox('stsz', 0, 0, none, none),
    fullBox('stco', 0, 0, none),
  );
  const media = box(
    'mdia',
    fullBox('mdhd', 0, 0, fields([4, 0], [4, 0], [4, timescale], [4, 0], [2, 0x55c4], [2, 0])),
    fullBox('hdlr', 0, 0, none, Buffer.from('vide', 'latin1'), zeros(12), Buffer.from('camera\0', 'latin1')),
    box(
      'minf',
      fullBox('vmhd', 0, 1, zeros(8)),
      box('dinf', fullBox('dref', 0, 0, fields([4, 1]), fullBox('url ', 0, 1))),
      sampleTable,
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

/**
 * One picture as `moof` + `mdat` (14496-12 section 8.8) in memory that `allocate` gives; the NAL units are copied.
 * `sequence` counts from 0.
 */
export function writeFragment(
  sample: Sample,
  sequence: number,
  allocate: (sizeBytes: number) => Buffer = (sizeBytes) => Buffer.allocUnsafeSlow(sizeBytes),
): Buffer {
  let size = 0;
  for (const nal of sample.nals) size += 4 + nal.length;
  const out = allocate(headBytes + size);
  let at = 0;
  const word = (value: number): void => {
    at = out.writeUInt32BE(value >>> 0, at);
  };
  const name = (length: number, type: string): void => {
    word(length);
    at += out.write(type, at, 'latin1');
  };
  name(headBytes - 8, 'moof');
  name(16, 'mfhd');
  word(0);
  word(sequence + 1);
  name(headBytes - 8 - 8 - 16, 'traf');
  name(16, 'tfhd');
  // default-base-is-moof
  word(0x020000);
  word(1);
  name(20, 'tfdt');
  word(0x01000000);
  word(Math.floor(sample.decodeTicks / 0x100000000));
  word(sample.decodeTicks % 0x100000000);
  name(36, 'trun');
  // version 1 (signed offsets): data offset, and for the sample its duration, size, flags and composition offset
  word(0x01000f01);
  word(1);
  word(headBytes);
  word(sample.durationTicks);
  word(size);
  // 8.8.3.1: depends on others, is no sync sample; or depends on none
  word(sample.key ? 0x02000000 : 0x01010000);
  word(sample.offsetTicks);
  name(8 + size, 'mdat');
  for (const nal of sample.nals) {
    word(nal.length);
    out.set(nal, at);
    at += nal.length;
  }
  return out;
}
