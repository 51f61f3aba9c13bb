import type { PlateReading } from '../domain/plate.ts';
import { createMotionGateOf } from './camera/motion-gate.ts';
import { createCameraWatch } from './camera-watch.ts';
import type { OpenFileSource } from './frame-source.ts';
import { roundBox } from './inspect-file.ts';
import type { InspectedPassage } from './inspect-line.ts';
import { cameraOptions, type PerceptionOptions } from './options.ts';
import type { Perceiver } from './perceive.ts';

/** Pictures a second that are taken from a video: twice a live camera's, for nothing waits for the answer. */
const framesPerSecond = 6;

/** The passages of a video file, found by the watch that live cameras have. Throws GatewayError `video.unreadable`. */
export async function inspectVideo(options: {
  readonly file: string;
  readonly signal: AbortSignal;
  readonly perceiver: Perceiver;
  readonly perception: PerceptionOptions;
  readonly openFileSource: OpenFileSource;
}): Promise<{ passages: InspectedPassage[]; persons: number }> {
  const { perceiver, perception, signal } = options;
  const passages: InspectedPassage[] = [];
  let persons = 0;
  let originMs: number | null = null;
  const camera = cameraOptions.parse({ id: 'inspect', name: 'inspect', url: 'file:///inspect', framesPerSecond });
  const watch = createCameraWatch({
    camera,
    perception,
    perceiver,
    onPassage: (passage) => {
      const from = originMs ?? 0;
      const plate: PlateReading | null = passage.plate;
      if (passage.subject === 'person') {
        persons += 1;
        return Promise.resolve();
      }
      passages.push({
        text: plate?.text ?? null,
        accepted: plate?.accepted ?? false,
        confidence: plate?.confidenceRatio ?? 0,
        kind: plate?.kind ?? null,
        color: plate?.color ?? null,
        direction: passage.direction,
        startMs: Math.round(passage.startedAt - from),
        endMs: Math.round(passage.endedAt - from),
        readAtMs: Math.round(passage.readAt - from),
        box: roundBox(passage.box),
      });
      return Promise.resolve();
    },
  });
  const source = options.openFileSource({
    path: options.file,
    framesPerSecond,
    maxWidthPx: perception.maxWidthPx,
    gate: createMotionGateOf(camera.sensitivity),
    lookEveryMs: camera.lookEvery,
  });
  for await (const frame of source.frames(signal)) {
    originMs ??= frame.capturedAt - frame.mediaMs;
    await watch.look(frame);
  }
  await watch.finish();
  return { passages: passages.sort((a, b) => a.startMs - b.startMs), persons };
}
