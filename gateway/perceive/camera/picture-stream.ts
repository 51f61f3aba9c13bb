import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createComplaints, type ChildEnd } from './complaints.ts';
import { watchForHang } from './hang-watch.ts';
import type { YuvPicture } from '../picture.ts';
import { createPictureMemory } from './picture-memory.ts';

/** One picture as the child gave it out. `yuv` is the receiver's until he calls `release`; then it is filled again. */
export interface Picture extends YuvPicture {
  readonly mediaMs: number;
  release(): void;
}

export interface PictureStreamRequest {
  /** ffmpeg's arguments that name the input. Never credentials: anyone on the machine can read an argument list. */
  readonly input: readonly string[];
  readonly framesPerSecond: number;
  readonly maxWidthPx: number;
  /** Scaled to just this, whatever the shape, so that the size never changes. */
  readonly exactSize?: { readonly widthPx: number; readonly heightPx: number };
  /** Pictures before this are decoded, as others need them, and not given out. Default: all are given out. */
  readonly fromMediaMs?: number;
  /** Called in order. While its promise is open nothing more is read, and the child waits: `null` for "never wait". */
  readonly onPicture: (picture: Picture) => Promise<void> | null;
  /** Called when what `feed` gave has gone to the child. */
  readonly onDrain?: () => void;
}

export interface PictureStream {
  /** Settles when the child has ended and every picture was taken. */
  readonly ended: Promise<ChildEnd>;
  /** More of the input, where that is `pipe:0`. */
  feed(bytes: Uint8Array): void;
  /** Bytes fed that the child has not read yet. */
  queuedBytes(): number;
  /** Nothing more will be fed: the child gives out what it has and ends. */
  finish(): void;
  /** Ends the child at once. */
  stop(): void;
}

/** ffmpeg's arguments for a stream of our own fragments on its stdin, without waiting to guess what it is. */
export const fedInput: readonly string[] = [
  ...['-copyts', '-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0', '-flags', 'low_delay'],
  ...['-f', 'mp4', '-i', 'pipe:0'],
];

/**
 * An ffmpeg child that decodes its input into I420 pictures at most `framesPerSecond` apart, with their media times: half
 * the bytes of RGB through the pipe, and what few pixels are wanted in RGB are converted where they are (`../yuv.ts`).
 *
 * Media times come over stderr from the `showinfo` filter, one line a picture: rawvideo carries none. The n-th line
 * belongs to the n-th picture; the first tells the size.
 */
