import { createBitReader, type BitReader } from './bit-reader.ts';
import type { SliceHead, SliceReader } from './h264-slice.ts';

/** One short-term reference picture set, as far as counts and later sets need it (ISO/IEC 23008-2, 7.4.8). */
interface ReferenceSet {
  /** Distances in output order, and whether the current picture uses them. */
  readonly entries: readonly { readonly delta: number; readonly used: boolean }[];
}

/** What of a sequence parameter set a slice header depends on (7.3.2.2). */
interface SequenceSet {
  readonly separatePlanes: boolean;
  readonly chroma: boolean;
  readonly orderBits: number;
  readonly sets: readonly ReferenceSet[];
  readonly longTerm: boolean;
  readonly longTermUsed: readonly boolean[];
  readonly temporalMotion: boolean;
  readonly sao: boolean;
}

/** The same of a picture parameter set (7.3.2.3). */
interface PictureSet {
  readonly sequence: number;
  readonly dependentSlices: boolean;
  readonly outputFlag: boolean;
  readonly extraBits: number;
  readonly cabacInit: boolean;
  readonly refs0: number;
  readonly refs1: number;
  readonly initQp: number;
  readonly weightedP: boolean;
  readonly weightedB: boolean;
  readonly lists: boolean;
}

function skipProfile(reader: BitReader, layers: number): void {
  reader.bits(32);
  reader.bits(32);
  reader.bits(32);
  const present: [boolean, boolean][] = [];
  for (let layer = 0; layer < layers; layer += 1) present.push([reader.flag(), reader.flag()]);
  if (layers > 0) for (let layer = layers; layer < 8; layer += 1) reader.bits(2);
  for (const [profile, level] of present) {
    if (profile) for (let part = 0; part < 11; part += 1) reader.bits(8);
    if (level) reader.bits(8);
  }
}

function skipScalingLists(reader: BitReader): void {
  for (let size = 0; size < 4; size += 1) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!reader.flag()) reader.unsigned();
      else {
        if (size > 1) reader.signed();
        const count = Math.min(64, 1 << (4 + (size << 1)));
        for (let index = 0; index < count && !reader.exhausted; index += 1) reader.signed();
      }
    }
  }
}

/** st_ref_pic_set(index), 7.3.7 and 7.4.8. `count` sets are in the sequence; the slice's own has index = count. */
function parseReferenceSet(
  reader: BitReader,
  index: number,
  count: number,
  known: readonly ReferenceSet[],
): ReferenceSet | null {
  if (index > 0 && reader.flag()) {
    const back = index === count ? reader.unsigned() + 1 : 1;
    const sign = reader.flag() ? -1 : 1;
    const delta = sign * (reader.unsigned() + 1);
    const source = known[index - back];
    if (!source) return null;
    const entries: { delta: number; used: boolean }[] = [];
    for (const from of [...source.entries.map((entry) => entry.delta), 0]) {
      const used = reader.flag();
      const kept = used || reader.flag();
      if (kept && from + delta !== 0) entries.push({ delta: from + delta, used });
    }
    // Order of the list that later sets are predicted from: nearest before first, then nearest after.
    const before = entries.filter((entry) => entry.delta < 0).sort((a, b) => b.delta - a.delta);
    const after = entries.filter((entry) => entry.delta > 0).sort((a, b) => a.delta - b.delta);
    return { entries: [...before, ...after] };
  }
  const counts = [reader.unsigned(), reader.unsigned()] as const;
  if (counts[0] > 16 || counts[1] > 16) return null;
  const entries: { delta: number; used: boolean }[] = [];
  for (const [side, sign] of [
    [0, -1],
    [1, 1],
  ] as const) {
    let delta = 0;
    for (let entry = 0; entry < counts[side]; entry += 1) {
      delta += sign * (reader.unsigned() + 1);
      entries.push({ delta, used: reader.flag() });
    }
  }
  return { entries };
}

