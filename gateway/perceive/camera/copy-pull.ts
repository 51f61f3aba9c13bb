import { spawn } from 'node:child_process';
import type { Clock, EpochMs } from '../../lib/clock.ts';
import { createCaptureClock, type CaptureClock } from './capture-clock.ts';
import { createComplaints } from './complaints.ts';
import type { InitSegment } from './fragment.ts';
import { createFragmentReader, type InitFacts, type ReadFragment } from './fragment-reader.ts';
import { countFragments, type Pull, type PullEnd, type PullRequest } from './pull.ts';

export interface CopyPullRequest extends PullRequest {
  /** ffmpeg's arguments that name the input. Never credentials: anyone on the machine can read an argument list. */
  readonly input: readonly string[];
  readonly clock: Clock;
  /** `arrival`: a live stream (design section 3). Else when the file's first picture was taken. */
  readonly captureTimes: 'arrival' | { readonly startsAt: EpochMs };
}

/**
 * Copies anything that ffmpeg can read to fragments, by a child that does not decode: video files, and cameras that our own
 * RTSP client does not get along with. Ends as `unsupported` for a codec that cannot be copied.
 */
export function startCopyPull(request: CopyPullRequest): Pull {
  const { clock, captureTimes } = request;
  const counted = countFragments(request.sink);
  const child = spawn(
    'ffmpeg',
    [
      ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'repeat+level+error'],
      ...request.input,
      ...['-map', '0:v:0', '-an', '-c', 'copy', '-f', 'mp4', '-flush_packets', '1'],
      // One fragment a picture. Measured: 0.9 % of a core at 1080p25, and the last picture comes with the next.
      ...['-movflags', 'frag_every_frame+empty_moov+default_base_moof+delay_moov', 'pipe:1'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const complaints = createComplaints(child);
  let init: InitFacts | null = null;
  let stream: InitSegment | null = null;
  let captureClock: CaptureClock = createCaptureClock();
  let sequence = 0;
  let fault: PullEnd | null = null;
  /** Read and not passed on yet: a chunk of the pipe may hold seconds of a small stream. */
  let waiting: (() => void)[] = [];
  let paused = false;
  let passing = false;
  let onPassed = (): void => undefined;
  /** Read through a function: `tsc` believes that it cannot change while fragments are passed on. */
  const isPaused = (): boolean => paused;
  const passOn = (): void => {
    if (passing || isPaused()) return;
    passing = true;
    try {
      for (let next = waiting.shift(); next; next = isPaused() ? undefined : waiting.shift()) next();
    } finally {
      passing = false;
    }
    if (waiting.length === 0) onPassed();
  };

  const stop = (why: PullEnd): void => {
    fault ??= why;
    waiting = [];
    paused = false;
    passOn();
    // SIGKILL: an ffmpeg that waits for a dead camera does not hear SIGTERM until its time-out.
    child.kill('SIGKILL');
  };
  const take = ({ decodeMs, bytes, key, durationMs, sampleSizesBytes }: ReadFragment): void => {
    if (!stream) {
      if (!init || !key) return;
      stream = { ...init, stream: request.nextStream() };
      captureClock = createCaptureClock();
      sequence = 0;
      counted.sink.begin(stream);
    }
    const capturedAtMs =
      captureTimes !== 'arrival'
        ? (Math.round(captureTimes.startsAt + decodeMs) as EpochMs)
        : captureClock.captured(decodeMs, clock.monotonic(), clock.now());
    counted.sink.take({
      stream: stream.stream,
      sequence,
      key,
      bytes,
      memory: null,
      sizeBytes: bytes.length,
      sampleSizesBytes,
      mediaTimeMs: decodeMs,
      durationMs,
      capturedAtMs,
    });
    sequence += 1;
  };
  const read = createFragmentReader({
    init: (facts) => {
      waiting.push(() => {
        init = facts;
        stream = null;
      });
    },
    fragment: (fragment) => void waiting.push(() => take(fragment)),
  });
  child.stdout.on('data', (chunk: Buffer) => {
    if (fault) return;
    try {
      read(chunk);
      passOn();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      stop({ kind: 'unsupported', reason: error.message });
    }
  });
  const ended = complaints.ended.then(async ({ code, complaint }): Promise<PullEnd> => {
    if (waiting.length > 0) await new Promise<void>((resolve) => (onPassed = resolve));
    request.sink.end();
    if (fault) return fault;
    if (code === 0) return { kind: 'ended', reason: 'the stream ended' };
    // The muxer refuses a codec that MP4 has no name for.
    const kind = /could not find tag for codec|codec not currently supported/i.test(complaint)
      ? 'unsupported'
      : 'failed';
    return { kind, reason: complaint === '' ? 'the stream ended' : complaint };
  });
  return {
    ended,
    stop: () => stop({ kind: 'stopped', reason: 'stopped' }),
    counts: () => ({ ...counted.counts(), packetsLost: 0, picturesLost: 0 }),
    driftPpm: () => (captureTimes === 'arrival' ? captureClock.driftPpm() : null),
    pause: () => {
      paused = true;
      child.stdout.pause();
    },
    resume: () => {
      paused = false;
      // Not in the midst of what whoever resumes is doing.
      setImmediate(() => {
        passOn();
        if (!isPaused()) child.stdout.resume();
      });
    },
  };
}
