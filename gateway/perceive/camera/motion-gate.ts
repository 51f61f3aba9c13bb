import type { Fragment, InitSegment } from './fragment.ts';
import {
  calmGate,
  createPictureMeter,
  gateInputOf,
  newGate,
  openGate,
  watchPicture,
  type GateDecision,
  type PictureMeter,
  type Sensitivity,
} from './gate/index.ts';

/** Says of each fragment whether it should be decoded. Recall first: open too often rather than too rarely. */
export interface MotionGate {
  begin(init: InitSegment): void;
  take(fragment: Fragment): GateDecision;
  /** Decoded pictures have shown that nothing moved between these media times. */
  calm(fromMs: number, untilMs: number): void;
  /** Something was seen otherwise: stays open for so long. */
  open(forMs: number): void;
}

/** The gate of one camera, over `gate/`'s pure function. A new stream is learned anew. */
export function createMotionGateOf(sensitivity: Sensitivity): MotionGate {
  let state = newGate(sensitivity);
  let meter: PictureMeter | null = null;
  return {
    begin: (init) => {
      state = newGate(sensitivity);
      meter = createPictureMeter(init.codec, init.bytes);
    },
    take: (fragment) => {
      const weight = meter?.weigh(samplesOf(fragment));
      const { key, mediaTimeMs, sizeBytes } = fragment;
      const input = weight ? gateInputOf(weight, key, mediaTimeMs) : { key, mediaTimeMs, sizeBytes, quantiser: null };
      const found = watchPicture(state, input);
      state = found.state;
      return found.decision;
    },
    calm: (fromMs, untilMs) => {
      state = calmGate(state, fromMs, untilMs);
    },
    open: (forMs) => {
      state = openGate(state, forMs);
    },
  };
}

/** What lies in the `mdat` behind the `moof`. */
function samplesOf({ bytes }: Fragment): Uint8Array {
  const moof =
    ((bytes[0] ?? 0) * 0x1000000 + (((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0))) >>> 0;
  return bytes.subarray(moof + 8);
}