function parseSequenceSet(nal: Uint8Array): { id: number; set: SequenceSet } | null {
  const reader = createBitReader(nal, 2);
  reader.bits(4);
  const layers = reader.bits(3);
  reader.flag();
  skipProfile(reader, layers);
  const id = reader.unsigned();
  const chromaFormat = reader.unsigned();
  const separatePlanes = chromaFormat === 3 && reader.flag();
  reader.unsigned();
  reader.unsigned();
  if (reader.flag()) for (let side = 0; side < 4; side += 1) reader.unsigned();
  reader.unsigned();
  reader.unsigned();
  const orderBits = reader.unsigned() + 4;
  const everyLayer = reader.flag();
  for (let layer = everyLayer ? 0 : layers; layer <= layers; layer += 1)
    for (let part = 0; part < 3; part += 1) reader.unsigned();
  for (let part = 0; part < 6; part += 1) reader.unsigned();
  if (reader.flag() && reader.flag()) skipScalingLists(reader);
  reader.flag();
  const sao = reader.flag();
  if (reader.flag()) {
    reader.bits(8);
    reader.unsigned();
    reader.unsigned();
    reader.flag();
  }
  const count = reader.unsigned();
  if (count > 64) return null;
  const sets: ReferenceSet[] = [];
  for (let index = 0; index < count; index += 1) {
    const set = parseReferenceSet(reader, index, count, sets);
    if (!set || reader.exhausted) return null;
    sets.push(set);
  }
  const longTerm = reader.flag();
  const longTermUsed: boolean[] = [];
  if (longTerm) {
    const pictures = Math.min(reader.unsigned(), 32);
    for (let picture = 0; picture < pictures; picture += 1) {
      reader.bits(orderBits);
      longTermUsed.push(reader.flag());
    }
  }
  const temporalMotion = reader.flag();
  if (reader.exhausted || id > 15 || orderBits > 16) return null;
  const chroma = chromaFormat !== 0 && !separatePlanes;
  return { id, set: { separatePlanes, chroma, orderBits, sets, longTerm, longTermUsed, temporalMotion, sao } };
}

function parsePictureSet(nal: Uint8Array): { id: number; set: PictureSet } | null {
  const reader = createBitReader(nal, 2);
  const id = reader.unsigned();
  const sequence = reader.unsigned();
  const dependentSlices = reader.flag();
  const outputFlag = reader.flag();
  const extraBits = reader.bits(3);
  reader.flag();
  const cabacInit = reader.flag();
  const refs0 = reader.unsigned() + 1;
  const refs1 = reader.unsigned() + 1;
  const initQp = 26 + reader.signed();
  reader.flag();
  reader.flag();
  if (reader.flag()) reader.unsigned();
  reader.signed();
  reader.signed();
  reader.flag();
  const weightedP = reader.flag();
  const weightedB = reader.flag();
  reader.flag();
  const tiles = reader.flag();
  reader.flag();
  if (tiles) {
    const columns = reader.unsigned();
    const rows = reader.unsigned();
    if (columns > 20 || rows > 22) return null;
    if (!reader.flag()) for (let part = 0; part < columns + rows; part += 1) reader.unsigned();
    reader.flag();
  }
  reader.flag();
  if (reader.flag()) {
    reader.flag();
    if (!reader.flag()) skipTwo(reader);
  }
  if (reader.flag()) skipScalingLists(reader);
  const lists = reader.flag();
  if (reader.exhausted || id > 63 || refs0 > 16 || refs1 > 16) return null;
  return {
    id,
    set: {
      sequence,
      dependentSlices,
      outputFlag,
      extraBits,
      cabacInit,
      refs0,
      refs1,
      initQp,
      weightedP,
      weightedB,
      lists,
    },
  };
}

export function createHevcSliceReader(): SliceReader {
  // Bounded by what the standard allows: 16 and 64 of them.
  const sequences = new Map<number, SequenceSet>();
  const pictures = new Map<number, PictureSet>();
  return {
    learn: (nal) => {
      const type = ((nal[0] ?? 0) >> 1) & 63;
      if (type === 33) {
        const found = parseSequenceSet(nal);
        if (found) sequences.set(found.id, found.set);
      } else if (type === 34) {
        const found = parsePictureSet(nal);
        if (found) pictures.set(found.id, found.set);
      }
    },
    head: (nal) => {
      const reader = createBitReader(nal, 2);
      const type = ((nal[0] ?? 0) >> 1) & 63;
      // Only a picture's first slice is looked at: the others may depend on it.
      if (!reader.flag()) return null;
      if (type >= 16 && type <= 23) reader.flag();
      const picture = pictures.get(reader.unsigned());
      const sequence = picture && sequences.get(picture.sequence);
      if (!sequence) return null;
      const kind = skipToQuantiser(reader, type, picture, sequence);
      const quantiser = picture.initQp + reader.signed();
      if (!kind || reader.exhausted || quantiser < -48 || quantiser > 51) return null;
      return { quantiser, kind };
    },
  };
}

