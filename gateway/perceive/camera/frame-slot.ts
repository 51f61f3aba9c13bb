import type { EpochMs } from '../../lib/clock.ts';
import type { FrameTimes, VideoFrame } from '../frame-source.ts';
import type { YuvPicture } from '../picture.ts';
import type { Picture } from './picture-stream.ts';

/** A frame on its way to whoever looks at it. */
export interface HeldFrame extends YuvPicture, FrameTimes, Pick<Picture, 'release'> {
  /** Added to the age at which it is too old: what lies before the moment that woke the decoder comes late by nature. */
  readonly graceMs: number;
}

/**
 * One place for one frame. While it is taken the decoder waits; a frame that would come out too old to be of use is let go
 * instead, and so are those after it until they are fresh again: a reader that is too slow sees fewer frames, not older ones.
 */
export interface FrameSlot {
  /** Puts a frame down; the promise settles when it was taken. Null: let go, or nobody waits on it. */
  offer(frame: HeldFrame): Promise<void> | null;
  dropped(): number;
  isEmpty(): boolean;
  end(): void;
  take(signal: AbortSignal): AsyncGenerator<VideoFrame>;
}

/** A frame so much older than the present is let go, in one go down to `freshMs`: letting go costs a tenth of looking. */
const staleMs = 2500;
const freshMs = 800;
/** On a machine that is behind for good, an old frame is better than none: one is given at least this often. */
const givenEveryMs = 1000;

/** `now` null: nothing is ever too old (a file). */
export function createFrameSlot(now: (() => EpochMs) | null): FrameSlot {
  let held: HeldFrame | null = null;
  let taken: (() => void) | null = null;
  let wake: (() => void) | null = null;
  let ended = false;
  let closed = false;
  let dropped = 0;
  let catchingUp = false;
  let givenAt = 0;
  const notify = (): void => {
    wake?.();
    wake = null;
  };
  const tooOld = (frame: HeldFrame): boolean => {
    if (now === null) return false;
    const ageMs = now() - frame.capturedAt - frame.graceMs;
    catchingUp = catchingUp ? ageMs > freshMs : ageMs > staleMs;
    return catchingUp && now() - givenAt < givenEveryMs && now() >= givenAt;
  };
  const settle = (): void => {
    taken?.();
    taken = null;
  };
  return {
    offer: (frame) => {
      if (closed || tooOld(frame)) {
        frame.release();
        dropped += closed ? 0 : 1;
        return null;
      }
      if (held) {
        // Two decoders of one camera at once do not happen; if they did, the newer frame would count.
        held.release();
        settle();
        dropped += 1;
      }
      held = frame;
      notify();
      return new Promise((resolve) => {
        taken = resolve;
      });
    },
    dropped: () => dropped,
    isEmpty: () => held === null,
    end: () => {
      ended = true;
      notify();
    },
    take: async function* (signal) {
      signal.addEventListener('abort', notify, { once: true });
      try {
        while (!isAborted(signal)) {
          // A turn of the event loop: without it a busy reader would never let newer data in.
          await new Promise<void>((resolve) => {
            setImmediate(resolve);
          });
          const frame = held;
          if (frame) {
            held = null;
            settle();
            // While it waited it may have grown old.
            if (tooOld(frame)) {
              dropped += 1;
              frame.release();
              continue;
            }
            try {
              yield frame;
            } finally {
              givenAt = now?.() ?? 0;
              frame.release();
            }
          } else if (ended) return;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        closed = true;
        signal.removeEventListener('abort', notify);
        held?.release();
        held = null;
        settle();
      }
    },
  };
}

/** Read through a function: `tsc` believes that `aborted` cannot change between two reads. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
