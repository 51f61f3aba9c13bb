import type { CameraCause } from '../../domain/event.ts';
import { hideUrlCredentials } from '../../lib/logger.ts';
import { messageOf } from '../../lib/errors.ts';
import { backoffMs, type BackoffPolicy } from '../../lib/backoff.ts';
import type { Clock, EpochMs } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { LiveSource, LiveSourceRequest, OpenLiveSource } from '../frame-source.ts';
import { startCopyPull } from './copy-pull.ts';
import { createEye, type Eye } from './eye.ts';
import type { FragmentSink } from './fragment.ts';
import { createFragmentHub } from './fragment-hub.ts';
import { createFrameSlot, type FrameSlot } from './frame-slot.ts';
import { createStillLook } from './key-frame-net.ts';
import { startPictureStream } from './picture-stream.ts';
import { createCaptureClock } from './capture-clock.ts';
import { noPullCounts, type Pull, type PullCounts, type PullEnd } from './pull.ts';
import { startRtspRelay } from './relay.ts';
import { startRtspPull } from './rtsp-pull.ts';

const reconnect: BackoffPolicy = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.3 };
/** Five wrong logins lock a Hikvision camera for 30 minutes: with one try in ten minutes it never comes to that. */
const wrongPasswordWaitMs = 600_000;
/** After so many connections in a row without one picture, the next is made through ffmpeg, and so in turn. */
const triesOfAWay = 3;

/** How a camera is reached. `decode`: what cannot be copied is decoded all the time, as it comes. */
type Way = 'rtsp' | 'copy' | 'decode';

interface Outcome extends Omit<PullEnd, 'kind'> {
  readonly kind: PullEnd['kind'] | 'silent';
  readonly pictures: number;
}

const causes: Readonly<Record<Outcome['kind'], CameraCause>> = {
  stopped: 'interrupted',
  ended: 'interrupted',
  failed: 'interrupted',
  silent: 'no-picture',
  unreachable: 'unreachable',
  unsupported: 'unsupported',
  'wrong-password': 'wrong-password',
};

/** A camera over RTSP or HTTP, reconnecting for ever. */
export const openLiveSource: OpenLiveSource = (request) => {
  const { clock, shared } = request;
  const hub = createFragmentHub();
  const slot = createFrameSlot(() => clock.now());
  const eye = createEye({
    framesPerSecond: request.framesPerSecond,
    maxWidthPx: request.maxWidthPx,
    gate: request.gate,
    net: shared.stills ? createStillLook(shared.stills, request.lookEveryMs, request.onStill) : null,
    slots: shared.slots,
    way: shared.way,
    slot,
    clock,
    live: true,
    hold: () => undefined,
    onFault: (reason) => {
      // The stream is there, but nobody can look at it.
      if (reason !== null) request.onStatus({ kind: 'failed', cause: 'undecodable', reason });
      else if (state.size) request.onStatus({ kind: 'connected', ...state.size });
    },
  });
  hub.attach(eye);
  const state: Connecting['state'] = { streams: 0, past: noPullCounts, pull: null, opened: 0, size: null };
  const source: LiveSource = {
    dropped: () => slot.dropped(),
    fragments: hub,
    quietAt: () => eye.quietAt(),
    wake: (forMs) => eye.wake(forMs),
    report: () => {
      const now = state.pull ? addCounts(state.past, state.pull.counts()) : state.past;
      return { ...now, ...eye.report(), connections: state.opened, driftPpm: state.pull?.driftPpm() ?? null };
    },
    frames: (signal) => {
      void keepConnected({ ...request, hub, slot, eye, state }, signal).finally(() => {
        void eye.close().finally(() => slot.end());
      });
      return slot.take(signal);
    },
  };
  return source;
};

interface Connecting extends LiveSourceRequest {
  readonly hub: FragmentSink;
  readonly slot: FrameSlot;
  readonly eye: Eye;
  readonly state: { streams: number; past: PullCounts; pull: Pull | null; opened: number; size: Size | null };
}

interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

function addCounts(a: PullCounts, b: PullCounts): PullCounts {
  return {
    bytes: a.bytes + b.bytes,
    fragments: a.fragments + b.fragments,
    keyFrames: a.keyFrames + b.keyFrames,
    packetsLost: a.packetsLost + b.packetsLost,
    picturesLost: a.picturesLost + b.picturesLost,
  };
}

async function keepConnected(given: Connecting, signal: AbortSignal): Promise<void> {
  let way: Way = /^rtsps?:/i.test(given.url) ? 'rtsp' : 'copy';
  const first = way;
  let failures = 0;
  while (!isAborted(signal)) {
    given.onStatus({ kind: 'connecting' });
    const outcome: Outcome = await connectOnce(given, way, signal).catch((error: unknown): Outcome => {
      // A fault of this camera's must not end the thread, which serves others too.
      return { kind: 'failed', pictures: 0, reason: messageOf(error) };
    });
    if (isAborted(signal)) return;
    if (outcome.pictures > 0) failures = 1;
    else {
      failures += 1;
      // Cameras are strange in many ways; what our client cannot make out, ffmpeg may.
      const next: Way = outcome.kind === 'unsupported' ? nextWay(way) : way;
      const tired = failures % triesOfAWay === 0 && (outcome.kind === 'failed' || outcome.kind === 'silent');
      const chosen: Way = next === way && tired && first === 'rtsp' ? (way === 'rtsp' ? 'copy' : 'rtsp') : next;
      if (chosen !== way && outcome.kind === 'unsupported') {
        way = chosen;
        continue;
      }
      way = chosen;
    }
    given.onStatus({
      kind: outcome.kind === 'silent' ? 'silent' : 'failed',
      cause: causes[outcome.kind],
      reason: outcome.reason,
    });
    const waitMs =
      outcome.kind === 'wrong-password' ? wrongPasswordWaitMs : backoffMs(reconnect, failures, Math.random);
    await pause(given.clock, waitMs, signal);
  }
}