const bitsFor = (values: number): number => (values <= 1 ? 0 : Math.ceil(Math.log2(values)));

/** Header of a first slice segment from after `slice_pic_parameter_set_id` to before `slice_qp_delta` (7.3.6.1). */
function skipToQuantiser(
  reader: BitReader,
  nalType: number,
  picture: PictureSet,
  sequence: SequenceSet,
): SliceHead['kind'] | null {
  reader.bits(picture.extraBits);
  const type = reader.unsigned();
  const [isB, isP] = [type === 0, type === 1];
  if (picture.outputFlag) reader.flag();
  if (sequence.separatePlanes) reader.bits(2);
  let references = 0;
  let temporalMotion = false;
  if (nalType !== 19 && nalType !== 20) {
    reader.bits(sequence.orderBits);
    const count = sequence.sets.length;
    let set: ReferenceSet | null | undefined;
    if (!reader.flag()) set = parseReferenceSet(reader, count, count, sequence.sets);
    else set = sequence.sets[count > 1 ? reader.bits(bitsFor(count)) : 0];
    if (!set) return null;
    references = set.entries.filter(({ used }) => used).length;
    if (sequence.longTerm) references += skipLongTerm(reader, sequence);
    if (sequence.temporalMotion) temporalMotion = reader.flag();
  }
  if (sequence.sao) {
    reader.flag();
    if (sequence.chroma) reader.flag();
  }
  if (!isP && !isB) return reader.exhausted ? null : 'intra';
  let { refs0, refs1 } = picture;
  if (reader.flag()) {
    refs0 = reader.unsigned() + 1;
    if (isB) refs1 = reader.unsigned() + 1;
  }
  if (picture.lists && references > 1) {
    for (const refs of isB ? [refs0, refs1] : [refs0])
      if (reader.flag()) for (let ref = 0; ref < refs && !reader.exhausted; ref += 1) reader.bits(bitsFor(references));
  }
  if (isB) reader.flag();
  if (picture.cabacInit) reader.flag();
  if (temporalMotion) {
    const fromFirst = isB ? reader.flag() : true;
    if ((fromFirst ? refs0 : refs1) > 1) reader.unsigned();
  }
  if ((picture.weightedP && isP) || (picture.weightedB && isB)) {
    reader.unsigned();
    if (sequence.chroma) reader.signed();
    for (const refs of isB ? [refs0, refs1] : [refs0]) skipWeights(reader, refs, sequence.chroma);
  }
  reader.unsigned();
  if (reader.exhausted) return null;
  return isB ? 'both' : 'forward';
}

/** Returns how many of the long-term pictures the current one uses. */
function skipLongTerm(reader: BitReader, sequence: SequenceSet): number {
  const listed = sequence.longTermUsed.length;
  const fromSequence = listed > 0 ? reader.unsigned() : 0;
  const own = reader.unsigned();
  let used = 0;
  for (let index = 0; index < fromSequence + own && !reader.exhausted; index += 1) {
    if (index < fromSequence) used += sequence.longTermUsed[reader.bits(bitsFor(listed))] === true ? 1 : 0;
    else {
      reader.bits(sequence.orderBits);
      used += reader.flag() ? 1 : 0;
    }
    if (reader.flag()) reader.unsigned();
  }
  return used;
}

/** pred_weight_table for one list (7.3.6.3); references within the same picture do not occur in one layer. */
function skipWeights(reader: BitReader, refs: number, chroma: boolean): void {
  const luma = Array.from({ length: refs }, () => reader.flag());
  const both = Array.from({ length: refs }, () => chroma && reader.flag());
  for (let ref = 0; ref < refs && !reader.exhausted; ref += 1) {
    if (luma[ref] === true) skipTwo(reader);
    if (both[ref] === true) for (let term = 0; term < 4; term += 1) reader.signed();
  }
}

function skipTwo(reader: BitReader): void {
  reader.signed();
  reader.signed();
}
