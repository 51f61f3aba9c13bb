import type { CameraId } from '../domain/ids.ts';
import { rejectReasons, type RejectReason } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { evidenceJpegs, keepFrame, maxFrameBytes, type KeptFrame } from './evidence-frame.ts';
import { stillFaceLooks } from './face-looks.ts';
import type { Frame } from './frame-source.ts';
import { overlapRatio } from './geometry.ts';
import { faceLooks, plateLooks } from './looks.ts';
import { createMotionGate } from './motion.ts';
import type { CameraOptions, PerceptionOptions } from './options.ts';
import type { SeenNow } from './live/live-hub.ts';
import type { Perceiver } from './perceive.ts';
import { createPersonTracks } from './person-tracks.ts';
import { encodeJpeg } from './picture.ts';
import { createSignMemory } from './sign-memory.ts';
import type { TrailMotion } from './track.ts';
import { createVehicleTracks } from './vehicle-tracks.ts';
import { createVisits } from './visits.ts';
import type { CameraCounters, PassageCandidate, PassageJpegs, Snapshot } from './worker-protocol.ts';

/** Without any movement the whole picture is still looked at this often: a car may stand there since before the start. */
const netPeriodMs = 5000;
/** A car that waits this long is told of before it leaves, so that a rule about it is not late. */
const liveTellAfterMs = 30_000;

export interface CameraWatchOptions {
  readonly camera: CameraOptions;
  readonly perception: PerceptionOptions;
  readonly perceiver: Perceiver;
  /** Waited for: no further picture of this camera is looked at until it resolves. */
  readonly onPassage: (passage: PassageCandidate, jpegs: PassageJpegs) => Promise<void>;
  /** Told of every picture that was looked at: what stands where in it. */
  readonly onSeen?: (seen: SeenNow) => void;
  /** Tell of those who stay before they leave; false for video files, where nothing is late. Default: the camera's URL is live. */
  readonly live?: boolean;
}

