import { GatewayError } from '../../lib/errors.ts';
import { systemClock, type EpochMs } from '../../lib/clock.ts';
import type { FileSourceRequest, Frame, OpenFileSource } from '../frame-source.ts';
import { startCopyPull } from './copy-pull.ts';
import { createDecoderSlots } from './decoder-slots.ts';
import { createDecodingWay } from './decoding-way.ts';
import { createEye } from './eye.ts';
import { createFrameSlot, type FrameSlot } from './frame-slot.ts';
import { createStillLook } from './key-frame-net.ts';
import type { Pull } from './pull.ts';
import { startPictureStream } from './picture-stream.ts';
import { createStillDecoder } from './still-decoder.ts';

/**
 * A video file on the very path of a live camera (fragments, gate, decoder), as fast as its reader takes it; nothing is
 * dropped. Capture time is media time since 1970. A codec that cannot be copied is decoded all the way.
 */
export const openFileSource: OpenFileSource = (request) => ({
  dropped: () => 0,
  frames: async function* (signal: AbortSignal): AsyncGenerator<Frame> {
    const slot = createFrameSlot(null);
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const outcome: { reason: string | null } = { reason: null };
    let given = 0;
    const run = playGated(request, slot, ending.signal)
      .then(async (fault) => {
        outcome.reason = fault;
        if (fault !== null && given === 0 && !signal.aborted)
          outcome.reason = await playDecoded(request, slot, ending.signal);
      })
      .finally(() => slot.end());
    try {
      for await (const frame of slot.take(ending.signal)) {
        given += 1;
        yield frame;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      await run;
    }
    if (given === 0 && !signal.aborted) {
      throw new GatewayError(
        'video.unreadable',
        `cannot be decoded as video: ${outcome.reason ?? 'no picture in it'}`,
        {
          facts: { path: request.path },
        },
      );
    }
  },
});

/** Settles when the last frame was taken: null, or why the file cannot be copied. */
async function playGated(request: FileSourceRequest, slot: FrameSlot, signal: AbortSignal): Promise<string | null> {
  const clock = systemClock;
  const stills = createStillDecoder(clock);
  let pull: Pull | null = null;
  const eye = createEye({
    framesPerSecond: request.framesPerSecond,
    maxWidthPx: request.maxWidthPx,
    gate: request.gate,
    net: createStillLook(stills, request.lookEveryMs),
    slots: createDecoderSlots({ capacity: 1, turnMs: Number.MAX_SAFE_INTEGER, clock }),
    way: createDecodingWay('off', () => undefined),
    slot,
    clock,
    live: false,
    hold: (on) => (on ? pull?.pause() : pull?.resume()),
  });
  let streams = 0;
  pull = startCopyPull({
    sink: eye,
    nextStream: () => (streams += 1),
    input: ['-i', request.path],
    clock,
    captureTimes: 'file',
  });
  const stop = (): void => {
    pull.stop();
    void eye.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const end = await pull.ended;
    if (!signal.aborted) await eye.drained();
    return streams === 0 ? end.reason : null;
  } finally {
    signal.removeEventListener('abort', stop);
    await eye.close();
    await stills.close();
  }
}

/** Without gate and fragments: what MP4 has no name for. */
async function playDecoded(request: FileSourceRequest, slot: FrameSlot, signal: AbortSignal): Promise<string> {
  const stream = startPictureStream({
    input: ['-i', request.path],
    framesPerSecond: request.framesPerSecond,
    maxWidthPx: request.maxWidthPx,
    onPicture: (picture) => slot.offer({ ...picture, capturedAt: picture.mediaMs as EpochMs, graceMs: 0 }),
  });
  const stop = (): void => stream.stop();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { complaint } = await stream.ended;
  signal.removeEventListener('abort', stop);
  return complaint === '' ? 'no picture in it' : complaint;
}
