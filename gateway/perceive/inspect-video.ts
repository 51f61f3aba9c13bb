import type { PlateReading } from '../domain/plate.ts';
import { createCameraWatch } from './camera-watch.ts';
import type { FileStart } from './camera/file-start.ts';
import type { OpenFileSource } from './frame-source.ts';
import { roundBox } from './inspect-file.ts';
import type { InspectedPassage, InspectedVideo } from './inspect-line.ts';
import { cameraOptions, type CameraOptions, type PerceptionOptions } from './options.ts';
import type { Perceiver } from './perceive.ts';
import { playFile } from './play-file.ts';

/** As whose pictures a file is looked at that is nobody's; twice a live camera's frames, for nothing waits for the answer. */
export const nobodysCamera: CameraOptions = cameraOptions.parse({
  ...{ id: 'inspect', name: 'inspect', url: 'file:///inspect', framesPerSecond: 6 },
});

/** Passages of a video file, and what else was seen, by the very watch that live cameras have. Throws GatewayError `video.unreadable`. */
export async function inspectVideo(options: {
  readonly file: string;
  readonly signal: AbortSignal;
  readonly perceiver: Perceiver;
  readonly perception: PerceptionOptions;
  readonly camera?: CameraOptions;
  readonly timeZone?: string;
  readonly openFileSource: OpenFileSource;
}): Promise<InspectedVideo> {
  const { perceiver, perception, signal, openFileSource, camera = nobodysCamera } = options;
  const passages: InspectedPassage[] = [];
  const zones: InspectedVideo['zones'][number][] = [];
  const views: InspectedVideo['views'][number][] = [];
  let persons = 0;
  let start: FileStart = { startsAt: 0 as FileStart['startsAt'], from: 'modified' };
  const sinceStart = (at: number): number => Math.round(at - start.startsAt);
  const watch = createCameraWatch({
    ...{ camera, perception, perceiver, live: false },
    ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
    onView: ({ change, at, reason }) => views.push({ change, atMs: sinceStart(at), reason }),
    onZone: ({ zone, use, change, subject, plate, at, seconds }) =>
      zones.push({ zone, use, change, subject, text: plate?.text ?? null, atMs: sinceStart(at), seconds }),
    onPassage: (passage) => {
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
        startMs: sinceStart(passage.startedAt),
        endMs: sinceStart(passage.endedAt),
        readAtMs: sinceStart(passage.readAt),
        box: roundBox(passage.box),
      });
      return Promise.resolve();
    },
  });
  await playFile({
    ...{ path: options.file, camera, perception, watch, openFileSource, signal },
    onStart: (found) => {
      start = found;
    },
  });
  return {
    startsAt: new Date(start.startsAt).toISOString(),
    startsFrom: start.from,
    passages: passages.sort((a, b) => a.startMs - b.startMs),
    persons,
    zones,
    views,
  };
}
