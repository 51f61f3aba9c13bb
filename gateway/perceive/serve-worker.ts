import { fileURLToPath } from 'node:url';
import type { CameraId } from '../domain/ids.ts';
import { assertNever } from '../lib/assert-never.ts';
import { repeat, systemClock, type EpochMs } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { createTurns } from './turns.ts';
import {
  createCameraShared,
  createMotionGateOf,
  createRingOutlet,
  openFileSource,
  openLiveSource,
  type RingOutlet,
} from './camera/index.ts';
import { createCameraWatch, type CameraWatch } from './camera-watch.ts';
import { inspectFile } from './inspect-file.ts';
import { inspectVideo } from './inspect-video.ts';
import type { FileSource, LiveSource } from './frame-source.ts';
import { playFile } from './play-file.ts';
import { createZones } from './zones.ts';
import type { CameraOptions } from './options.ts';
import type { Perceiver } from './perceive.ts';
import type {
  FromWorker,
  PassageCandidate,
  PassageJpegs,
  Snapshot,
  ToWorker,
  WorkerSettings,
} from './worker-protocol.ts';

/** How often a camera's counters go to the main thread. */
const countersPeriodMs = 1000;

/** For a snapshot of a quiet camera the decoder runs this long; a picture may be a key frame's age old. */
const snapshotWakeMs = 1000;
const snapshotMaxAgeMs = 3000;
const snapshotWithinMs = 4000;
/** Bit rates are over this long: a key frame more or less makes no difference. */
const bitRateSpanS = 10;

