import { Counter, Gauge, Registry } from 'prom-client';
import { deliveryStates } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { eventKinds, type EventKind } from '../domain/event.ts';
import { tiers } from '../domain/tier.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { WireReport } from '../lib/wire.ts';

/** What a camera's worker counts; times in epoch ms. */
export interface CameraStats {
  readonly id: string;
  readonly state: string;
  /** Not null: its pictures show nothing. */
  readonly blind?: object | null;
  readonly framesDecoded: number;
  readonly passages: number;
  /** Reads that did not become a plate, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly stream: {
    readonly reconnects: number;
    /** Parts per million that the camera's clock runs faster than ours; null while it is not known. */
    readonly driftPpm: number | null;
    readonly bitsPerSecond: number;
    readonly pictures: number;
    readonly packetsLost: number;
    readonly picturesLost: number;
    readonly lastKeyAt: EpochMs | null;
    readonly gate: 'open' | 'closed';
    readonly seenMs: number;
    readonly openMs: number;
    readonly decodingMs: number;
    readonly framesDropped: number;
    readonly gopsDropped: number;
  };
}

export interface MemoryUse {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
}

export interface Metrics {
  /** Counts what has been stored. Call it after a commit has resolved. */
  count(changes: readonly Change[]): void;
  /** Prometheus text of now. */
  text(): Promise<string>;
  readonly contentType: string;
}

/**
 * Prometheus metrics of one gateway, in a registry of their own: two gateways in one process (tests) do not mix. Wires,
 * cameras and memory are asked when somebody reads, so that nobody pays for them in between.
 */
