import { GatewayError } from '../../lib/errors.ts';
import { systemClock, type EpochMs } from '../../lib/clock.ts';
import type { FileSource, FileSourceRequest, OpenFileSource, VideoFrame } from '../frame-source.ts';
import { startCopyPull } from './copy-pull.ts';
import { createDecoderSlots } from './decoder-slots.ts';
import { createDecodingWay } from './decoding-way.ts';
import { createEye, type Eye } from './eye.ts';
import { readFileStart, type FileStart } from './file-start.ts';
import { createFragmentHub } from './fragment-hub.ts';
import { createFrameSlot, type FrameSlot } from './frame-slot.ts';
import { createStillLook } from './key-frame-net.ts';
import { noPullCounts, type Pull } from './pull.ts';
import { startPictureStream } from './picture-stream.ts';
import { createStillDecoder, type StillDecoder } from './still-decoder.ts';

/**
 * A video file on the very path of a live camera (fragments, gate, decoder), as fast as its reader takes it; nothing is
 * dropped. Capture times are the file's own (`readFileStart`). A codec that cannot be copied is decoded all the way.
 * Played once: `frames` may be called once.
 */
export const openFileSource: OpenFileSource = (request) => {
  const clock = systemClock;
  const slot = createFrameSlot(null);
  const hub = createFragmentHub();
  const stills = createStillDecoder(clock);
  const play: Playing = { request, slot, stills, hub, eye: null, pull: null, seenUntil: null, shown: null };
  const eye = createEye({
    framesPerSecond: request.framesPerSecond,
    maxWidthPx: request.maxWidthPx,
    gate: request.gate,
    net: createStillLook(stills, request.lookEveryMs, request.onStill),
    slots: createDecoderSlots({ capacity: 1, turnMs: Number.MAX_SAFE_INTEGER, clock }),
    way: createDecodingWay('off', () => undefined),
    slot,
    clock,
    live: false,
    hold: (on) => (on ? play.pull?.pause() : play.pull?.resume()),
  });
  play.eye = eye;
  hub.attach(eye);
  const source: FileSource = {
    dropped: () => 0,
    fragments: hub,
    seenUntil: () => play.seenUntil,
    report: () => ({
      ...(play.pull?.counts() ?? noPullCounts),
      ...eye.report(),
      connections: play.shown === null ? 0 : 1,
      driftPpm: null,
    }),
    frames: (signal) => playFrames(play, eye, signal),
  };
  return source;
};

interface Playing {
  readonly request: FileSourceRequest;
  readonly slot: FrameSlot;
  readonly stills: StillDecoder;
  readonly hub: ReturnType<typeof createFragmentHub>;
  eye: Eye | null;
  pull: Pull | null;
  seenUntil: EpochMs | null;
  /** Size of the pictures, once it is known. */
  shown: { readonly widthPx: number; readonly heightPx: number } | null;
}

async function* playFrames(play: Playing, eye: Eye, signal: AbortSignal): AsyncGenerator<VideoFrame> {
  const { request, slot } = play;
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const outcome: { reason: string | null } = { reason: null };
  let given = 0;
  const run = (async () => {
    const start = await readFileStart(request.path, request.startsAt ?? null, ending.signal);
    request.onStart?.(start);
    const fault = await playGated(play, eye, start, ending.signal);
    outcome.reason = fault;
    if (fault !== null && given === 0 && !signal.aborted)
      outcome.reason = await playDecoded(play, start, ending.signal);
  })().finally(() => slot.end());
  try {
    for await (const frame of slot.take(ending.signal)) {
      given += 1;
      yield frame;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await run;
    await eye.close();
    await play.stills.close();
  }
  // A file in which nothing moves gives no frame, and is a video all the same.
  const decoded = play.seenUntil !== null && eye.report().decoderStarts === 0;
  if (given === 0 && !decoded && !signal.aborted) {
    throw new GatewayError('video.unreadable', `cannot be decoded as video: ${outcome.reason ?? 'no picture in it'}`, {
      facts: { path: request.path },
    });
  }
}

/** Settles when the last frame was taken: null, or why the file cannot be copied. */
async function playGated(play: Playing, eye: Eye, start: FileStart, signal: AbortSignal): Promise<string | null> {
  const { request, hub } = play;
  let streams = 0;
  const pull = startCopyPull({
    sink: {
      begin: (init) => {
        show(play, init);
        hub.begin(init);
      },
      take: (fragment) => {
        play.seenUntil = (fragment.capturedAtMs + fragment.durationMs) as EpochMs;
        hub.take(fragment);
      },
      end: () => hub.end(),
    },
    nextStream: () => (streams += 1),
    input: ['-i', request.path],
    clock: systemClock,
    captureTimes: start,
  });
  play.pull = pull;
  const stop = (): void => {
    pull.stop();
    void eye.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const end = await pull.ended;
  if (!signal.aborted) await eye.drained();
  signal.removeEventListener('abort', stop);
  return streams === 0 ? end.reason : null;
}

function show(play: Playing, { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number }): void {
  if (play.shown?.widthPx === widthPx && play.shown.heightPx === heightPx) return;
  play.shown = { widthPx, heightPx };
  play.request.onSize?.(play.shown);
}

/** Without gate and fragments: what MP4 has no name for. */
async function playDecoded(play: Playing, start: FileStart, signal: AbortSignal): Promise<string> {
  const { request, slot } = play;
  const stream = startPictureStream({
    input: ['-i', request.path],
    framesPerSecond: request.framesPerSecond,
    maxWidthPx: request.maxWidthPx,
    onPicture: (picture) => {
      show(play, picture);
      const capturedAt = (start.startsAt + picture.mediaMs) as EpochMs;
      play.seenUntil = capturedAt;
      return slot.offer({ ...picture, capturedAt, graceMs: 0 });
    },
  });
  const stop = (): void => stream.stop();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { complaint } = await stream.ended;
  signal.removeEventListener('abort', stop);
  return complaint === '' ? 'no picture in it' : complaint;
}
