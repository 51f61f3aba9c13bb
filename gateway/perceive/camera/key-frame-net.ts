import type { EpochMs } from '../../lib/clock.ts';
import { createMotionGate } from '../motion.ts';
import type { Fragment, InitSegment } from './fragment.ts';
import type { YuvPicture } from '../picture.ts';
import type { StillDecoder } from './still-decoder.ts';

/** A net under the gate: what came so quietly that the gate did not notice is seen by comparing key frames. */
export interface StillLook {
  /**
   * Looks at a key frame when it is time to: true when the scene is another than at the look before, or cannot be decoded.
   * Null: not now. `doubtful`: the gate can tell little here, every key frame is looked at.
   */
  look(init: InitSegment, fragment: Fragment, doubtful: boolean): Promise<boolean> | null;
  /** The scene was seen otherwise: the next key frame is what later ones are compared with. */
  seen(): void;
}

/** Told of every key frame that was looked at; the picture is its only until it returns. */
export type OnStill = (picture: YuvPicture, capturedAt: EpochMs) => void;

/** One camera's net. `everyMs`: capture time between looks; the first after `seen` comes at once. */
export function createStillLook(stills: StillDecoder, everyMs: number, onStill: OnStill = () => undefined): StillLook {
  let compare = createMotionGate();
  let hasReference = false;
  let lastAtMs = -Infinity;
  let busy = false;
  return {
    look: (init, fragment, doubtful) => {
      const at = fragment.capturedAtMs;
      if (busy || (hasReference && !doubtful && at - lastAtMs < everyMs && at >= lastAtMs)) return null;
      busy = true;
      lastAtMs = at;
      return stills.decode(init, fragment).then((picture) => {
        busy = false;
        // Better to look with the decoder that shows more than not to look.
        if (!picture) return true;
        const { boxes } = compare(picture);
        onStill(picture, at);
        picture.release();
        const changed = hasReference && boxes.length > 0;
        hasReference = true;
        return changed;
      });
    },
    seen: () => {
      compare = createMotionGate();
      hasReference = false;
    },
  };
}
