import { availableParallelism } from 'node:os';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock, EpochMs, Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { WireReport } from '../lib/wire.ts';
import type { CameraId } from '../domain/ids.ts';
import { assertNever } from '../lib/assert-never.ts';
import type { Clip, RingOptions } from './camera/ring.ts';
import { createCameraBoard, type CameraChange, type CameraStatus } from './camera-board.ts';
import type { InspectLine } from './inspect-line.ts';
import { createLiveHub, type LiveHub } from './live/live-hub.ts';
import { createMpeg1View, type Mpeg1View } from './live/mpeg1.ts';
import { shippedModelsDir } from './model-store.ts';
import { nobodysCamera } from './inspect-video.ts';
import type { CameraOptions, ModelsOptions, PerceptionOptions } from './options.ts';
import type { ZoneChange } from './zone-visits.ts';
import { usualWorkers } from './worker-count.ts';
import { startWorker, type WorkerHandle } from './worker-handle.ts';
import type {
  FromWorker,
  PassageCandidate,
  PassageJpegs,
  Snapshot,
  ToWorker,
  WorkerSettings,
} from './worker-protocol.ts';

export interface PerceptionRequest {
  readonly cameras: readonly CameraOptions[];
  readonly models: ModelsOptions;
  readonly perception: PerceptionOptions;
  /** How much of each camera's stream stays in memory, for clips and for those who look in. */
  readonly ring?: RingOptions;
  /** Cameras transcoded at once for browsers that cannot play their codec. */
  readonly transcodersAtOnce?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 ≤ x < 1, for the spread of restarts. */
  readonly unit: () => number;
  /** Called once for each passage; the camera's next one waits until it resolves. A rejection is logged and the passage is lost. */
  readonly onPassage: (passage: PassageCandidate, jpegs: PassageJpegs) => Promise<void>;
  /** Called when a camera's link changes, never twice in a row with the same change, and when it goes blind or sees again. */
  readonly onCamera: (change: CameraChange) => void;
  /** Called when something has come to stand in a watched zone, and when it has left. */
  readonly onZone?: (camera: CameraId, change: ZoneChange) => void;
  /** IANA zone of the site, for what day and night are there. Default: Asia/Shanghai. */
  readonly timeZone?: string;
  /** As whose pictures `inspect` looks at files: its zones, direction and sensitivity. Default: a camera without zones. */
  readonly inspectAs?: CameraOptions;
}