export function createMetrics(given: {
  readonly version: string;
  readonly clock: Clock;
  readonly wires: () => readonly WireReport[];
  readonly cameras: () => readonly CameraStats[];
  readonly memory: () => MemoryUse;
  /** What was tried from outside and refused. */
  readonly refusals?: () => readonly { readonly what: string; readonly reason: string; readonly count: number }[];
}): Metrics {
  const registry = new Registry();
  const registers = [registry];

  const events = new Counter({
    name: 'kanmen_events_total',
    help: 'Events stored, by kind',
    labelNames: ['kind'],
    registers,
  });
  const alerts = new Counter({
    name: 'kanmen_alerts_raised_total',
    help: 'Alerts raised, by tier at that moment',
    labelNames: ['tier'],
    registers,
  });
  const feedback = new Counter({
    name: 'kanmen_feedback_total',
    help: 'Answers stored, by kind',
    labelNames: ['kind'],
    registers,
  });
  const tries = new Counter({
    name: 'kanmen_delivery_tries_total',
    help: 'Tries to deliver, by what came of them: delivered, pending (to be tried again), dead',
    labelNames: ['outcome'],
    registers,
  });
  const quarantined = new Counter({
    name: 'kanmen_quarantined_messages_total',
    help: 'Messages of devices that could not be understood',
    registers,
  });
  // A series that appears only with the first alert cannot be watched for its first alert.
  for (const kind of eventKinds) events.inc({ kind }, 0);
  for (const tier of tiers) alerts.inc({ tier }, 0);
  for (const outcome of deliveryStates) tries.inc({ outcome }, 0);

  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const wireDepth = gauge('kanmen_wire_depth', 'Items waiting or being worked on', ['wire']);
  // Read from the rooms' own counters, which only rise; prom-client's Counter cannot be set.
  const wirePassed = gauge('kanmen_wire_passed_total', 'Items that went through', ['wire']);
  const wireDropped = gauge('kanmen_wire_dropped_total', 'Items let go because the wire was full', ['wire']);
  const wireWaited = gauge('kanmen_wire_waited_seconds_total', 'Time that senders were held back', ['wire']);
  const cameraUp = gauge('kanmen_camera_connected', '1 while the camera sends pictures', ['camera']);
  const cameraBlind = gauge('kanmen_camera_blind', '1 while its pictures show nothing', ['camera']);
  const cameraFrames = gauge('kanmen_camera_frames_decoded_total', 'Frames decoded', ['camera']);
  const cameraPassages = gauge('kanmen_camera_passages_total', 'Passages seen', ['camera']);
  const cameraRejected = gauge('kanmen_camera_rejected_reads_total', 'Reads that did not become a plate', [
    'camera',
    'reason',
  ]);
  const cameraRestarts = gauge('kanmen_camera_restarts_total', 'Times the camera was connected anew', ['camera']);
  const cameraBits = gauge('kanmen_camera_bits_per_second', 'Bit rate of the stream over the last 10 s', ['camera']);
  const cameraPictures = gauge('kanmen_camera_pictures_total', 'Coded pictures received', ['camera']);
  const cameraLost = gauge('kanmen_camera_lost_total', 'Lost on the way, by what: packets, pictures', [
    'camera',
    'what',
  ]);
  const cameraKeyAge = gauge('kanmen_camera_last_key_frame_age_seconds', 'Age of the newest key frame', ['camera']);
  const cameraGate = gauge('kanmen_camera_gate_open', '1 while the gate sees movement', ['camera']);
  const cameraSeen = gauge('kanmen_camera_gate_seen_seconds_total', 'Stream that the gate has judged', ['camera']);
  const cameraOpen = gauge('kanmen_camera_gate_open_seconds_total', 'Of that, with movement', ['camera']);
  const cameraDecoding = gauge('kanmen_camera_decoding_seconds_total', 'Time that a decoder ran', ['camera']);
  const cameraDrift = gauge(
    'kanmen_camera_clock_drift_ppm',
    "How much faster the camera's clock runs than the gateway's",
    ['camera'],
  );
  const cameraDropped = gauge(
    'kanmen_camera_dropped_total',
    'Let go for being late, by what: frames (decoded, a newer one came), gops (no decoder was free)',
    ['camera', 'what'],
  );
  const ofCameras = [
    ...[
      cameraBlind,
      cameraUp,
      cameraFrames,
      cameraPassages,
      cameraRejected,
      cameraRestarts,
      cameraBits,
      cameraPictures,
    ],
    ...[cameraLost, cameraKeyAge, cameraGate, cameraSeen, cameraOpen, cameraDecoding, cameraDrift, cameraDropped],
  ];
  const refused = gauge('kanmen_refused_total', 'Tried from outside and refused, by what and why', ['what', 'reason']);
  const memory = gauge('kanmen_memory_bytes', 'Memory of the main process', ['kind']);
  const started = gauge('kanmen_start_time_seconds', 'When the gateway started, Unix time');
  started.set(given.clock.now() / 1000);
  gauge('kanmen_info', 'Always 1; the version is in its label', ['version']).set({ version: given.version }, 1);

  /** Events since somebody last read: a counter of the library costs each message more than its row in the log. */
  const counted = new Map<EventKind, number>();

  const refresh = (): void => {
    for (const [kind, times] of counted) events.inc({ kind }, times);
    counted.clear();
    for (const each of [wireDepth, wirePassed, wireDropped, wireWaited]) each.reset();
    for (const { name: wire, depth, passed, dropped, waitedMs } of given.wires()) {
      wireDepth.set({ wire }, depth);
      wirePassed.set({ wire }, passed);
      wireDropped.set({ wire }, dropped);
      wireWaited.set({ wire }, waitedMs / 1000);
    }
    for (const each of ofCameras) each.reset();
    for (const { id: camera, state, blind, framesDecoded, passages, rejected, stream } of given.cameras()) {
      cameraUp.set({ camera }, state === 'connected' ? 1 : 0);
      cameraBlind.set({ camera }, blind ? 1 : 0);
      cameraFrames.set({ camera }, framesDecoded);
      cameraPassages.set({ camera }, passages);
      cameraRestarts.set({ camera }, stream.reconnects);
      cameraBits.set({ camera }, stream.bitsPerSecond);
      cameraPictures.set({ camera }, stream.pictures);
      cameraLost.set({ camera, what: 'packets' }, stream.packetsLost);
      cameraLost.set({ camera, what: 'pictures' }, stream.picturesLost);
      if (stream.lastKeyAt !== null) cameraKeyAge.set({ camera }, (given.clock.now() - stream.lastKeyAt) / 1000);
      cameraGate.set({ camera }, stream.gate === 'open' ? 1 : 0);
      cameraSeen.set({ camera }, stream.seenMs / 1000);
      cameraOpen.set({ camera }, stream.openMs / 1000);
      cameraDecoding.set({ camera }, stream.decodingMs / 1000);
      if (stream.driftPpm !== null) cameraDrift.set({ camera }, stream.driftPpm);
      cameraDropped.set({ camera, what: 'frames' }, stream.framesDropped);
      cameraDropped.set({ camera, what: 'gops' }, stream.gopsDropped);
      for (const [reason, times] of Object.entries(rejected)) cameraRejected.set({ camera, reason }, times);
    }
    refused.reset();
    for (const { what, reason, count } of given.refusals?.() ?? []) refused.set({ what, reason }, count);
    const use = given.memory();
    memory.set({ kind: 'rss' }, use.rssBytes);
    memory.set({ kind: 'heap' }, use.heapUsedBytes);
    memory.set({ kind: 'external' }, use.externalBytes);
  };

  return {
    count: (changes) => {
      for (const change of changes) {
        if (change.kind === 'event-recorded') {
          const { kind } = change.event;
          counted.set(kind, (counted.get(kind) ?? 0) + 1);
        } else if (change.kind === 'delivery-tried') tries.inc({ outcome: change.state });
        else if (change.kind === 'quarantined') quarantined.inc();
        else if (change.kind === 'feedback-recorded') feedback.inc({ kind: change.feedback.kind });
        // An alert is saved on every step of its life; version 1 is its first.
        else if (change.kind === 'alert-saved' && change.alert.version === 1) alerts.inc({ tier: change.alert.tier });
      }
    },
    text: () => {
      refresh();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