/** What a perception thread does: many cameras and files over one set of models, in turns. */
export function serveWorker(options: {
  readonly perceiver: Perceiver;
  readonly settings: WorkerSettings;
  /** `given` is memory that is handed over with the message. */
  readonly send: (message: FromWorker, given?: readonly ArrayBuffer[]) => void;
}) {
  const { settings, send } = options;
  const ending = new AbortController();
  const turns = createTurns();
  // Sessions and their buffers serve one picture at a time; whoever waited longest is next.
  const perceiver: Perceiver = {
    perceive: (picture, request) => turns.take(() => options.perceiver.perceive(picture, request)),
    stillSidesPx: options.perceiver.stillSidesPx,
    livePlateLook: options.perceiver.livePlateLook,
    release: () => options.perceiver.release(),
  };
  const shared = createCameraShared({
    decoders: settings.decoders,
    hardware: settings.perception.hardwareDecoding,
    clock: systemClock,
    onDecoding: (report) => send({ kind: 'decoding', report }),
  });
  const watches = new Map<CameraId, CameraWatch>();
  const sources = new Map<CameraId, LiveSource>();
  const outlets = new Map<CameraId, RingOutlet>();
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

  const openOutlet = (camera: CameraId): RingOutlet => {
    const outlet = createRingOutlet(settings.ring, systemClock, {
      begin: (init) => send({ kind: 'live-begin', camera, init }),
      take: (fragment) => send({ kind: 'live-fragment', camera, fragment }, [fragment.bytes.buffer]),
      end: () => send({ kind: 'live-end', camera }),
    });
    outlets.set(camera, outlet);
    return outlet;
  };

  const openWatch = (camera: CameraOptions, outlet: RingOutlet): CameraWatch => {
    const id = camera.id as CameraId;
    const watch = createCameraWatch({
      ...{ camera, perception: settings.perception, perceiver, onPassage: handOver },
      ...{ timeZone: settings.timeZone, runName: settings.runName },
      onSeen: (seen) => {
        if (outlet.watched()) send({ kind: 'live-seen', camera: id, seen });
      },
      onView: (change) => send({ kind: 'view', camera: id, change }),
      onZone: (change) => send({ kind: 'zone', camera: id, change }),
    });
    watches.set(id, watch);
    return watch;
  };

  /** A way of telling the main thread what a camera has counted. */
  const counterOf = (id: CameraId, watch: CameraWatch, source: LiveSource | FileSource): (() => void) => {
    const rate = createBitRate();
    return () => {
      const report = source.report();
      const stream = { ...report, bitsPerSecond: rate(report.bytes), decodedWith: shared.way.current().with };
      send({ kind: 'counted', camera: id, counters: { ...watch.counters(source.dropped()), stream } });
    };
  };

  /** A video file in a camera's place: played once, at speed, with the times of the file. */
  const startFile = async (camera: CameraOptions): Promise<void> => {
    const id = camera.id as CameraId;
    const outlet = openOutlet(id);
    const watch = openWatch(camera, outlet);
    const opened: { leave: () => void; count: () => void } = { leave: () => undefined, count: () => undefined };
    let reason = 'the file is over';
    let failed = false;
    try {
      await playFile({
        ...{ path: fileURLToPath(camera.url), camera, perception: settings.perception, watch, openFileSource },
        signal: ending.signal,
        onStart: (start) => send({ kind: 'file-start', camera: id, start }),
        onSize: (size) => send({ kind: 'camera', camera: id, status: { kind: 'connected', ...size } }),
        onOpen: (source) => {
          const leave = source.fragments.attach(outlet);
          opened.count = counterOf(id, watch, source);
          const timer = repeat(systemClock, countersPeriodMs, opened.count);
          opened.leave = () => {
            timer.cancel();
            leave();
          };
        },
      });
    } catch (error) {
      failed = true;
      reason = messageOf(error);
    } finally {
      opened.leave();
      outlet.close();
      opened.count();
      send({
        kind: 'camera',
        camera: id,
        status: failed ? { kind: 'failed', cause: 'undecodable', reason } : { kind: 'ended', reason },
      });
    }
  };

  const startCamera = async (camera: CameraOptions): Promise<void> => {
    const id = camera.id as CameraId;
    const outlet = openOutlet(id);
    const watch = openWatch(camera, outlet);
    const source = openLiveSource({
      id,
      url: camera.url,
      framesPerSecond: camera.framesPerSecond,
      maxWidthPx: settings.perception.maxWidthPx,
      silentAfterMs: camera.silentAfter,
      transport: new URL(camera.url).searchParams.get('transport') === 'udp' ? 'udp' : camera.transport,
      audio: camera.audio,
      gate: createMotionGateOf(camera.sensitivity),
      lookEveryMs: camera.lookEvery,
      shared,
      clock: systemClock,
      onStatus: (status) => {
        if (status.kind === 'connected') watch.begin();
        send({ kind: 'camera', camera: id, status });
      },
      onStill: (picture, at) => watch.still(picture, at),
    });
    sources.set(id, source);
    const leave = source.fragments.attach(outlet);
    const count = counterOf(id, watch, source);
    const timer = repeat(systemClock, countersPeriodMs, () => {
      count();
      const quietAt = source.quietAt();
      // Where nothing moves, what stands there still stands there; a camera that stopped sending ends its passages.
      run(quietAt === null ? watch.idle(systemClock.now()) : watch.quiet(quietAt));
    });
    try {
      for await (const frame of source.frames(ending.signal)) await watch.look(frame);
    } finally {
      timer.cancel();
      leave();
      sources.delete(id);
      outlet.close();
      await watch.finish();
      count();
    }
  };

  /** The newest frame; a camera at which nothing moves is looked at for it. */
  const takeSnapshot = async (camera: CameraId): Promise<Snapshot | null> => {
    const watch = watches.get(camera);
    const source = sources.get(camera);
    if (!watch) return null;
    // A file shows what it shows.
    if (source && source.quietAt() !== null) {
      const askedAt = systemClock.now();
      source.wake(snapshotWakeMs);
      await watch.frameAfter((askedAt - snapshotMaxAgeMs) as EpochMs, snapshotWithinMs);
    }
    return watch.snapshot();
  };

  const receive = (message: Exclude<ToWorker, { kind: 'stop' }>): void => {
    switch (message.kind) {
      case 'start-camera':
        run(message.camera.url.startsWith('file:') ? startFile(message.camera) : startCamera(message.camera));
        return;
      case 'snapshot': {
        const { request, camera } = message;
        run(takeSnapshot(camera).then((snapshot) => send({ kind: 'snapshot', request, snapshot })));
        return;
      }
      case 'clip': {
        const { request, camera, fromAt, toAt } = message;
        run(
          (outlets.get(camera)?.clip({ fromAt, toAt }) ?? Promise.resolve(null)).then((clip) =>
            send({ kind: 'clip', request, clip }, clip ? [clip.bytes.buffer] : []),
          ),
        );
        return;
      }
      case 'watch':
        outlets.get(message.camera)?.watch(message.on);
        return;
      case 'inspect': {
        const { request } = message;
        const video = (file: string, signal: AbortSignal) =>
          inspectVideo({
            ...{ file, signal, perceiver, perception: settings.perception, openFileSource },
            ...{ camera: settings.inspectAs, timeZone: settings.timeZone },
          });
        run(
          inspectFile(message, perceiver, video, ending.signal, createZones(settings.inspectAs.zones)).then((line) =>
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
      await shared.close();
    },
  };
}

/** Bits a second over the last 10 s, asked about once a second with the bytes so far. */
function createBitRate(): (bytes: number) => number {
  let marks: { readonly atMs: number; readonly bytes: number }[] = [];
  return (bytes) => {
    const atMs = systemClock.monotonic();
    marks = [...marks.filter((mark) => atMs - mark.atMs < bitRateSpanS * 1000), { atMs, bytes }];
    const first = marks[0];
    if (!first || atMs === first.atMs) return 0;
    return Math.round(((bytes - first.bytes) * 8000) / (atMs - first.atMs));
  };
}
