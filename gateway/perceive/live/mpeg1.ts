import Mpeg1Muxer from 'node-rtsp-stream/mpeg1muxer.js';
import type { CameraId } from '../../domain/ids.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { InitSegment } from '../camera/fragment.ts';
import type { LiveFragment } from '../camera/ring-outlet.ts';
import type { LiveHub, SeenNow } from './live-hub.ts';
import { createTsCutter, type TsChunk } from './ts-packets.ts';

/** Somebody who watches one camera as MPEG-1 in a transport stream: what JSMpeg plays where a browser lacks the codec. */
export interface Mpeg1Listener {
  take(chunk: TsChunk): void;
  seen(now: SeenNow): void;
}

export interface Mpeg1View {
  /** Returns how to leave; null when as many cameras as allowed are being transcoded already. */
  watch(camera: CameraId, listener: Mpeg1Listener): (() => void) | null;
  /** Cameras that are being transcoded now. */
  running(): CameraId[];
  close(): void;
}

/** Fragments that wait for ffmpeg; beyond this it is too slow for the stream, and GOPs are left out. */
const maxWaitingBytes = 8_000_000;
/** An ffmpeg that ends at once must not be started in a circle. */
const restartMs = 5000;
const maxWidthPx = 960;

/** MPEG-1 knows few frame rates; 25 is one of them. One thread: the box has more to do than to please an old browser. */
const ffmpegOptions: Readonly<Record<string, string>> = {
  '-loglevel': 'error',
  '-nostats': '',
  '-an': '',
  '-vf': `scale='min(${maxWidthPx},iw)':-2:flags=fast_bilinear`,
  '-r': '25',
  '-g': '25',
  '-bf': '0',
  '-b:v': '2000k',
  '-threads': '1',
  '-muxdelay': '0.001',
  '-flush_packets': '1',
};

interface Transcoder {
  readonly listeners: Set<Mpeg1Listener>;
  stop(): void;
}

/**
 * Transcodes on demand with node-rtsp-stream's muxer, fed on stdin with the very fragments that everybody else gets, so
 * that the camera is still pulled once. Starts with a camera's first such viewer and stops with the last.
 */
export function createMpeg1View(given: {
  readonly live: LiveHub;
  readonly atOnce: number;
  readonly clock: Clock;
  readonly logger: Logger;
}): Mpeg1View {
  const transcoders = new Map<CameraId, Transcoder>();
  return {
    watch: (camera, listener) => {
      let transcoder = transcoders.get(camera);
      if (!transcoder) {
        if (transcoders.size >= given.atOnce) return null;
        transcoder = startTranscoder(camera, given);
        transcoders.set(camera, transcoder);
      }
      const { listeners } = transcoder;
      const joined = transcoder;
      listeners.add(listener);
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        transcoders.delete(camera);
        joined.stop();
      };
    },
    running: () => [...transcoders.keys()],
    close: () => {
      for (const transcoder of transcoders.values()) transcoder.stop();
      transcoders.clear();
    },
  };
}

function startTranscoder(
  camera: CameraId,
  { live, clock, logger }: { readonly live: LiveHub; readonly clock: Clock; readonly logger: Logger },
): Transcoder {
  const listeners = new Set<Mpeg1Listener>();
  let init: InitSegment | null = null;
  let child: ReturnType<typeof startMuxer> | null = null;
  /** Nothing is fed until the next key frame: at the beginning, and after ffmpeg could not keep up. */
  let waiting = true;
  let pause: Timer | null = null;

  const startMuxer = () => {
    const muxer = new Mpeg1Muxer({ url: 'pipe:0', ffmpegPath: 'ffmpeg', ffmpegOptions });
    const { stream } = muxer;
    // The muxer's own listener prints to the console.
    stream.removeAllListeners('exit');
    const cut = createTsCutter();
    let complaint = '';
    let ended = false;
    const onEnd = (reason: string): void => {
      if (ended) return;
      ended = true;
      stream.kill('SIGKILL');
      if (child?.stream !== stream) return;
      child = null;
      logger.warn({ camera, reason }, 'transcoder ended');
      pause = clock.after(restartMs, () => {
        pause = null;
      });
    };
    stream.on('error', (error) => onEnd(messageOf(error)));
    stream.on('exit', (code, signal) => onEnd(complaint || `ffmpeg ended (${signal ?? code ?? 'unknown'})`));
    // EPIPE: it has ended, which `exit` tells too.
    stream.stdin.on('error', () => undefined);
    muxer.on('ffmpegStderr', (text) => {
      complaint = text.toString().trim().split('\n').at(-1)?.slice(0, 300) ?? '';
    });
    muxer.on('mpeg1data', (data) => {
      try {
        for (const chunk of cut(data)) for (const listener of listeners) listener.take(chunk);
      } catch (error) {
        onEnd(messageOf(error));
      }
    });
    return { stream };
  };
  const stopMuxer = (): void => {
    const old = child;
    child = null;
    old?.stream.kill('SIGKILL');
    waiting = true;
  };
  const feed = (fragment: LiveFragment): void => {
    if (!init || pause) return;
    if (fragment.key && !child) {
      child = startMuxer();
      child.stream.stdin.write(init.bytes);
      waiting = false;
    }
    if (!child) return;
    if (child.stream.stdin.writableLength > maxWaitingBytes) waiting = true;
    else if (fragment.key) waiting = false;
    if (!waiting) child.stream.stdin.write(fragment.bytes);
  };
  const leave = live.watch(camera, {
    begin: (given) => {
      stopMuxer();
      init = given;
    },
    take: feed,
    end: () => {
      stopMuxer();
      init = null;
    },
    seen: (now) => {
      for (const listener of listeners) listener.seen(now);
    },
  });
  return {
    listeners,
    stop: () => {
      leave();
      pause?.cancel();
      stopMuxer();
    },
  };
}
