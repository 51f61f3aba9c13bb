import { createMotionGateOf } from './camera/motion-gate.ts';
import type { FileStart } from './camera/file-start.ts';
import type { CameraWatch } from './camera-watch.ts';
import type { FileSource, OpenFileSource } from './frame-source.ts';
import type { CameraOptions, PerceptionOptions } from './options.ts';
import type { EpochMs } from '../lib/clock.ts';

export interface PlayFileRequest {
  readonly path: string;
  readonly camera: CameraOptions;
  readonly perception: PerceptionOptions;
  readonly watch: CameraWatch;
  readonly openFileSource: OpenFileSource;
  readonly signal: AbortSignal;
  readonly onStart?: (start: FileStart) => void;
  readonly onSize?: (size: { readonly widthPx: number; readonly heightPx: number }) => void;
  /** The file has been opened: for those who want its stream and its counts too. */
  readonly onOpen?: (source: FileSource) => void;
}

/**
 * Plays a video file to a camera's watch, as fast as that looks, from its beginning to its end: what `kanmen inspect` and a
 * `file:` camera do. Throws GatewayError `video.unreadable`.
 */
export async function playFile(request: PlayFileRequest): Promise<void> {
  const { camera, watch, signal, onStart, onSize } = request;
  const source = request.openFileSource({
    path: request.path,
    framesPerSecond: camera.framesPerSecond,
    maxWidthPx: request.perception.maxWidthPx,
    gate: createMotionGateOf(camera.sensitivity),
    lookEveryMs: camera.lookEvery,
    startsAt: camera.startsAt === undefined ? null : (Date.parse(camera.startsAt) as EpochMs),
    onStill: (picture, at) => watch.still(picture, at),
    ...(onStart ? { onStart } : {}),
    ...(onSize ? { onSize } : {}),
  });
  request.onOpen?.(source);
  try {
    for await (const frame of source.frames(signal)) await watch.look(frame);
    // Nothing moved any more until the end.
    const until = source.seenUntil();
    if (until !== null && !signal.aborted) await watch.quiet(until);
  } finally {
    await watch.finish();
  }
}
