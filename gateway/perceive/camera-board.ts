import type { CameraCause } from '../domain/event.ts';
import type { CameraId } from '../domain/ids.ts';
import { rejectReasons, type RejectReason } from '../domain/plate.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { WireReport } from '../lib/wire.ts';
import type { SourceStatus } from './frame-source.ts';
import type { CameraOptions } from './options.ts';
import type { Blindness, ViewChange } from './view-watch.ts';
import type { CameraCounters } from './worker-protocol.ts';

/** A camera's link has changed, or whether it sees. */
export interface CameraChange {
  readonly camera: CameraId;
  readonly change: 'connected' | 'silent' | 'failed' | ViewChange['change'];
  readonly at: EpochMs;
  /** Null for `connected` and `seeing`. */
  readonly cause: CameraCause | null;
  /** One line without secrets; null for `connected`. */
  readonly reason: string | null;
}

/** What is known of a camera now. */
export interface CameraStatus {
  readonly id: CameraId;
  readonly name: string;
  readonly area: string | null;
  readonly direction: CameraOptions['direction'];
  readonly state: 'connecting' | 'connected' | 'silent' | 'failed' | 'ended';
  readonly since: EpochMs;
  readonly cause: CameraCause | null;
  readonly reason: string | null;
  readonly widthPx: number | null;
  readonly heightPx: number | null;
  /** When its thread last reported a new picture, decoded or not; reports come about once a second. */
  readonly lastFrameAt: EpochMs | null;
  /** How often its stream was opened. */
  readonly connections: number;
  /** Since when it has seen nothing, and why; null while it sees. */
  readonly blind: { readonly since: EpochMs; readonly kind: Blindness | null; readonly reason: string | null } | null;
  readonly zones: CameraOptions['zones'];
  readonly counters: CameraCounters;
}

const noRejects = Object.fromEntries(rejectReasons.map((reason) => [reason, 0])) as Record<RejectReason, number>;
const noCounters: CameraCounters = {
  frames: 0,
  framesDropped: 0,
  framesLookedAt: 0,
  platesRead: 0,
  passages: 0,
  rejected: noRejects,
  standing: [],
  waitedMs: 0,
  stream: {
    bytes: 0,
    fragments: 0,
    keyFrames: 0,
    packetsLost: 0,
    picturesLost: 0,
    gate: 'closed',
    gateReason: 'learning',
    seenMs: 0,
    openMs: 0,
    decodingMs: 0,
    decoderStarts: 0,
    netLooks: 0,
    netWakes: 0,
    calmed: 0,
    gopsDropped: 0,
    lastKeyAt: null,
    connections: 0,
    driftPpm: null,
    bitsPerSecond: 0,
    decodedWith: 'software',
  },
};

/** Keeps what the threads say of their cameras, and tells of changes of the link, each once. */
export function createCameraBoard(
  cameras: readonly CameraOptions[],
  clock: Clock,
  onChange: (change: CameraChange) => void,
) {
  const known = new Map<CameraId, CameraStatus>();
  const lastTold = new Map<CameraId, CameraChange['change']>();
  let passagesWaiting = 0;
  for (const camera of cameras) {
    const id = camera.id as CameraId;
    known.set(id, {
      id,
      name: camera.name,
      area: camera.area ?? null,
      direction: camera.direction,
      state: 'connecting',
      since: clock.now(),
      cause: null,
      reason: null,
      widthPx: null,
      heightPx: null,
      lastFrameAt: null,
      connections: 0,
      blind: null,
      zones: camera.zones,
      counters: noCounters,
    });
  }
  return {
    status: (camera: CameraId, status: SourceStatus): void => {
      const before = known.get(camera);
      if (!before) return;
      const at = clock.now();
      if (status.kind === 'resized') {
        known.set(camera, { ...before, widthPx: status.widthPx, heightPx: status.heightPx });
        return;
      }
      const size = status.kind === 'connected' ? { widthPx: status.widthPx, heightPx: status.heightPx } : {};
      const reason = 'reason' in status ? status.reason : null;
      const cause = 'cause' in status ? status.cause : null;
      const since = before.state === status.kind ? before.since : at;
      // While it tries again, what was wrong stays to be read.
      const shown = status.kind === 'connecting' && before.reason !== null ? before : { cause, reason };
      known.set(camera, {
        ...before,
        ...size,
        state: status.kind,
        since,
        ...{ cause: shown.cause, reason: shown.reason },
        connections: before.connections + (status.kind === 'connected' ? 1 : 0),
      });
      // A file that is over is no camera that has failed.
      if (status.kind === 'connecting' || status.kind === 'ended' || lastTold.get(camera) === status.kind) return;
      lastTold.set(camera, status.kind);
      onChange({ camera, change: status.kind, at, cause, reason });
    },
    view: (camera: CameraId, { change, at, kind, reason }: ViewChange): void => {
      const before = known.get(camera);
      if (!before) return;
      known.set(camera, { ...before, blind: change === 'blind' ? { since: at, kind, reason } : null });
      onChange({ camera, change, at, cause: kind, reason });
    },
    counted: (camera: CameraId, counters: CameraCounters): void => {
      const before = known.get(camera);
      if (!before) return;
      const seen = counters.frames + counters.stream.fragments;
      const seenBefore = before.counters.frames + before.counters.stream.fragments;
      const lastFrameAt = seen > seenBefore ? clock.now() : before.lastFrameAt;
      known.set(camera, { ...before, counters, lastFrameAt });
    },
    passageWaits: (by: 1 | -1): void => {
      passagesWaiting += by;
    },
    list: (): CameraStatus[] => [...known.values()],
    report: (): WireReport[] => {
      const all = [...known.values()];
      const sum = (value: (counters: CameraCounters) => number): number =>
        all.reduce((total, { counters }) => total + value(counters), 0);
      return [
        {
          name: 'camera → gate',
          depth: 0,
          capacity: all.length,
          passed: sum(({ stream }) => stream.fragments),
          dropped: sum(({ stream }) => stream.gopsDropped),
          waitedMs: 0,
        },
        {
          name: 'decoder → detector',
          depth: 0,
          // One slot for each camera.
          capacity: all.length,
          passed: sum(({ frames }) => frames),
          dropped: sum(({ framesDropped }) => framesDropped),
          waitedMs: 0,
        },
        {
          name: 'sighting → events',
          depth: passagesWaiting,
          capacity: null,
          passed: sum(({ passages }) => passages),
          dropped: 0,
          waitedMs: sum(({ waitedMs }) => waitedMs),
        },
      ];
    },
  };
}
