import type { CameraId } from '../domain/ids.ts';
import { assertNever } from '../lib/assert-never.ts';
import { systemClock } from '../lib/clock.ts';
import { createTurns } from './turns.ts';
import { openFileSource, openLiveSource } from './camera/index.ts';
import { createCameraWatch, type CameraWatch } from './camera-watch.ts';
import { inspectFile } from './inspect-file.ts';
import { inspectVideo } from './inspect-video.ts';
import type { CameraOptions } from './options.ts';
import type { Perceiver } from './perceive.ts';
import type { FromWorker, PassageCandidate, PassageJpegs, ToWorker, WorkerSettings } from './worker-protocol.ts';

/** How often a camera's counters go to the main thread. */
const countersPeriodMs = 1000;

/** What a perception thread does: many cameras and files over one set of models, in turns. */
export function serveWorker(options: {
  readonly perceiver: Perceiver;
  readonly settings: WorkerSettings;
  readonly send: (message: FromWorker) => void;
}) {
  const { settings, send } = options;
  const ending = new AbortController();
  const turns = createTurns();
  // Sessions and their buffers serve one picture at a time; whoever waited longest is next.
  const perceiver: Perceiver = {
    perceive: (picture, request) => turns.take(() => options.perceiver.perceive(picture, request)),
    stillSidesPx: options.perceiver.stillSidesPx,
    release: () => options.perceiver.release(),
  };
  const watches = new Map<CameraId, CameraWatch>();
  const running = new Set<Promise<void>>();
  const untaken = new Map<number, () => void>();
  let passageNumber = 0;

  const run = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };

  const handOver = (passage: PassageCandidate, jpegs: PassageJpegs): Promise<void> =>
    new Promise((resolve) => {
      const number = (passageNumber += 1);
      untaken.set(number, resolve);
      send({ kind: 'passage', number, passage, jpegs });
    });

  const startCamera = async (camera: CameraOptions): Promise<void> => {
    const id = camera.id as CameraId;
    const watch = createCameraWatch({ camera, perception: settings.perception, perceiver, onPassage: handOver });
    watches.set(id, watch);
    const source = openLiveSource({
      id,
      url: camera.url,
      framesPerSecond: camera.framesPerSecond,
      maxWidthPx: settings.perception.maxWidthPx,
      silentAfterMs: camera.silentAfter,
      clock: systemClock,
      onStatus: (status) => send({ kind: 'camera', camera: id, status }),
    });
    const count = (): void => send({ kind: 'counted', camera: id, counters: watch.counters(source.dropped()) });
    const timer = setInterval(() => {
      count();
      // A camera that stopped sending still ends its passages.
      run(watch.idle(systemClock.now()));
    }, countersPeriodMs);
    try {
      for await (const frame of source.frames(ending.signal)) await watch.look(frame);
    } finally {
      clearInterval(timer);
      await watch.finish();
      count();
    }
  };

  const receive = (message: Exclude<ToWorker, { kind: 'stop' }>): void => {
    switch (message.kind) {
      case 'start-camera':
        run(startCamera(message.camera));
        return;
      case 'snapshot': {
        const { request, camera } = message;
        run(
          Promise.resolve(watches.get(camera)?.snapshot() ?? null).then((snapshot) =>
            send({ kind: 'snapshot', request, snapshot }),
          ),
        );
        return;
      }
      case 'inspect': {
        const { request } = message;
        const video = (file: string, signal: AbortSignal) =>
          inspectVideo({ file, signal, perceiver, perception: settings.perception, openFileSource });
        run(
          inspectFile(message, perceiver, video, ending.signal).then((line) =>
            send({ kind: 'inspected', request, line }),
          ),
        );
        return;
      }
      case 'passage-taken':
        untaken.get(message.number)?.();
        untaken.delete(message.number);
        return;
      default:
        assertNever(message);
    }
  };

  return {
    receive,
    /** Ends every camera, hands over the passages still open, and waits for all of it. */
    stop: async (): Promise<void> => {
      ending.abort();
      while (running.size > 0) await Promise.allSettled([...running]);
    },
  };
}
