import { createBitReader, type BitReader } from './bit-reader.ts';

/** What of a sequence parameter set a slice header depends on (ISO/IEC 14496-10, 7.3.2.1.1). */
interface SequenceSet {
  readonly separatePlanes: boolean;
  readonly chroma: boolean;
  readonly frameNumBits: number;
  readonly orderType: number;
  readonly orderBits: number;
  readonly deltaOrderAlwaysZero: boolean;
  readonly frameMbsOnly: boolean;
}

/** The same of a picture parameter set (7.3.2.2). */
interface PictureSet {
  readonly sequence: number;
  readonly cabac: boolean;
  readonly bottomFieldOrder: boolean;
  readonly refs0: number;
  readonly refs1: number;
  readonly weightedP: boolean;
  readonly weightedB: number;
  readonly initQp: number;
  readonly redundantCount: boolean;
}

const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let index = 0; index < size; index += 1) {
    if (next !== 0) next = (last + reader.signed() + 256) % 256;
    if (next !== 0) last = next;
    if (reader.exhausted) return;
  }
}

function parseSequenceSet(nal: Uint8Array): { id: number; set: SequenceSet } | null {
  const reader = createBitReader(nal, 1);
  const profile = reader.bits(8);
  reader.bits(16);
  const id = reader.unsigned();
  let chromaFormat = 1;
  let separatePlanes = false;
  if (highProfiles.has(profile)) {
    chromaFormat = reader.unsigned();
    if (chromaFormat === 3) separatePlanes = reader.flag();
    reader.unsigned();
    reader.unsigned();
    reader.flag();
    if (reader.flag()) {
      for (let list = 0; list < (chromaFormat === 3 ? 12 : 8); list += 1)
        if (reader.flag()) skipScalingList(reader, list < 6 ? 16 : 64);
    }
  }
  const frameNumBits = reader.unsigned() + 4;
  const orderType = reader.unsigned();
  let orderBits = 0;
  let deltaOrderAlwaysZero = false;
  if (orderType === 0) orderBits = reader.unsigned() + 4;
  else if (orderType === 1) {
    deltaOrderAlwaysZero = reader.flag();
    reader.signed();
    reader.signed();
    const cycle = Math.min(reader.unsigned(), 255);
    for (let index = 0; index < cycle; index += 1) reader.signed();
  }
  reader.unsigned();
  reader.flag();
  reader.unsigned();
  reader.unsigned();
  const frameMbsOnly = reader.flag();
  if (reader.exhausted || id > 31 || frameNumBits > 16 || orderBits > 16) return null;
  const chroma = !separatePlanes && chromaFormat !== 0;
  return {
    id,
    set: { separatePlanes, chroma, frameNumBits, orderType, orderBits, deltaOrderAlwaysZero, frameMbsOnly },
  };
}

function parsePictureSet(nal: Uint8Array): { id: number; set: PictureSet } | null {
  const reader = createBitReader(nal, 1);
  const id = reader.unsigned();
  const sequence = reader.unsigned();
  const cabac = reader.flag();
  const bottomFieldOrder = reader.flag();
  // Slice groups (flexible macroblock order) are of the extended profile, which no camera has.
  if (reader.unsigned() !== 0) return null;
  const refs0 = reader.unsigned() + 1;
  const refs1 = reader.unsigned() + 1;
  const weightedP = reader.flag();
  const weightedB = reader.bits(2);
  const initQp = 26 + reader.signed();
  reader.signed();
  reader.signed();
  reader.bits(2);
  const redundantCount = reader.flag();
  if (reader.exhausted || id > 255 || refs0 > 32 || refs1 > 32) return null;
  return {
    id,
    set: { sequence, cabac, bottomFieldOrder, refs0, refs1, weightedP, weightedB, initQp, redundantCount },
  };
}

/** What the head of a picture's first slice tells. */
export interface SliceHead {
  /** Luma quantiser that the slice begins with. */
  readonly quantiser: number;
  /** Whether it is predicted from no other picture, from earlier ones, or from both sides. */
  readonly kind: 'intra' | 'forward' | 'both';
}