/** The cameras' eyes: threads with the models, and on this thread nothing but messages. */
export interface Perception extends Component {
  /** The camera's newest frame; null when it has none yet, or its thread is starting anew. */
  snapshot(camera: CameraId): Promise<Snapshot | null>;
  /**
   * What the camera captured from `fromAt` to `toAt` as a file that plays, waited for until it has been captured; shorter
   * where there is no more, null where there is nothing.
   */
  clip(camera: CameraId, span: { readonly fromAt: EpochMs; readonly toAt: EpochMs }): Promise<Clip | null>;
  /** The cameras' streams, for those who watch. */
  readonly live: LiveHub;
  /** The same for browsers that cannot play the camera's codec. */
  readonly mpeg1: Mpeg1View;
  /** One line for each file, in the order given; works with no camera configured. Ends early with the signal. */
  inspect(
    files: readonly string[],
    options: { readonly crop: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<InspectLine>;
  report(): WireReport[];
  cameras(): CameraStatus[];
}

const stopDeadlineMs = 8000;
const restart = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.3 };

/** Builds the perception part; nothing runs before `start`. `start` throws GatewayError `models.missing`, `models.checksum`. */
export function createPerception(request: PerceptionRequest): Perception {
  const { cameras, perception, clock, logger, onPassage } = request;
  const cores = availableParallelism();
  const wanted = perception.workers ?? usualWorkers(cores);
  const count = cameras.length > 0 ? Math.min(wanted, cameras.length) : wanted;
  const board = createCameraBoard(cameras, clock, request.onCamera);
  const workers: (WorkerHandle | null)[] = Array.from({ length: count }, () => null);
  const snapshots = new Map<number, { worker: number; answer: (snapshot: Snapshot | null) => void }>();
  const clips = new Map<number, { worker: number; answer: (clip: Clip | null) => void }>();
  const inspections = new Map<number, { worker: number; answer: (line: InspectLine | null) => void }>();
  // No two starts of a gateway have one name, nor two threads of one start.
  let starts = 0;
  const runName = (): string => `${clock.now().toString(36)}${(starts += 1).toString(36)}`;
  let requestNumber = 0;
  let stopping = false;
  let timers: Timer[] = [];

  const settings = (): WorkerSettings => ({
    modelsDir: request.models.dir ?? shippedModelsDir(),
    useModels: request.models.use,
    threads: Math.max(Math.floor(cores / count), 1),
    decoders: Math.max(Math.ceil((perception.decoders ?? cores * 2) / count), 1),
    perception,
    ring: request.ring ?? { keepMs: 30_000, maxBytes: 20_000_000 },
    timeZone: request.timeZone ?? 'Asia/Shanghai',
    runName: runName(),
    inspectAs: request.inspectAs ?? nobodysCamera,
  });
  const workerOf = (camera: CameraId): number => cameras.findIndex(({ id }) => id === camera) % count;

  const live = createLiveHub((camera, on) => workers[workerOf(camera)]?.send({ kind: 'watch', camera, on }));
  const mpeg1 = createMpeg1View({ live, atOnce: request.transcodersAtOnce ?? 2, clock, logger });

  const takePassage = async (index: number, message: Extract<FromWorker, { kind: 'passage' }>): Promise<void> => {
    board.passageWaits(1);
    try {
      await onPassage(message.passage, message.jpegs);
    } catch (error) {
      logger.error({ camera: message.passage.camera, reason: messageOf(error) }, 'passage was not stored');
    } finally {
      board.passageWaits(-1);
      workers[index]?.send({ kind: 'passage-taken', number: message.number });
    }
  };

  const receive = (index: number, message: FromWorker): void => {
    switch (message.kind) {
      case 'ready':
      case 'failed':
      case 'stopped':
        return;
      case 'camera':
        board.status(message.camera, message.status);
        return;
      case 'view':
        board.view(message.camera, message.change);
        return;
      case 'zone':
        request.onZone?.(message.camera, message.change);
        return;
      case 'file-start': {
        const { startsAt, from } = message.start;
        const says = { camera: message.camera, startsAt: new Date(startsAt).toISOString(), from };
        if (from === 'modified')
          logger.warn(says, 'file has no creation time, its last change less its length is used');
        else logger.info(says, 'file is played');
        return;
      }
      case 'decoding': {
        const { with: decodedWith, reason } = message.report;
        logger.info({ worker: index, decodedWith, reason }, 'video is decoded');
        return;
      }
      case 'counted':
        board.counted(message.camera, message.counters);
        return;
      case 'passage':
        void takePassage(index, message);
        return;
      case 'snapshot':
        snapshots.get(message.request)?.answer(message.snapshot);
        snapshots.delete(message.request);
        return;
      case 'clip':
        clips.get(message.request)?.answer(message.clip);
        clips.delete(message.request);
        return;
      case 'live-begin':
        live.begin(message.camera, message.init);
        return;
      case 'live-fragment':
        live.take(message.camera, message.fragment);
        return;
      case 'live-end':
        live.end(message.camera);
        return;
      case 'live-seen':
        live.seen(message.camera, message.seen);
        return;
      case 'inspected':
        inspections.get(message.request)?.answer(message.line);
        inspections.delete(message.request);
        return;
      default:
        assertNever(message);
    }
  };

  /** Answers everything that a thread still owed: it has ended. */
  const settleOwed = (index: number): void => {
    for (const owed of [snapshots, clips, inspections]) {
      for (const [number, { worker, answer }] of owed) {
        if (worker !== index) continue;
        owed.delete(number);
        answer(null);
      }
    }
  };

  const startOne = async (index: number, failures: number): Promise<void> => {
    const worker = await startWorker({
      settings: settings(),
      clock,
      onMessage: (message) => receive(index, message),
      onEnd: (reason) => {
        workers[index] = null;
        settleOwed(index);
        if (stopping) return;
        logger.error({ worker: index, reason }, 'perception thread ended, starting it again');
        scheduleRestart(index, failures + 1, reason);
      },
    });
    workers[index] = worker;
    for (const camera of cameras) {
      if (workerOf(camera.id as CameraId) === index) worker.send({ kind: 'start-camera', camera });
    }
    for (const camera of live.watched()) {
      if (workerOf(camera) === index) worker.send({ kind: 'watch', camera, on: true });
    }
  };

  const scheduleRestart = (index: number, failures: number, reason: string): void => {
    for (const { id } of cameras) {
      if (workerOf(id as CameraId) !== index) continue;
      board.status(id as CameraId, {
        kind: 'failed',
        cause: 'gateway-fault',
        reason: `perception thread ended: ${reason}`,
      });
      live.end(id as CameraId);
    }
    const timer = clock.after(backoffMs(restart, failures, request.unit), () => {
      timers = timers.filter((other) => other !== timer);
      if (stopping) return;
      startOne(index, failures).catch((error: unknown) => {
        logger.error({ worker: index, reason: messageOf(error) }, 'perception thread cannot start');
        scheduleRestart(index, failures + 1, messageOf(error));
      });
    });
    timers.push(timer);
  };

  const inspectOne = (file: string, crop: boolean, turn: number): Promise<InspectLine> =>
    new Promise((resolve) => {
      const running = workers.flatMap((worker, index) => (worker ? [{ worker, index }] : []));
      const chosen = running[turn % Math.max(running.length, 1)];
      const lost: InspectLine = {
        file,
        error: { code: 'picture.unreadable', message: 'the perception thread ended over this file' },
      };
      if (!chosen) {
        resolve(lost);
        return;
      }
      const number = (requestNumber += 1);
      inspections.set(number, { worker: chosen.index, answer: (line) => resolve(line ?? lost) });
      chosen.worker.send({ kind: 'inspect', request: number, file, crop });
    });

  /** Asks a camera's thread; null where there is none now. */
  const ask = <Answer>(
    camera: CameraId,
    owed: Map<number, { worker: number; answer: (answer: Answer | null) => void }>,
    question: (number: number) => ToWorker,
  ): Promise<Answer | null> =>
    new Promise((resolve) => {
      const index = workerOf(camera);
      const worker = workers[index];
      if (!worker) {
        resolve(null);
        return;
      }
      const number = (requestNumber += 1);
      owed.set(number, { worker: index, answer: resolve });
      worker.send(question(number));
    });

  return {
    name: 'perception',
    start: async () => {
      stopping = false;
      await Promise.all(workers.map((_worker, index) => startOne(index, 0)));
      logger.info({ workers: count, cameras: cameras.length }, 'perception is ready');
    },
    stop: async () => {
      stopping = true;
      mpeg1.close();
      for (const timer of timers) timer.cancel();
      timers = [];
      await Promise.all(
        workers.map(async (worker, index) => {
          await worker?.stop(stopDeadlineMs);
          workers[index] = null;
          settleOwed(index);
        }),
      );
    },
    snapshot: (camera) => ask(camera, snapshots, (number) => ({ kind: 'snapshot', request: number, camera })),
    clip: (camera, span) => ask(camera, clips, (number) => ({ kind: 'clip', request: number, camera, ...span })),
    live,
    mpeg1,
    inspect: async function* (files, { crop, signal }) {
      // Two files a thread: one is read from disk while the other is looked at.
      const ahead = count * 2;
      const pending: Promise<InspectLine>[] = [];
      let next = 0;
      while (next < files.length || pending.length > 0) {
        if (signal?.aborted === true) return;
        for (; next < files.length && pending.length < ahead; next += 1)
          pending.push(inspectOne(files[next] ?? '', crop, next));
        const line = await pending.shift();
        if (line) yield line;
      }
    },
    report: () => board.report(),
    cameras: () => board.list(),
  };
}
