import { createMotionGateOf, openFileSource } from '../../gateway/perceive/camera/index.ts';
import type { Sensitivity } from '../../gateway/perceive/camera/gate/index.ts';
import type { OpenFileSource, VideoFrame } from '../../gateway/perceive/frame-source.ts';
import { inspectVideo } from '../../gateway/perceive/inspect-video.ts';
import type { Perceiver } from '../../gateway/perceive/perceive.ts';
import { cameraOptions, perceptionOptions } from '../../gateway/perceive/options.ts';

/** What a live camera is given by default. */
const camera = cameraOptions.parse({ id: 'bench', name: 'bench', url: 'file:///bench' });

export interface Watched {
  /** Media times of the pictures that came out for perception, ms. */
  readonly pictureMs: readonly number[];
  /** Media time that was watched, and that of it with an open gate; the net's wakes are not in it. */
  readonly watchedMs: number;
  readonly openMs: number;
  /** What perception made of the pictures; empty where it was not asked. */
  readonly read: readonly { readonly text: string | null; readonly startMs: number; readonly endMs: number }[];
}

/**
 * Plays a file on the path of a live camera (fragments, gate, net of key frames, decoder on demand; `gateway/perceive/camera`)
 * at a live camera's picture rate. With a perceiver the pictures go on to detectors, tracks and vote, as `kanmen inspect`
 * and live cameras do it.
 */
export async function watchStream(
  path: string,
  sensitivity: Sensitivity,
  perceiver: Perceiver | null,
): Promise<Watched> {
  const pictureMs: number[] = [];
  const time = { watchedMs: 0, openMs: 0 };
  const open: OpenFileSource = (request) => {
    const gate = createMotionGateOf(sensitivity);
    const source = openFileSource({
      ...request,
      framesPerSecond: camera.framesPerSecond,
      gate: {
        ...gate,
        take: (fragment) => {
          const decision = gate.take(fragment);
          time.watchedMs += fragment.durationMs;
          if (decision.open) time.openMs += fragment.durationMs;
          return decision;
        },
      },
      lookEveryMs: camera.lookEvery,
    });
    return {
      ...source,
      frames: async function* (signal: AbortSignal): AsyncGenerator<VideoFrame> {
        for await (const frame of source.frames(signal)) {
          pictureMs.push(frame.mediaMs);
          yield frame;
        }
      },
    };
  };
  const perception = perceptionOptions.parse({});
  const { signal } = new AbortController();
  if (perceiver) {
    const { passages } = await inspectVideo({ file: path, signal, perceiver, perception, openFileSource: open });
    return { pictureMs, ...time, read: passages };
  }
  const gate = createMotionGateOf(sensitivity);
  const request = { path, framesPerSecond: 3, maxWidthPx: perception.maxWidthPx, gate, lookEveryMs: camera.lookEvery };
  const frames = open(request).frames(signal)[Symbol.asyncIterator]();
  while ((await frames.next()).done !== true);
  return { pictureMs, ...time, read: [] };
}
