import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { messageOf } from '../../lib/errors.ts';
import { createComplaints, type ChildEnd } from './complaints.ts';
import { openDirectPipe } from './direct-pipe.ts';
import { watchForHang } from './hang-watch.ts';
import { createPictureCutter, createPictureInfo, type OnPicture } from './picture-cutter.ts';

export type { Picture } from './picture-cutter.ts';

export interface PictureStreamRequest {
  /** ffmpeg's arguments that name the input. Never credentials: anyone on the machine can read an argument list. */
  readonly input: readonly string[];
  readonly framesPerSecond: number;
  readonly maxWidthPx: number;
  /** Scaled to just this, whatever the shape, so that the size never changes. */
  readonly exactSize?: { readonly widthPx: number; readonly heightPx: number };
  /** Pictures before this are decoded, as others need them, and not given out. Default: all are given out. */
  readonly fromMediaMs?: number;
  readonly onPicture: OnPicture;
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
  const info = createPictureInfo();
  let pipe: Socket | null = null;
  let child: ChildProcessByStdio<Writable, null, Readable> | null = null;
  let hang = { alive: (): void => undefined, cancel: (): void => undefined };
  const cutter = createPictureCutter(info, request.onPicture, () => pipe?.resume());
  /** Fed before there was a child. */
  let early: Uint8Array[] = [];
  let inputOver = false;
  let stopped = false;

  const startChild = (stdout: Socket): ChildProcessByStdio<Writable, null, Readable> => {
    const own = spawn('ffmpeg', args, { stdio: ['pipe', stdout, 'pipe'] });
    hang = watchForHang({
      hasWork: () => cutter.waiting() === null && (own.stdin.writableLength > 0 || inputOver),
      onHang: () => own.kill('SIGKILL'),
    });
    // A child that has ended, or was never born, reads nothing: `ended` tells.
    own.stdin.on('error', () => undefined);
    own.stdin.on('drain', () => {
      hang.alive();
      request.onDrain?.();
    });
    for (const bytes of early) own.stdin.write(bytes);
    early = [];
    if (inputOver) own.stdin.end();
    return own;
  };

  const run = async (): Promise<ChildEnd> => {
    const { space, took } = cutter.reader;
    const { ours, theirs } = await openDirectPipe({
      space,
      took: (length, into) => {
        hang.alive();
        return took(length, into);
      },
    });
    const closed = new Promise((resolve) => ours.once('close', resolve));
    pipe = ours;
    if (!isStopped()) child = startChild(theirs);
    theirs.destroy();
    if (child === null) {
      ours.destroy();
      return stoppedEarly;
    }
    const { ended } = createComplaints(child, (line) => {
      hang.alive();
      if (!info.read(line)) return false;
      cutter.poke();
      return true;
    });
    const end = await ended;
    cutter.endLines();
    await closed;
    hang.cancel();
    await cutter.waiting();
    cutter.close();
    return end;
  };
  /** Read through a function: `tsc` believes that it cannot change while we wait. */
  const isStopped = (): boolean => stopped;

  return {
    ended: run().catch((error: unknown): ChildEnd => {
      hang.cancel();
      child?.kill('SIGKILL');
      return { code: null, complaint: `ffmpeg does not start (${messageOf(error)})` };
    }),
    feed: (bytes) => {
      if (child === null) early.push(bytes);
      else if (child.stdin.writable) child.stdin.write(bytes);
    },
    queuedBytes: () => child?.stdin.writableLength ?? early.reduce((sum, { length }) => sum + length, 0),
    finish: () => {
      inputOver = true;
      child?.stdin.end();
    },
    stop: () => {
      stopped = true;
      // SIGKILL: an ffmpeg that waits for a dead camera does not hear SIGTERM until its time-out.
      child?.kill('SIGKILL');
    },
  };
}

const stoppedEarly: ChildEnd = { code: null, complaint: '' };
