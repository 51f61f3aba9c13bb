// A thread with one set of models and several cameras, as the product has it; frames from memory, as fast as it can.
import { parentPort, workerData } from 'node:worker_threads';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { createCameraWatch } from '../../gateway/perceive/camera-watch.ts';
import { cameraOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { openPerceiver } from '../../gateway/perceive/perceive.ts';
import type { RenderedFrame } from './passages/frames.ts';

export interface ScaleWork {
  readonly modelsDir: string;
  readonly cameras: number;
  /** The frames each camera sees, one turn after the other. */
  readonly frames: readonly RenderedFrame[];
  readonly turns: number;
}
export interface ScaleDone {
  readonly frames: number;
  readonly rows: number;
  readonly elapsedMs: number;
}

const port = parentPort;
if (port) {
  const { modelsDir, cameras, frames, turns } = workerData as ScaleWork;
  const perceiver = await openPerceiver({ modelsDir, threads: 1, minPlateWidthPx: 36, ebikePatterns: [] });
  let rows = 0;
  const watches = Array.from({ length: cameras }, (_, index) =>
    createCameraWatch({
      camera: cameraOptions.parse({ id: `gate-${index}`, name: 'gate', url: 'rtsp://bench/1', framesPerSecond: 3 }),
      perception: perceptionOptions.parse({}),
      perceiver,
      onPassage: () => {
        rows += 1;
        return Promise.resolve();
      },
    }),
  );
  let nowMs = 0;
  const pass = async (count: number): Promise<number> => {
    let looked = 0;
    for (let turn = 0; turn < count; turn += 1) {
      for (const frame of frames) {
        nowMs += 333;
        for (const watch of watches) await watch.look({ ...frame, capturedAt: nowMs as EpochMs, mediaMs: nowMs });
        looked += watches.length;
      }
      // The next turn's vehicles are other visits.
      nowMs += 120_000;
    }
    return looked;
  };
  await pass(1);
  port.once('message', () => {
    const startedMs = performance.now();
    void pass(turns).then(async (looked) => {
      const elapsedMs = performance.now() - startedMs;
      await perceiver.release();
      port.postMessage({ frames: looked, rows, elapsedMs } satisfies ScaleDone);
    });
  });
  port.postMessage('ready');
}
