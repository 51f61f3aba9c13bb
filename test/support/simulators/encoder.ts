import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createAnnexBSplitter, nalType, type AccessUnit } from './h264.ts';

export interface EncoderOptions {
  /** Size of the raw pictures. */
  readonly width: number;
  readonly height: number;
  /** Size of the coded pictures, where it differs. */
  readonly codedWidth: number;
  readonly codedHeight: number;
  readonly fps: number;
  readonly bitrateKbit: number;
  readonly gopSeconds: number;
  /** Strength of the sensor's noise in 8-bit steps (ffmpeg `noise` filter, new for every frame). */
  readonly noise: number;
}

export interface Encoder {
  /** Takes one I420 picture; false when the encoder is behind and the picture was not taken. */
  write(picture: Uint8Array, capturedAtMs: number): boolean;
  stop(): void;
  readonly pid: number | undefined;
}

/** H.264 by an ffmpeg child: I420 pictures in on a pipe, access units out, in the order they went in. */
export function createEncoder(
  options: EncoderOptions,
  onUnit: (unit: AccessUnit, capturedAtMs: number) => void,
  onEnd: (reason: string) => void,
): Encoder {
  const filters: string[] = [];
  if (options.codedWidth !== options.width || options.codedHeight !== options.height) {
    filters.push(`scale=${options.codedWidth}:${options.codedHeight}`);
  }
  if (options.noise > 0) {
    const chroma = Math.ceil(options.noise / 2);
    filters.push(`noise=c0s=${options.noise}:c0f=t:c1s=${chroma}:c1f=t:c2s=${chroma}:c2f=t`);
  }
  const input = `-f rawvideo -pix_fmt yuv420p -video_size ${options.width}x${options.height} -framerate ${options.fps}`;
  const gop = Math.round(options.fps * options.gopSeconds);
  const rate = `-b:v ${options.bitrateKbit}k -maxrate ${options.bitrateKbit}k -bufsize ${options.bitrateKbit}k`;
  const codec = `-c:v libx264 -preset superfast -tune zerolatency -threads 1 -profile:v main -g ${gop} -keyint_min ${gop}`;
  const argumentsOf = [
    '-nostdin -hide_banner -loglevel error',
    input,
    '-i pipe:0 -an',
    filters.length > 0 ? `-vf ${filters.join(',')}` : '',
    `${codec} -sc_threshold 0 ${rate} -aud 1 -flush_packets 1 -f h264 pipe:1`,
  ];
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    'ffmpeg',
    argumentsOf.join(' ').split(' ').filter(Boolean),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const captured: number[] = [];
  let complaint = '';
  let stopped = false;
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-400);
  });
  child.stdout.on(
    'data',
    createAnnexBSplitter((unit) => {
      if (unit.nals.some((nal) => nalType(nal) === 1 || nalType(nal) === 5))
        onUnit(unit, captured.shift() ?? Date.now());
    }),
  );
  child.on('error', (error) => {
    if (!stopped) onEnd(error.message);
  });
  child.on('exit', (code) => {
    if (!stopped) onEnd(`ffmpeg ended with ${code}: ${complaint}`);
  });
  return {
    write: (picture, capturedAtMs) => {
      // Two pictures waiting means that this machine is too busy; a camera then leaves pictures out.
      if (child.stdin.writableLength > picture.length * 2) return false;
      captured.push(capturedAtMs);
      // A copy: the caller draws the next picture into the same memory while this one waits in the pipe.
      child.stdin.write(Buffer.from(picture));
      return true;
    },
    stop: () => {
      stopped = true;
      child.kill('SIGKILL');
    },
    pid: child.pid,
  };
}
