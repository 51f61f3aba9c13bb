import { createBitReader, type BitReader } from './bits.ts';
import type { Codec } from './nal-units.ts';

/** The parameter sets of a stream, as NAL units without start codes. `vps` only with H.265. */
export interface ParameterSets {
  readonly codec: Codec;
  readonly vps: Uint8Array | null;
  readonly sps: Uint8Array;
  readonly pps: readonly Uint8Array[];
}

/** What a sequence parameter set says that we need. */
export interface SequenceFacts {
  readonly widthPx: number;
  readonly heightPx: number;
  /** RFC 6381: `avc1.64001f`, `hvc1.1.6.L93.B0`. */
  readonly mimeCodec: string;
  /** `avcC` or `hvcC` payload: ISO/IEC 14496-15 sections 5.3.3.1 and 8.3.3.1. */
  readonly decoderConfiguration: Uint8Array;
}

/** Throws RangeError for a parameter set that is cut off or absurd. */
export function readParameterSets(sets: ParameterSets): SequenceFacts {
  const facts = sets.codec === 'h264' ? readH264(sets) : readH265(sets);
  // Larger ones exist nowhere in this trade; a flipped bit makes them.
  if (!(facts.widthPx >= 16 && facts.heightPx >= 16 && facts.widthPx <= 16_384 && facts.heightPx <= 16_384))
    throw new RangeError(`absurd picture size ${facts.widthPx} × ${facts.heightPx}`);
  return facts;
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** Profiles whose SPS carries chroma format and bit depth (H.264 7.3.2.1.1). */
const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** H.264 7.3.2.1.1 (SPS) and 14496-15 5.3.3.1.2 (avcC). */
function readH264({ sps, pps }: ParameterSets): SequenceFacts {
  const bits = createBitReader(sps, 1);
  const profile = bits.u(8);
  const constraints = bits.u(8);
  const level = bits.u(8);
  bits.ue();
  let chroma = 1;
  let lumaDepth = 8;
  let chromaDepth = 8;
  if (highProfiles.has(profile)) {
    chroma = bits.ue();
    if (chroma === 3) bits.u(1);
    lumaDepth = 8 + bits.ue();
    chromaDepth = 8 + bits.ue();
    bits.u(1);
    if (bits.flag()) skipScalingLists(bits, chroma === 3 ? 12 : 8);
  }
  bits.ue();
  const orderType = bits.ue();
  if (orderType === 0) bits.ue();
  else if (orderType === 1) {
    bits.u(1);
    bits.se();
    bits.se();
    const count = bits.ue();
    for (let i = 0; i < Math.min(count, 255); i += 1) bits.se();
  }
  bits.ue();
  bits.u(1);
  const columns = bits.ue() + 1;
  const rows = bits.ue() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.u(1);
  bits.u(1);
  let [left, right, top, bottom] = [0, 0, 0, 0];
  if (bits.flag()) [left, right, top, bottom] = [bits.ue(), bits.ue(), bits.ue(), bits.ue()];
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = (chroma === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  const configuration = [
    Uint8Array.of(1, profile, constraints, level, 0xff, 0xe1),
    sized(sps),
    Uint8Array.of(pps.length),
    ...pps.map(sized),
  ];
  if ([100, 110, 122, 144].includes(profile))
    configuration.push(
      Uint8Array.of(0xfc | (chroma & 3), 0xf8 | ((lumaDepth - 8) & 7), 0xf8 | ((chromaDepth - 8) & 7), 0),
    );
  return {
    widthPx: columns * 16 - (left + right) * cropX,
    heightPx: rows * 16 * (framesOnly ? 1 : 2) - (top + bottom) * cropY,
    mimeCodec: `avc1.${hex(profile)}${hex(constraints)}${hex(level)}`,
    decoderConfiguration: Buffer.concat(configuration),
  };
}

function skipScalingLists(bits: BitReader, count: number): void {
  for (let list = 0; list < count; list += 1) {
    if (!bits.flag()) continue;
    const size = list < 6 ? 16 : 64;
    let last = 8;
    let next = 8;
    for (let i = 0; i < size; i += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      last = next === 0 ? last : next;
    }
  }
}

/** H.265 7.3.2.2 (SPS), 7.3.3 (profile, tier, level) and 14496-15 8.3.3.1.2 (hvcC). */
function readH265({ vps, sps, pps }: ParameterSets): SequenceFacts {
  const bits = createBitReader(sps, 2);
  bits.u(4);
  const subLayers = bits.u(3);
  const nested = bits.u(1);
  const space = bits.u(2);
  const tier = bits.u(1);
  const profile = bits.u(5);
  const compatibility = bits.u(32);
  const constraints = Array.from({ length: 6 }, () => bits.u(8));
  const level = bits.u(8);
  const present = Array.from({ length: subLayers }, () => [bits.flag(), bits.flag()] as const);
  if (subLayers > 0) for (let i = subLayers; i < 8; i += 1) bits.u(2);
  for (const [profilePresent, levelPresent] of present) {
    if (profilePresent) for (let i = 0; i < 11; i += 1) bits.u(8);
    if (levelPresent) bits.u(8);
  }
  bits.ue();
  const chroma = bits.ue();
  if (chroma === 3) bits.u(1);
  const width = bits.ue();
  const height = bits.ue();
  let [left, right, top, bottom] = [0, 0, 0, 0];
  if (bits.flag()) [left, right, top, bottom] = [bits.ue(), bits.ue(), bits.ue(), bits.ue()];
  const lumaDepth = bits.ue();
  const chromaDepth = bits.ue();
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = chroma === 1 ? 2 : 1;
  const arrays = [
    { type: 32, units: vps ? [vps] : [] },
    { type: 33, units: [sps] },
    { type: 34, units: pps },
  ].filter(({ units }) => units.length > 0);
  const configuration = [
    Uint8Array.of(1, (space << 6) | (tier << 5) | profile),
    bytes32(compatibility),
    Uint8Array.from(constraints),
    // min_spatial_segmentation 0, parallelism unknown, then chroma and depths, frame rate unknown, 4-byte lengths.
    Uint8Array.of(level, 0xf0, 0, 0xfc, 0xfc | chroma, 0xf8 | lumaDepth, 0xf8 | chromaDepth, 0, 0),
    Uint8Array.of(((subLayers + 1) << 3) | (nested << 2) | 3, arrays.length),
    ...arrays.flatMap(({ type, units }) => [Uint8Array.of(0x80 | type, 0, units.length), ...units.map(sized)]),
  ];
  return {
    widthPx: width - (left + right) * cropX,
    heightPx: height - (top + bottom) * cropY,
    mimeCodec: hevcName(space, profile, compatibility, tier, level, constraints),
    decoderConfiguration: Buffer.concat(configuration),
  };
}

/** 14496-15 annex E.3: compatibility flags in reverse bit order, constraint bytes without the zeros at the end. */
function hevcName(
  space: number,
  profile: number,
  compatibility: number,
  tier: number,
  level: number,
  constraints: readonly number[],
): string {
  let reversed = 0;
  for (let i = 0; i < 32; i += 1) reversed = reversed * 2 + (Math.floor(compatibility / 2 ** i) % 2);
  const last = constraints.reduce((found, byte, index) => (byte === 0 ? found : index), -1);
  const tail = constraints.slice(0, last + 1).map((byte) => `.${byte.toString(16).toUpperCase()}`);
  return `hvc1.${['', 'A', 'B', 'C'][space] ?? ''}${profile}.${reversed.toString(16).toUpperCase()}.${tier === 1 ? 'H' : 'L'}${level}${tail.join('')}`;
}

const sized = (unit: Uint8Array): Buffer => Buffer.concat([Uint8Array.of(unit.length >> 8, unit.length & 255), unit]);

function bytes32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Whether two sets say the same; a camera repeats them before every key frame. */
export function sameSets(a: ParameterSets, b: ParameterSets): boolean {
  const same = (x: Uint8Array | null, y: Uint8Array | null): boolean =>
    x === y || (x !== null && y !== null && Buffer.compare(x, y) === 0);
  return (
    a.codec === b.codec &&
    same(a.vps, b.vps) &&
    same(a.sps, b.sps) &&
    a.pps.length === b.pps.length &&
    a.pps.every((pps, index) => same(pps, b.pps[index] ?? null))
  );
}
