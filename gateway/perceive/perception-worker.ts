import { parentPort, workerData } from 'node:worker_threads';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { systemClock } from '../lib/clock.ts';
import { openPerceiver } from './perceive.ts';
import { serveWorker } from './serve-worker.ts';
import { createSleepingPerceiver } from './sleeping-perceiver.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-protocol.ts';

/** At a gate with a passage a minute the models stay; at night they go. */
const sleepAfterMs = 75_000;

// Entry of a perception thread: opens one set of models, then serves cameras and files until told to stop.
const port = parentPort;
if (port) {
  const settings = workerData as WorkerSettings;
  const send = (message: FromWorker, given: readonly ArrayBuffer[] = []): void => port.postMessage(message, given);
  try {
    const perceiver = await createSleepingPerceiver({
      open: () =>
        openPerceiver({
          modelsDir: settings.modelsDir,
          useModels: settings.useModels,
          threads: settings.threads,
          minPlateWidthPx: settings.perception.minPlateWidthPx,
          ebikePatterns: settings.perception.ebikePlates.map((pattern) => new RegExp(pattern, 'u')),
        }),
      sleepAfterMs,
      clock: systemClock,
    });
    const served = serveWorker({ perceiver, settings, send });
    port.on('message', (message: ToWorker) => {
      if (message.kind !== 'stop') {
        served.receive(message);
        return;
      }
      void served.stop().then(async () => {
        await perceiver.release();
        send({ kind: 'stopped' });
        port.close();
      });
    });
    send({ kind: 'ready' });
  } catch (error) {
    const code = error instanceof GatewayError ? error.code : 'models.missing';
    send({ kind: 'failed', code, message: messageOf(error) });
    port.close();
  }
}