export function startPictureStream(request: PictureStreamRequest): PictureStream {
  const { framesPerSecond, maxWidthPx } = request;
  // Keeps a picture when it is due, with its own time stamp; the fps filter would move stamps onto a grid.
  const gap = (1 / framesPerSecond - 0.005).toFixed(4);
  const from = request.fromMediaMs === undefined ? '' : `*gte(t\\,${(request.fromMediaMs / 1000).toFixed(3)})`;
  const filters = [
    `select='(isnan(prev_selected_t)+gte(t-prev_selected_t\\,${gap}))${from}'`,
    request.exactSize
      ? `scale=${request.exactSize.widthPx}:${request.exactSize.heightPx}:flags=area:out_color_matrix=bt601:out_range=tv`
      : `scale='trunc(min(iw\\,${maxWidthPx})/2)*2':-2:flags=area:out_color_matrix=bt601:out_range=tv`,
    'format=yuv420p',
    'showinfo=checksum=0',
  ].join(',');
  const args = [
    ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'repeat+level+info', '-threads', '1'],
    ...request.input,
    ...['-map', '0:v:0', '-an', '-vf', filters, '-fps_mode', 'passthrough'],
    // ffmpeg's "encoder" of raw pictures works in as many threads as there are cores, and gives each picture out that many later.
    ...['-threads', '1', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', 'pipe:1'],
  ];
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn('ffmpeg', args, {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const info = createInfoReader();
  const cutter = createCutter(info, request.onPicture);
  const resumeWhenTaken = (): void => {
    const waiting = cutter.waiting();
    if (waiting === null) return;
    child.stdout.pause();
    void waiting.then(() => {
      if (cutter.poke()) resumeWhenTaken();
      else child.stdout.resume();
    });
  };
  let inputOver = false;
  const hang = watchForHang({
    hasWork: () => cutter.waiting() === null && (child.stdin.writableLength > 0 || inputOver),
    onHang: () => child.kill('SIGKILL'),
  });
  const complaints = createComplaints(child, (line) => {
    hang.alive();
    if (!info.read(line)) return false;
    if (cutter.poke()) resumeWhenTaken();
    return true;
  });
  child.stdout.on('data', (chunk: Buffer) => {
    hang.alive();
    if (cutter.push(chunk)) resumeWhenTaken();
  });
  // A child that has ended, or was never born, reads nothing: `ended` tells.
  child.stdin.on('error', () => undefined);
  child.stdin.on('drain', () => {
    hang.alive();
    request.onDrain?.();
  });
  return {
    ended: complaints.ended.then(async (end) => {
      hang.cancel();
      await cutter.waiting();
      cutter.close();
      return end;
    }),
    feed: (bytes) => {
      if (child.stdin.writable) child.stdin.write(bytes);
    },
    queuedBytes: () => child.stdin.writableLength,
    finish: () => {
      inputOver = true;
      child.stdin.end();
    },
    stop: () => {
      // SIGKILL: an ffmpeg that waits for a dead camera does not hear SIGTERM until its time-out.
      child.kill('SIGKILL');
    },
  };
}

interface InfoReader {
  /** True if the line was showinfo's. */
  read(line: string): boolean;
  size(): { readonly widthPx: number; readonly heightPx: number } | null;
  /** Media time of the next picture; null if its line has not come yet. */
  nextMediaMs(): number | null;
  take(): void;
}

function createInfoReader(): InfoReader {
  let size: { widthPx: number; heightPx: number } | null = null;
  let tickMs = 0;
  let times: number[] = [];
  return {
    read: (line) => {
      if (!line.includes('Parsed_showinfo')) return false;
      const base = /config in time_base:\s*(\d+)\/(\d+)/.exec(line);
      if (base) tickMs = (1000 * Number(base[1])) / Number(base[2]);
      const found = /\bpts:\s*(-?\d+)/.exec(line);
      if (!found) return true;
      const dimensions = /\bs:(\d+)x(\d+)/.exec(line);
      if (dimensions) size = { widthPx: Number(dimensions[1]), heightPx: Number(dimensions[2]) };
      // Ticks, not `pts_time`: that has six digits, which after a day is a second.
      times.push(Math.round(Number(found[1]) * tickMs));
      return true;
    },
    size: () => size,
    nextMediaMs: () => times[0] ?? null,
    take: () => {
      times = times.slice(1);
    },
  };
}

/** One for each thread: all that decode there take turns with it. */
const memory = createPictureMemory();

/** Cuts the child's bytes into pictures. Buffers come back through `release`: three are in use with a live source. */
function createCutter(info: InfoReader, onPicture: PictureStreamRequest['onPicture']) {
  const queue: Buffer[] = [];
  let filling: Uint8Array | null = null;
  let filled = 0;
  let open: Promise<void> | null = null;
  const handOut = (
    size: { readonly widthPx: number; readonly heightPx: number },
    yuv: Uint8Array,
    mediaMs: number,
  ): void => {
    let released = false;
    const release = (): void => {
      if (!released) memory.give(yuv);
      released = true;
    };
    const taken = onPicture({ ...size, yuv, mediaMs, release });
    if (taken !== null) {
      open = taken.finally(() => {
        open = null;
      });
    }
  };
  const drain = (): boolean => {
    const size = info.size();
    if (size === null) return false;
    const length = (size.widthPx * size.heightPx * 3) / 2;
    while (open === null) {
      if (filling?.length !== length) {
        filling = memory.take(length);
        filled = 0;
      }
      const chunk = queue[0];
      if (filled < length && chunk) {
        const part = chunk.subarray(0, length - filled);
        filling.set(part, filled);
        filled += part.length;
        if (part.length === chunk.length) queue.shift();
        else queue[0] = chunk.subarray(part.length);
        continue;
      }
      const mediaMs = info.nextMediaMs();
      if (filled < length || mediaMs === null) return false;
      info.take();
      const full = filling;
      filling = null;
      handOut(size, full, mediaMs);
    }
    return true;
  };
  return {
    /** True when somebody is still busy with a picture: stop reading. */
    push: (chunk: Buffer): boolean => {
      queue.push(chunk);
      return drain();
    },
    poke: drain,
    waiting: () => open,
    /** Nothing more will come: half a picture is none. */
    close: (): void => {
      if (filling) memory.give(filling);
      filling = null;
    },
  };
}