/** All that happens with one camera's pictures, from the frame to the passage. Frames in order of capture. */
export function createCameraWatch({
  camera,
  perception,
  perceiver,
  onPassage,
  onSeen = () => undefined,
  live = !camera.url.startsWith('file:'),
}: CameraWatchOptions) {
  const id = camera.id as CameraId;
  const ebikePatterns = perception.ebikePlates.map((pattern) => new RegExp(pattern, 'u'));
  const goneAfterMs = perception.goneAfter;
  const tellAfterMs = live ? liveTellAfterMs : null;
  const vehicles = createVehicleTracks({ goneAfterMs, tellAfterMs, ebikePatterns });
  const persons = createPersonTracks({ goneAfterMs, tellAfterMs, sameVisitMs: perception.sameVisitWithin });
  const visits = createVisits({ sameVisitMs: perception.sameVisitWithin });
  const signs = createSignMemory();
  const motionGate = createMotionGate();
  const rejected = Object.fromEntries(rejectReasons.map((reason) => [reason, 0])) as Record<RejectReason, number>;
  const count = { frames: 0, framesLookedAt: 0, platesRead: 0, passages: 0, waitedMs: 0 };
  let latest: KeptFrame | null = null;
  let lastNetAt = -Infinity;
  let lastFrameAt: EpochMs | null = null;
  let facesTurn = false;
  let looking = false;
  let onFrame: (() => void)[] = [];

  const directionOf = (motion: TrailMotion): PassageCandidate['direction'] => {
    const towards = camera.direction === 'out' ? 'out' : 'in';
    if (motion === 'nearer') return towards;
    if (motion === 'away') return towards === 'in' ? 'out' : 'in';
    // It came and went back: through the gate it did not pass.
    if (motion === 'turned') return 'unknown';
    // It did not move while it was seen: a gate for one direction says enough.
    return camera.direction === 'both' ? 'unknown' : camera.direction;
  };

  const handOver = async (passage: Omit<PassageCandidate, 'camera'>, evidence: KeptFrame): Promise<void> => {
    const { picture } = evidence;
    const region = [0, 0, picture.widthPx, picture.heightPx] as const;
    const { faces } = await perceiver.perceive(picture, {
      plates: [],
      faces: stillFaceLooks(region),
    });
    const boxes = faces.map(({ box }) => box);
    // The face that it is about is hidden too where the look at the whole picture does not find it again.
    if (passage.subject === 'person' && !boxes.some((box) => overlapRatio(box, evidence.box) > 0.3))
      boxes.push(evidence.box);
    const jpegs = await evidenceJpegs(evidence, boxes);
    const startedMs = performance.now();
    await onPassage({ camera: id, ...passage }, jpegs);
    count.waitedMs += performance.now() - startedMs;
    count.passages += 1;
  };

  const emit = async (at: EpochMs, all: boolean): Promise<void> => {
    const sightings = vehicles.take(at, all);
    for (const { rejected: reason } of sightings) if (reason) rejected[reason] += 1;
    for (const vehicle of vehicles.present()) visits.present(vehicle);
    const worthKeeping = sightings.filter(
      ({ plate, agreeing }) => plate.accepted || (plate.kind !== 'unknown' && agreeing >= 2),
    );
    for (const { plate, motion, startedAt, endedAt, evidence } of visits.settle(worthKeeping, at, all)) {
      const { capturedAt: readAt, box } = evidence;
      const direction = directionOf(motion);
      const passage = { direction, startedAt, endedAt, readAt, plate, box, faceQualityRatio: null };
      await handOver({ subject: 'vehicle', ...passage }, evidence);
    }
    for (const { motion, startedAt, endedAt, evidence, qualityRatio: faceQualityRatio } of persons.take(at, all)) {
      const { capturedAt: readAt, box } = evidence;
      const direction = directionOf(motion);
      const passage = { direction, startedAt, endedAt, readAt, plate: null, box, faceQualityRatio };
      await handOver({ subject: 'person', ...passage }, evidence);
    }
  };

  const lookAt = async (frame: Frame): Promise<void> => {
    const at = frame.capturedAt;
    count.frames += 1;
    lastFrameAt = at;
    latest = keepFrame(frame, [0, 0, frame.widthPx, frame.heightPx], latest);
    const waiters = onFrame;
    onFrame = [];
    for (const told of waiters) told();
    const motion = motionGate(frame);
    const net = at - lastNetAt >= netPeriodMs;
    if (net) lastNetAt = at;
    const expected = vehicles.expected(at);
    const plates = camera.plates ? plateLooks(frame, { motion, net, expected }, perceiver.livePlateLook) : [];
    facesTurn = !facesTurn;
    // Every second picture is soon enough for someone on foot.
    const faces =
      camera.faces && (facesTurn || net) ? faceLooks(frame, { motion, net, expected: persons.expected() }) : [];
    if (plates.length > 0 || faces.length > 0) {
      count.framesLookedAt += 1;
      const seen = await perceiver.perceive(frame, {
        plates,
        faces,
        wantsSecond: (plate) => vehicles.wantsSecond(plate, at),
        shouldRead: (candidate) => !signs.knows(candidate.box, at) && vehicles.shouldRead(candidate, at),
      });
      count.platesRead += seen.plates.length;
      onSeen({
        ...{ capturedAt: at, widthPx: frame.widthPx, heightPx: frame.heightPx },
        plates: seen.plates.map(({ box, reading }) => ({ box, text: reading.text, accepted: reading.accepted })),
        faces: seen.faces.map(({ box }) => box),
      });
      for (const { reason, box } of seen.rejected) {
        rejected[reason] += 1;
        if (reason === 'not-a-plate' || reason === 'no-legal-format') signs.note(box, at);
      }
      const unread = seen.unread.filter(({ box }) => !signs.knows(box, at));
      vehicles.update(frame, seen.plates, unread);
      if (faces.length > 0) {
        const vehicleBoxes = vehicles.expected(at).map(({ box }) => box);
        persons.update(frame, seen.faces, vehicleBoxes, motion);
      }
    }
    vehicles.hold(at, (box) => motion.movedIn(box));
    persons.hold(at, motion);
    await emit(at, false);
  };

  const look = async (frame: Frame): Promise<void> => {
    looking = true;
    try {
      await lookAt(frame);
    } finally {
      looking = false;
    }
  };

  return {
    look,
    /** Time goes on without frames: ends what has left. `now` is the wall clock, which capture time follows. */
    idle: async (now: EpochMs): Promise<void> => {
      // A passage that waits to be stored holds the frames back; that is no silence.
      if (!looking && lastFrameAt !== null && now - lastFrameAt > goneAfterMs * 2) await emit(now, false);
    },
    /** The camera was watched up to then and nothing moved: what stood there still does, what has left has left. */
    quiet: async (at: EpochMs): Promise<void> => {
      if (looking || lastFrameAt === null || at <= lastFrameAt) return;
      vehicles.hold(at, () => false);
      persons.hold(at, { movedIn: () => false });
      await emit(at, false);
    },
    /** Settles when a frame captured after `at` is the newest, or after `withinMs`. */
    frameAfter: async (at: EpochMs, withinMs: number): Promise<void> => {
      const deadline = performance.now() + withinMs;
      while (performance.now() < deadline && (latest === null || latest.capturedAt < at)) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, deadline - performance.now());
          onFrame.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
    },
    /** No more frames will come: everything still open is told of. */
    finish: async (): Promise<void> => {
      if (lastFrameAt !== null) await emit(lastFrameAt, true);
    },
    snapshot: async (): Promise<Snapshot | null> => {
      if (!latest) return null;
      // The next frame overwrites this memory.
      const picture = { ...latest.picture, rgb: latest.picture.rgb.slice() };
      const { capturedAt } = latest;
      const region = [0, 0, picture.widthPx, picture.heightPx] as const;
      const { faces } = await perceiver.perceive(picture, {
        plates: [],
        faces: stillFaceLooks(region),
      });
      return {
        jpeg: await encodeJpeg(picture, { maxBytes: maxFrameBytes }),
        capturedAt,
        faces: faces.map(({ box }) => box),
      };
    },
    counters: (framesDropped: number): Omit<CameraCounters, 'stream'> => ({
      ...count,
      waitedMs: Math.round(count.waitedMs),
      framesDropped,
      rejected: { ...rejected },
    }),
  };
}

export type CameraWatch = ReturnType<typeof createCameraWatch>;
