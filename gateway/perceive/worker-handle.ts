import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { workerUrl } from '../lib/worker-url.ts';
import type { Clock } from '../lib/clock.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-protocol.ts';

/** One perception thread, seen from the main thread. */
export interface WorkerHandle {
  send(message: ToWorker): void;
  /** Asks it to finish what it has; ends it by force after the deadline. May be called twice. */
  stop(deadlineMs: number): Promise<void>;
}

/**
 * V8 begins with 1 MB, which nothing makes it enlarge where hardly anything survives, and then collects what a quiet
 * camera leaves behind every 1.6 s, on five threads. The thread takes twice as much for it.
 */
const youngGenerationMb = 4;

/**
 * Starts a thread and resolves when its models are loaded. `onEnd` is called once if it ends without being asked to.
 * Rejects with the thread's own GatewayError (`models.missing`, `models.checksum`).
 */
export function startWorker(options: {
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  readonly onMessage: (message: FromWorker) => void;
  readonly onEnd: (reason: string) => void;
}): Promise<WorkerHandle> {
  const { settings, clock, onMessage, onEnd } = options;
  setFlagsFromString(`--min-semi-space-size=${youngGenerationMb}`);
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(import.meta.url, 'perception-worker'), { workerData: settings });
    let state: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';
    let reason = 'ended by itself';
    let ended: () => void = () => undefined;
    const end = new Promise<void>((done) => {
      ended = done;
    });

    const handle: WorkerHandle = {
      send: (message) => worker.postMessage(message),
      stop: async (deadlineMs) => {
        if (state === 'ended') return;
        if (state !== 'stopping') {
          state = 'stopping';
          worker.postMessage({ kind: 'stop' } satisfies ToWorker);
        }
        const timer = clock.after(deadlineMs, () => void worker.terminate());
        await end;
        timer.cancel();
      },
    };

    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') {
        state = 'running';
        resolve(handle);
      } else if (message.kind === 'failed') {
        reject(new GatewayError(message.code, message.message));
      } else onMessage(message);
    });
    worker.on('error', (error) => {
      reason = messageOf(error);
    });
    worker.on('exit', () => {
      const was = state;
      state = 'ended';
      ended();
      if (was === 'starting')
        reject(new GatewayError('models.missing', `a perception thread did not start: ${reason}`));
      else if (was === 'running') onEnd(reason);
    });
  });
}
