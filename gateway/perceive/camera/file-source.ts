import { GatewayError } from '../../lib/errors.ts';
import type { EpochMs } from '../../lib/clock.ts';
import type { Frame, OpenFileSource } from '../frame-source.ts';
import { startPictureStream, type Picture } from './picture-stream.ts';

/** A video file, as fast as its reader takes it; nothing is dropped. Capture time is media time since 1970. */
export const openFileSource: OpenFileSource = (request) => ({
  dropped: () => 0,
  frames: async function* (signal: AbortSignal): AsyncGenerator<Frame> {
    let deliver: ((picture: Picture | null) => void) | null = null;
    let release: (() => void) | null = null;
    let next = new Promise<Picture | null>((resolve) => {
      deliver = resolve;
    });
    let count = 0;
    const stream = startPictureStream({
      input: ['-i', request.path],
      framesPerSecond: request.framesPerSecond,
      maxWidthPx: request.maxWidthPx,
      onPicture: (picture) => {
        deliver?.(picture);
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    });
    const stop = (): void => {
      stream.stop();
      release?.();
    };
    signal.addEventListener('abort', stop, { once: true });
    let complaint = '';
    void stream.ended.then((end) => {
      complaint = end.complaint;
      deliver?.(null);
    });
    try {
      for (;;) {
        const picture = await next;
        if (picture === null || signal.aborted) break;
        next = new Promise((resolve) => {
          deliver = resolve;
        });
        count += 1;
        yield { ...picture, capturedAt: picture.mediaMs as EpochMs };
        picture.release();
        const go = release as (() => void) | null;
        release = null;
        go?.();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      await stream.ended;
    }
    if (count === 0 && !signal.aborted) {
      throw new GatewayError(
        'video.unreadable',
        `cannot be decoded as video: ${complaint === '' ? 'no picture in it' : complaint}`,
        { facts: { path: request.path } },
      );
    }
  },
});
