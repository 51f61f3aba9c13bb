import { fileURLToPath } from 'node:url';
import { hideUrlCredentials } from '../../lib/logger.ts';
import { messageOf } from '../../lib/errors.ts';
import { backoffMs, type BackoffPolicy } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Frame, FrameSource, LiveSourceRequest, OpenLiveSource } from '../frame-source.ts';
import { createCaptureClock } from './capture-clock.ts';
import { startPictureStream, type Picture } from './picture-stream.ts';
import { startRtspRelay, type RtspRelay } from './relay.ts';

const reconnect: BackoffPolicy = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.3 };
/** Five wrong logins lock a Hikvision camera for 30 minutes: with one try in ten minutes it never comes to that. */
const wrongPasswordWaitMs = 600_000;
/**
 * A frame this much older than the freshest way it could have come is let go. While a model runs, this thread reads nothing
 * and ffmpeg waits with it: what then comes out is the past. Letting it go costs a tenth of looking at it, so we catch up.
 */
const staleMs = 1000;

/** A camera over RTSP, reconnecting for ever; or a file played once in real time. */
export const openLiveSource: OpenLiveSource = (request) => {
  let dropped = 0;
  return {
    dropped: () => dropped,
    frames: (signal) => {
      const slot = createSlot(() => {
        dropped += 1;
      });
      const once = request.url.startsWith('file:');
      void keepConnected(request, slot, signal, once).finally(slot.end);
      return slot.take(signal);
    },
  } satisfies FrameSource;
};

async function keepConnected(
  request: LiveSourceRequest,
  slot: Sink,
  signal: AbortSignal,
  once: boolean,
): Promise<void> {
  let failures = 0;
  while (!isAborted(signal)) {
    request.onStatus({ kind: 'connecting' });
    const outcome = await connectOnce(request, slot, signal).catch((error: unknown): Outcome => {
      // A fault of this camera's must not end the thread, which serves others too.
      return { frames: 0, silent: false, wrongPassword: false, reason: messageOf(error) };
    });
    if (isAborted(signal)) return;
    if (once && outcome.frames > 0) return;
    failures = outcome.frames > 0 ? 1 : failures + 1;
    request.onStatus({ kind: outcome.silent ? 'silent' : 'failed', reason: outcome.reason });
    const waitMs = outcome.wrongPassword ? wrongPasswordWaitMs : backoffMs(reconnect, failures, Math.random);
    await pause(request.clock, waitMs, signal);
  }
}

/** ffmpeg names the address in its complaints, and a camera's address may hold its password. */
function withoutAddress(complaint: string, url: string): string {
  return hideUrlCredentials(complaint.replaceAll(url, 'the camera'));
}

/** Where frames go, and how one is counted that goes nowhere. */
interface Sink {
  readonly put: (frame: HeldFrame) => void;
  readonly drop: () => void;
}

interface Outcome {
  readonly frames: number;
  readonly silent: boolean;
  readonly wrongPassword: boolean;
  readonly reason: string;
}

/** One connection from its beginning to its end. Leaves no child and no socket. */
async function connectOnce(request: LiveSourceRequest, { put, drop }: Sink, signal: AbortSignal): Promise<Outcome> {
  const { clock, url } = request;
  const isRtsp = /^rtsps?:/i.test(url);
  const relay: RtspRelay | null = isRtsp ? await startRtspRelay(url) : null;
  const captureTime = createCaptureClock();
  let frames = 0;
  let lastAt = clock.monotonic();
  const silence = { noticed: false };
  const stream = startPictureStream({
    input: inputArguments(url, relay?.url ?? null),
    framesPerSecond: request.framesPerSecond,
    maxWidthPx: request.maxWidthPx,
    onPicture: (picture: Picture) => {
      lastAt = clock.monotonic();
      if (frames === 0) request.onStatus({ kind: 'connected', widthPx: picture.widthPx, heightPx: picture.heightPx });
      frames += 1;
      const now = clock.now();
      const capturedAt = captureTime(picture.mediaMs, now);
      if (now - capturedAt > staleMs) {
        picture.release();
        drop();
      } else put({ ...picture, capturedAt });
      return null;
    },
  });
  const watch = watchSilence(
    clock,
    request.silentAfterMs,
    () => clock.monotonic() - lastAt,
    () => {
      silence.noticed = true;
      stream.stop();
    },
  );
  const onAbort = (): void => stream.stop();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) stream.stop();
  const { complaint } = await stream.ended;
  watch.cancel();
  signal.removeEventListener('abort', onAbort);
  const fault = relay?.fault() ?? null;
  await relay?.stop();
  const reason = silence.noticed
    ? `no picture for ${Math.round(request.silentAfterMs / 1000)} s`
    : fault
      ? fault.kind === 'unreachable'
        ? `the camera cannot be reached (${fault.detail})`
        : fault.detail
      : complaint === ''
        ? 'the stream ended'
        : withoutAddress(complaint, url);
  return { frames, silent: silence.noticed, wrongPassword: fault?.kind === 'wrong-password', reason };
}

function inputArguments(url: string, relayUrl: string | null): string[] {
  if (relayUrl !== null) {
    const udp = new URL(url).searchParams.get('transport') === 'udp';
    // -timeout is in µs; a dead link ends the child even if our own watch should fail.
    return [
      '-rtsp_transport',
      udp ? 'udp' : 'tcp',
      '-timeout',
      '15000000',
      '-allowed_media_types',
      'video',
      '-fflags',
      'nobuffer',
      '-i',
      relayUrl,
    ];
  }
  if (url.startsWith('file:')) return ['-re', '-i', fileURLToPath(url)];
  return ['-i', url];
}

function watchSilence(clock: Clock, limitMs: number, sinceMs: () => number, onSilent: () => void): { cancel(): void } {
  let timer = { cancel: (): void => undefined };
  const check = (): void => {
    const leftMs = limitMs - sinceMs();
    if (leftMs <= 0) onSilent();
    else timer = clock.after(leftMs, check);
  };
  timer = clock.after(limitMs, check);
  return { cancel: () => timer.cancel() };
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(ms, done);
    function done(): void {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}

type HeldFrame = Frame & Pick<Picture, 'release'>;

/** One place for one frame: a newer one takes the place of one that nobody took. */
function createSlot(onDrop: () => void) {
  const state: { held: HeldFrame | null; ended: boolean; wake: (() => void) | null } = {
    held: null,
    ended: false,
    wake: null,
  };
  const notify = (): void => {
    state.wake?.();
    state.wake = null;
  };
  return {
    drop: onDrop,
    put: (frame: HeldFrame): void => {
      if (state.held) {
        state.held.release();
        onDrop();
      }
      state.held = frame;
      notify();
    },
    end: (): void => {
      state.ended = true;
      notify();
    },
    take: async function* (signal: AbortSignal): AsyncGenerator<Frame> {
      signal.addEventListener('abort', notify, { once: true });
      while (!isAborted(signal)) {
        // A turn of the event loop: without it a busy reader would never let newer data in.
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
        const frame = state.held;
        if (frame) {
          state.held = null;
          try {
            yield frame;
          } finally {
            frame.release();
          }
        } else if (state.ended) return;
        else {
          await new Promise<void>((resolve) => {
            state.wake = resolve;
          });
        }
      }
    },
  };
}

/** Read through a function: `tsc` believes that `aborted` cannot change between two reads. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
