import { boxAt, childBoxes, createBoxSplitter } from './boxes.ts';
import type { InitSegment } from './fragment.ts';
import { nalKind, type Codec } from './nal-units.ts';
import { readParameterSets, type ParameterSets } from './parameter-sets.ts';

/** What a `moof` says of its one picture. */
export interface ReadFragment {
  readonly bytes: Buffer;
  readonly key: boolean;
  readonly sampleSizesBytes: readonly number[];
  readonly decodeMs: number;
  readonly durationMs: number;
}

export type InitFacts = Omit<InitSegment, 'stream'>;

/**
 * Reads the fragmented MP4 that ffmpeg writes (`frag_every_frame+empty_moov+default_base_moof`), whatever pieces it
 * arrives in: ISO/IEC 14496-12 sections 8.8.5 to 8.8.8. Throws RangeError for garbage, and for a codec that is neither
 * H.264 nor H.265.
 */
export function createFragmentReader(on: {
  readonly init: (init: InitFacts) => void;
  readonly fragment: (fragment: ReadFragment) => void;
}): (chunk: Buffer) => void {
  const split = createBoxSplitter();
  let fileType: Buffer = Buffer.alloc(0);
  let track: TrackFacts | null = null;
  let moof: Buffer | null = null;
  return (chunk) => {
    for (const { type, bytes } of split(chunk)) {
      if (type === 'ftyp') fileType = bytes;
      else if (type === 'moov') {
        track = readMovie(bytes);
        on.init({ ...track.init, bytes: Buffer.concat([fileType, bytes]) });
      } else if (type === 'moof') moof = bytes;
      else if (type === 'mdat' && moof !== null && track !== null) {
        on.fragment(readMoof(moof, bytes, track));
        moof = null;
      }
    }
  };
}

interface TrackFacts {
  readonly init: Omit<InitFacts, 'bytes'>;
  readonly timescale: number;
  /** Sample duration, size and flags where a fragment does not say: `trex`. */
  readonly defaults: readonly [number, number, number];
}

function must(bytes: Buffer | null, what: string): Buffer {
  if (!bytes) throw new RangeError(`no ${what} in the stream`);
  return bytes;
}

function u32(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new RangeError('a box ends too early');
  return bytes.readUInt32BE(at);
}

function readMovie(moov: Buffer): TrackFacts {
  const media = must(boxAt(moov, 'trak', 'mdia'), 'track');
  const header = must(boxAt(media, 'mdhd'), 'media header');
  const timescale = u32(header, header[8] === 1 ? 28 : 20);
  if (timescale === 0) throw new RangeError('a time scale of 0');
  const description = must(boxAt(media, 'minf', 'stbl', 'stsd'), 'sample description');
  const [name, entry] = [...childBoxes(description, 16)][0] ?? ['', Buffer.alloc(0)];
  const codec: Codec | null = /^avc[13]$/.test(name) ? 'h264' : /^(hvc|hev)1$/.test(name) ? 'hevc' : null;
  if (codec === null) throw new RangeError(`a codec that cannot be copied: ${name}`);
  const children = childBoxes(entry, 86);
  // The same but for where parameter sets may stand; ours stand in front, and browsers ask for this name.
  if (name === 'hev1') entry.write('hvc1', 4, 'latin1');
  const configuration = must(children.get(codec === 'h264' ? 'avcC' : 'hvcC') ?? null, 'decoder configuration');
  const facts = readParameterSets(setsOfConfiguration(codec, configuration.subarray(8)));
  const trex = must(boxAt(moov, 'mvex', 'trex'), 'fragment defaults');
  return {
    init: { codec, mimeCodec: facts.mimeCodec, widthPx: facts.widthPx, heightPx: facts.heightPx },
    timescale,
    defaults: [u32(trex, 20), u32(trex, 24), u32(trex, 28)],
  };
}

/** The parameter sets inside an `avcC` or `hvcC`: ISO/IEC 14496-15 sections 5.3.3.1.2 and 8.3.3.1.2. */
export function setsOfConfiguration(codec: Codec, bytes: Buffer): ParameterSets {
  const units: Uint8Array[] = [];
  let at = codec === 'h264' ? 5 : 22;
  const byte = (): number => {
    const value = bytes[at];
    if (value === undefined) throw new RangeError('a decoder configuration ends too early');
    at += 1;
    return value;
  };
  const unit = (): void => {
    const length = byte() * 256 + byte();
    if (at + length > bytes.length) throw new RangeError('a decoder configuration ends too early');
    units.push(bytes.subarray(at, at + length));
    at += length;
  };
  if (codec === 'h264') {
    for (let count = byte() & 0x1f; count > 0; count -= 1) unit();
    for (let count = byte(); count > 0; count -= 1) unit();
  } else {
    for (let arrays = byte(); arrays > 0; arrays -= 1) {
      byte();
      for (let count = byte() * 256 + byte(); count > 0; count -= 1) unit();
    }
  }
  const of = (kind: string): Uint8Array[] => units.filter((one) => nalKind(codec, one) === kind);
  const sps = of('sps')[0];
  if (!sps) throw new RangeError('a decoder configuration without SPS');
  return { codec, vps: of('vps')[0] ?? null, sps, pps: of('pps') };
}

function readMoof(moof: Buffer, mdat: Buffer, { timescale, defaults }: TrackFacts): ReadFragment {
  const traf = must(boxAt(moof, 'traf'), 'track fragment');
  const children = childBoxes(traf, 8);
  const tfhd = must(children.get('tfhd') ?? null, 'track fragment header');
  const tfdt = must(children.get('tfdt') ?? null, 'decode time');
  const trun = must(children.get('trun') ?? null, 'track run');
  let [duration, size, flags] = defaults;
  const headFlags = u32(tfhd, 8) & 0xffffff;
  let at = 16 + (headFlags & 1 ? 8 : 0) + (headFlags & 2 ? 4 : 0);
  const next = (from: Buffer): number => {
    at += 4;
    return u32(from, at - 4);
  };
  if (headFlags & 8) duration = next(tfhd);
  if (headFlags & 16) size = next(tfhd);
  if (headFlags & 32) flags = next(tfhd);
  const decodeTicks = tfdt[8] === 1 ? u32(tfdt, 12) * 0x100000000 + u32(tfdt, 16) : u32(tfdt, 12);
  const runFlags = u32(trun, 8) & 0xffffff;
  const count = u32(trun, 12);
  if (count === 0 || count > 10_000) throw new RangeError(`a fragment of ${count} pictures`);
  at = 16 + (runFlags & 1 ? 4 : 0);
  const firstFlags = runFlags & 4 ? next(trun) : null;
  const sizes: number[] = [];
  let total = 0;
  let first = flags;
  for (let sample = 0; sample < count; sample += 1) {
    total += runFlags & 0x100 ? next(trun) : duration;
    sizes.push(runFlags & 0x200 ? next(trun) : size);
    const own = runFlags & 0x400 ? next(trun) : flags;
    if (sample === 0) first = firstFlags ?? own;
    if (runFlags & 0x800) at += 4;
  }
  return {
    bytes: Buffer.concat([moof, mdat]),
    // 8.8.3.1: bit 16 says that it is no sync sample.
    key: (first & 0x10000) === 0,
    sampleSizesBytes: sizes,
    decodeMs: (decodeTicks / timescale) * 1000,
    durationMs: (total / timescale) * 1000,
  };
}
