import { createH264SliceReader, type SliceHead } from './h264-slice.ts';
import type { GateInput } from './gate.ts';
import { createHevcSliceReader } from './hevc-slice.ts';

/** What one coded picture weighs. */
export interface PictureWeight {
  /** Bytes of its slices alone: no filler, no parameter sets, no messages. */
  readonly sliceBytes: number;
  /** Of its first slice; null where it cannot be read. */
  readonly head: SliceHead | null;
}

export interface PictureMeter {
  /** Takes one coded picture as it lies in MP4: NAL units, each behind its length in four bytes. Never throws. */
  weigh(sample: Uint8Array): PictureWeight;
}

/** Kinds of NAL units by codec: ISO/IEC 14496-10 table 7-1, ISO/IEC 23008-2 table 7-1. */
function kindOf(codec: 'h264' | 'hevc', first: number): 'slice' | 'parameters' | 'other' {
  if (codec === 'h264') {
    const type = first & 31;
    if (type === 1 || type === 5) return 'slice';
    return type === 7 || type === 8 ? 'parameters' : 'other';
  }
  const type = (first >> 1) & 63;
  if (type <= 31) return 'slice';
  return type === 33 || type === 34 ? 'parameters' : 'other';
}

/**
 * Makes the meter of one stream. `init` is its MP4 initialisation segment, searched for the `avcC` or `hvcC` box
 * (ISO/IEC 14496-15) with the parameter sets; those that come within the stream take their place.
 */
export function createPictureMeter(codec: 'h264' | 'hevc', init: Uint8Array): PictureMeter {
  const slices = codec === 'h264' ? createH264SliceReader() : createHevcSliceReader();
  for (const nal of codec === 'h264' ? setsOfAvcC(init) : setsOfHvcC(init)) slices.learn(nal);
  return {
    weigh: (sample) => {
      let sliceBytes = 0;
      let head: SliceHead | null = null;
      let asked = false;
      for (let at = 0; at + 4 < sample.length;) {
        const length = readLength(sample, at);
        const from = at + 4;
        const nal = sample.subarray(from, Math.min(from + length, sample.length));
        at = from + length;
        switch (kindOf(codec, nal[0] ?? 0)) {
          case 'slice':
            sliceBytes += nal.length;
            if (!asked) head = slices.head(nal);
            asked = true;
            break;
          case 'parameters':
            slices.learn(nal);
            break;
          case 'other':
            break;
        }
      }
      return { sliceBytes, head };
    },
  };
}

const readLength = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) * 0x1000000 +
  (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));

const readShort = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** Content of the first box of this name, wherever it lies; boxes that hold boxes need not be walked for one so rare a name. */
function findBox(init: Uint8Array, name: string): Uint8Array | null {
  const wanted = Array.from(name, (character) => character.charCodeAt(0));
  for (let at = 4; at + 4 <= init.length; at += 1) {
    if (wanted.every((code, index) => init[at + index] === code)) {
      const length = readLength(init, at - 4);
      if (length > 8 && at - 4 + length <= init.length) return init.subarray(at + 4, at - 4 + length);
    }
  }
  return null;
}

/** AVCDecoderConfigurationRecord, ISO/IEC 14496-15, 5.3.3.1. */
function setsOfAvcC(init: Uint8Array): Uint8Array[] {
  const box = findBox(init, 'avcC');
  if (!box) return [];
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const mask of [31, 255]) {
    const count = (box[at] ?? 0) & mask;
    at += 1;
    for (let index = 0; index < count && at + 2 <= box.length; index += 1) {
      const length = readShort(box, at);
      sets.push(box.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return sets;
}

/** HEVCDecoderConfigurationRecord, ISO/IEC 14496-15, 8.3.3.1. */
function setsOfHvcC(init: Uint8Array): Uint8Array[] {
  const box = findBox(init, 'hvcC');
  if (!box) return [];
  const sets: Uint8Array[] = [];
  const arrays = box[22] ?? 0;
  let at = 23;
  for (let array = 0; array < arrays && at + 3 <= box.length; array += 1) {
    const count = readShort(box, at + 1);
    at += 3;
    for (let index = 0; index < count && at + 2 <= box.length; index += 1) {
      const length = readShort(box, at);
      sets.push(box.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return sets;
}

/** The gate's input for one fragment that the meter has weighed. */
export function gateInputOf(weight: PictureWeight, key: boolean, mediaTimeMs: number): GateInput {
  const { sliceBytes, head } = weight;
  const recovery = key && (head?.kind === 'forward' || head?.kind === 'both');
  return {
    key: key && !recovery,
    recovery,
    sizeBytes: sliceBytes,
    quantiser: head?.quantiser ?? null,
    bidirectional: head?.kind === 'both',
    mediaTimeMs,
  };
}