const nextWay = (way: Way): Way => (way === 'rtsp' ? 'copy' : 'decode');

/** One connection from its beginning to its end. Leaves no child and no socket. */
async function connectOnce(given: Connecting, way: Way, signal: AbortSignal): Promise<Outcome> {
  const { clock, url } = given;
  const relay = /^rtsps?:/i.test(url) && way !== 'rtsp' ? await startRtspRelay(url) : null;
  let pictures = 0;
  let lastAtMs = clock.monotonic();
  const silence = { noticed: false };
  const heard = (widthPx: number, heightPx: number): void => {
    lastAtMs = clock.monotonic();
    pictures += 1;
    if (pictures > 1) return;
    given.state.opened += 1;
    given.state.size = { widthPx, heightPx };
    given.onStatus({ kind: 'connected', widthPx, heightPx });
  };
  let size = { widthPx: 0, heightPx: 0 };
  const sink: FragmentSink = {
    begin: (init) => {
      if (pictures > 0 && (init.widthPx !== size.widthPx || init.heightPx !== size.heightPx))
        given.onStatus({ kind: 'resized', widthPx: init.widthPx, heightPx: init.heightPx });
      size = init;
      given.hub.begin(init);
    },
    take: (fragment) => {
      heard(size.widthPx, size.heightPx);
      given.hub.take(fragment);
    },
    audio: (unit) => given.hub.audio?.(unit),
    end: () => given.hub.end(),
    hurries: () => given.hub.hurries?.() === true,
  };
  const nextStream = (): number => (given.state.streams += 1);
  const input = inputArguments(url, relay?.url ?? null, given.transport);
  const pull: Pick<Pull, 'ended' | 'stop'> =
    way === 'rtsp'
      ? (given.state.pull = startRtspPull({
          ...{ sink, nextStream, url, transport: given.transport, clock },
          ...{ memory: given.shared.memory, audio: given.audio ?? false },
        }))
      : way === 'copy'
        ? (given.state.pull = startCopyPull({ sink, nextStream, input, clock, captureTimes: 'arrival' }))
        : startDecodingPull(given, input, heard);
  const watch = watchSilence(
    clock,
    given.silentAfterMs,
    () => clock.monotonic() - lastAtMs,
    () => {
      silence.noticed = true;
      pull.stop();
    },
  );
  const onAbort = (): void => pull.stop();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) pull.stop();
  const end = await pull.ended;
  watch.cancel();
  signal.removeEventListener('abort', onAbort);
  if (given.state.pull) given.state.past = addCounts(given.state.past, given.state.pull.counts());
  given.state.pull = null;
  const fault = relay?.fault() ?? null;
  await relay?.stop();
  // What the relay noticed is nearer to the cause than ffmpeg's words about it.
  if (fault?.kind === 'wrong-password') return { kind: 'wrong-password', pictures, reason: fault.detail };
  if (silence.noticed) {
    const reason = `no picture for ${Math.round(given.silentAfterMs / 1000)} s`;
    return { kind: 'silent', pictures, reason };
  }
  if (fault)
    return {
      kind: fault.kind === 'unreachable' ? 'unreachable' : 'failed',
      pictures,
      reason: fault.kind === 'unreachable' ? `the camera cannot be reached (${fault.detail})` : fault.detail,
    };
  return { kind: end.kind, pictures, reason: withoutAddress(end.reason, url) };
}

/** ffmpeg names the address in its complaints, and a camera's address may hold its password. */
function withoutAddress(complaint: string, url: string): string {
  return hideUrlCredentials(complaint.replaceAll(url, 'the camera'));
}

/** A stream of a codec that we cannot copy (MJPEG, MPEG-4): ffmpeg decodes all of it, and there is neither clip nor live view. */
function startDecodingPull(
  given: Connecting,
  input: readonly string[],
  heard: (widthPx: number, heightPx: number) => void,
): Pick<Pull, 'ended' | 'stop'> {
  const { clock } = given;
  const captureClock = createCaptureClock();
  const stream = startPictureStream({
    input,
    framesPerSecond: given.framesPerSecond,
    maxWidthPx: given.maxWidthPx,
    onPicture: (picture) => {
      heard(picture.widthPx, picture.heightPx);
      const capturedAt: EpochMs = captureClock.captured(picture.mediaMs, clock.monotonic(), clock.now());
      return given.slot.offer({ ...picture, capturedAt, graceMs: 0 });
    },
  });
  return {
    stop: () => stream.stop(),
    ended: stream.ended.then(({ complaint }) => ({
      kind: 'failed',
      reason: complaint === '' ? 'the stream ended' : complaint,
    })),
  };
}

function inputArguments(url: string, relayUrl: string | null, transport: 'tcp' | 'udp'): string[] {
  if (relayUrl !== null) {
    // -timeout is in µs; a dead link ends the child even if our own watch should fail.
    const wait = ['-timeout', '15000000', '-allowed_media_types', 'video', '-fflags', 'nobuffer'];
    return ['-rtsp_transport', transport, ...wait, '-i', relayUrl];
  }
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

/** Read through a function: `tsc` believes that `aborted` cannot change between two reads. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