/** Keeps a stream's parameter sets and reads slice headers by them. */
export interface SliceReader {
  /** Takes any NAL unit without start code or length; keeps what it needs of parameter sets. */
  learn(nal: Uint8Array): void;
  /** Null where it cannot be read: unknown parameter set, cut short, odd. */
  head(nal: Uint8Array): SliceHead | null;
}

export function createH264SliceReader(): SliceReader {
  // Bounded by what the standard allows: 32 and 256 of them.
  const sequences = new Map<number, SequenceSet>();
  const pictures = new Map<number, PictureSet>();
  return {
    learn: (nal) => {
      const type = (nal[0] ?? 0) & 31;
      if (type === 7) {
        const found = parseSequenceSet(nal);
        if (found) sequences.set(found.id, found.set);
      } else if (type === 8) {
        const found = parsePictureSet(nal);
        if (found) pictures.set(found.id, found.set);
      }
    },
    head: (nal) => {
      const reader = createBitReader(nal, 1);
      reader.unsigned();
      const type = reader.unsigned() % 5;
      const picture = pictures.get(reader.unsigned());
      const sequence = picture && sequences.get(picture.sequence);
      if (!sequence) return null;
      skipToQuantiser(reader, { first: nal[0] ?? 0, type, picture, sequence });
      const quantiser = picture.initQp + reader.signed();
      if (reader.exhausted || quantiser < -36 || quantiser > 51) return null;
      return { quantiser, kind: type === 1 ? 'both' : type === 2 || type === 4 ? 'intra' : 'forward' };
    },
  };
}

/** Slice header from `colour_plane_id` to before `slice_qp_delta` (7.3.3). Types: 0 P, 1 B, 2 I, 3 SP, 4 SI. */
function skipToQuantiser(
  reader: BitReader,
  slice: {
    readonly first: number;
    readonly type: number;
    readonly picture: PictureSet;
    readonly sequence: SequenceSet;
  },
): void {
  const { first, type, picture, sequence } = slice;
  const isIdr = (first & 31) === 5;
  const [isP, isB] = [type === 0 || type === 3, type === 1];
  if (sequence.separatePlanes) reader.bits(2);
  reader.bits(sequence.frameNumBits);
  let field = false;
  if (!sequence.frameMbsOnly) {
    field = reader.flag();
    if (field) reader.flag();
  }
  if (isIdr) reader.unsigned();
  const bothOrders = picture.bottomFieldOrder && !field;
  if (sequence.orderType === 0) {
    reader.bits(sequence.orderBits);
    if (bothOrders) reader.signed();
  } else if (sequence.orderType === 1 && !sequence.deltaOrderAlwaysZero) {
    reader.signed();
    if (bothOrders) reader.signed();
  }
  if (picture.redundantCount) reader.unsigned();
  if (isB) reader.flag();
  let { refs0, refs1 } = picture;
  if ((isP || isB) && reader.flag()) {
    refs0 = reader.unsigned() + 1;
    if (isB) refs1 = reader.unsigned() + 1;
  }
  if (isP || isB) skipReordering(reader);
  if (isB) skipReordering(reader);
  if ((picture.weightedP && isP) || (picture.weightedB === 1 && isB)) {
    reader.unsigned();
    if (sequence.chroma) reader.unsigned();
    for (const refs of isB ? [refs0, refs1] : [refs0]) {
      for (let ref = 0; ref < refs && !reader.exhausted; ref += 1) {
        if (reader.flag()) skipTwo(reader);
        if (sequence.chroma && reader.flag()) for (let term = 0; term < 4; term += 1) reader.signed();
      }
    }
  }
  if ((first & 0x60) !== 0) {
    if (isIdr) reader.bits(2);
    else if (reader.flag()) {
      for (let operation = reader.unsigned(); operation !== 0 && !reader.exhausted; operation = reader.unsigned()) {
        if (operation !== 5) reader.unsigned();
        if (operation === 3) reader.unsigned();
      }
    }
  }
  if (picture.cabac && (isP || isB)) reader.unsigned();
}

function skipReordering(reader: BitReader): void {
  if (!reader.flag()) return;
  while (reader.unsigned() !== 3 && !reader.exhausted) reader.unsigned();
}

function skipTwo(reader: BitReader): void {
  reader.signed();
  reader.signed();
}
