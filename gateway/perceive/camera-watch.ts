import type { CameraId } from '../domain/ids.ts';
import { rejectReasons, type RejectReason } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { copyPixels, evidenceJpegs, keepFrame, maxFrameBytes, type KeptFrame } from './evidence-frame.ts';
import { foundInStills, stillFaceLooks } from './face-looks.ts';
import type { Frame } from './frame-source.ts';
import { overlapRatio } from './geometry.ts';
import { faceLooks, plateLooks } from './looks.ts';
import { localHour } from './local-hour.ts';
import { createMotionGate } from './motion.ts';
import type { CameraOptions, PerceptionOptions } from './options.ts';
import type { SeenNow } from './live/live-hub.ts';
import type { Perceiver } from './perceive.ts';
import { createPersonTracks } from './person-tracks.ts';
import { encodeJpeg, type Pixels } from './picture.ts';
import { createSceneWatch, type SceneChanges } from './scene-watch.ts';
import { createSignMemory } from './sign-memory.ts';
import type { TrailMotion } from './track.ts';
import { createVehicleTracks, type VehicleSighting } from './vehicle-tracks.ts';
import { createVisits } from './visits.ts';
import type { ViewChange } from './view-watch.ts';
import type { ZoneChange } from './zone-visits.ts';
import { createZones } from './zones.ts';
import type { CameraCounters, PassageCandidate, PassageJpegs, Snapshot } from './worker-protocol.ts';

/** Without any movement the whole picture is still looked at this often: a car may stand there since before the start. */
const netPeriodMs = 5000;
/** Between pictures of a file further apart than this the gate was shut, and nothing moved. */
const quietGapMs = 1500;
/** Hours of the day at which it is light anywhere in China, all the year round. */
const dayHours = { from: 9, to: 16 } as const;
/** A car that waits this long is told of before it leaves, so that a rule about it is not late. */
const liveTellAfterMs = 30_000;

/** Whoever asks for a snapshot gets one that is no older, while pictures come: copying each of them would cost 0.3 ms. */
const keepEveryMs = 1000;

/** Reads of something that moves, however much they differ: a lamp or a sign that is taken for a plate stands still. */
const readsOfAVehicle = 3;

/**
 * Whether a vehicle was there, known or not: its plate was read surely or twice alike, or it moved and was read again and
 * again. Who drives through by night in rain must be in the log, as unsure as his plate is.
 */
const isVehicle = ({ plate, agreeing, reads, motion }: VehicleSighting): boolean =>
  plate.accepted || (plate.kind !== 'unknown' && agreeing >= 2) || (motion !== 'still' && reads >= readsOfAVehicle);

export interface CameraWatchOptions {
  readonly camera: CameraOptions;
  readonly perception: PerceptionOptions;
  readonly perceiver: Perceiver;
  /** Waited for: no further picture of this camera is looked at until it resolves. */
  readonly onPassage: (passage: PassageCandidate, jpegs: PassageJpegs) => Promise<void>;
  /** Told of every picture that was looked at: what stands where in it. */
  readonly onSeen?: (seen: SeenNow) => void;
  /** Told when the camera sees nothing any more, or sees again. */
  readonly onView?: (change: ViewChange) => void;
  /** Told of what has come to stand in a watched zone, and of what has left it. */
  readonly onZone?: (change: ZoneChange) => void;
  /** Where the camera stands, for what day and night are there. */
  readonly timeZone?: string;
  /** Begins the names of visits to zones; unlike any other run's. */
  readonly runName?: string;
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
  onView = () => undefined,
  onZone = () => undefined,
  timeZone = 'Asia/Shanghai',
  runName = 'run',
  live = !camera.url.startsWith('file:'),
}: CameraWatchOptions) {
  const id = camera.id as CameraId;
  const ebikePatterns = perception.ebikePlates.map((pattern) => new RegExp(pattern, 'u'));
  const goneAfterMs = perception.goneAfter;
  const tellAfterMs = live ? liveTellAfterMs : null;
  const zones = createZones(camera.zones);
  const vehicles = createVehicleTracks({
    ...{ goneAfterMs, tellAfterMs, ebikePatterns },
    counts: (box, frame) => zones.counts(box, frame, 'vehicle'),
  });
  const persons = createPersonTracks({ goneAfterMs, tellAfterMs, sameVisitMs: perception.sameVisitWithin });
  const visits = createVisits({ sameVisitMs: perception.sameVisitWithin });
  const signs = createSignMemory();
  const motionGate = createMotionGate();
  const scene = createSceneWatch({
    zones: zones.watched,
    prefix: `${camera.id}-${runName}`,
    blindAfterMs: camera.blindCheck ? camera.blindAfter : null,
    isDay: (at) => {
      const hour = localHour(at, timeZone);
      return hour >= dayHours.from && hour < dayHours.to;
    },
  });
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
    if (passage.subject === 'person' && !boxes.some((box) => overlapRatio(box, evidence.box) > 0.3)) {
      // What two looks at a part took for a face and a look at the whole does not, was made by how the part was cut.
      if (foundInStills(evidence.box, picture)) {
        rejected['not-a-face'] += 1;
        return;
      }
      // Too small to be found so: it is hidden all the same.
      boxes.push(evidence.box);
    }
    const jpegs = await evidenceJpegs(evidence, boxes);
    const startedMs = performance.now();
    await onPassage({ camera: id, ...passage }, jpegs);
    count.waitedMs += performance.now() - startedMs;
    count.passages += 1;
  };

  const emit = async (at: EpochMs, all: boolean): Promise<void> => {
    const sightings = vehicles.take(at, all);
    for (const { rejected: reason, counts } of sightings) {
      if (!counts) rejected['outside-zone'] += 1;
      else if (reason) rejected[reason] += 1;
    }
    for (const vehicle of vehicles.present()) visits.present(vehicle);
    const worthKeeping = sightings.filter((sighting) => sighting.counts && isVehicle(sighting));
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
    if (onFrame.length > 0 || latest === null || at - latest.capturedAt >= keepEveryMs || at < latest.capturedAt)
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
        shouldRead: (candidate) => {
          if (!zones.wanted(candidate.box, frame)) {
            rejected['outside-zone'] += 1;
            return false;
          }
          return !signs.knows(candidate.box, at) && vehicles.shouldRead(candidate, at);
        },
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
      // Outside the zones a vehicle is out of sight: who has left the reading zone has left.
      const unread = seen.unread.filter(({ box }) => zones.wanted(box, frame) && !signs.knows(box, at));
      vehicles.update(frame, seen.plates, unread);
      if (faces.length > 0) {
        const vehicleBoxes = vehicles.expected(at).map(({ box }) => box);
        const counting = seen.faces.filter(({ box }) => zones.counts(box, frame, 'person'));
        rejected['outside-zone'] += seen.faces.length - counting.length;
        persons.update(frame, counting, vehicleBoxes, motion);
      }
    }
    vehicles.hold(at, (box) => motion.movedIn(box));
    persons.hold(at, motion);
    tellScene(scene.look(frame, at, () => vehicles.present()));
    await emit(at, false);
  };

  const tellScene = (changes: SceneChanges | null): void => {
    if (changes?.view) onView(changes.view);
    for (const change of changes?.zones ?? []) onZone(change);
  };

  const look = async (frame: Frame): Promise<void> => {
    // A live camera's quiet time is told as it passes; a file's is over when the next picture comes.
    if (!live && lastFrameAt !== null && frame.capturedAt - lastFrameAt > quietGapMs)
      await quiet((frame.capturedAt - 1) as EpochMs);
    looking = true;
    try {
      await lookAt(frame);
    } finally {
      looking = false;
    }
  };

  const quiet = async (at: EpochMs): Promise<void> => {
    if (looking || lastFrameAt === null || at <= lastFrameAt) return;
    vehicles.hold(at, () => false);
    persons.hold(at, { movedIn: () => false });
    await emit(at, false);
  };

  return {
    look,
    /** A key frame of a camera at which nothing moves. */
    still: (picture: Pixels, at: EpochMs): void => tellScene(scene.look(picture, at, () => vehicles.present())),
    /** A new connection to the camera: a view that is still wrong is told of once more. */
    begin: (): void => scene.begin(),
    /** Time goes on without frames: ends what has left. `now` is the wall clock, which capture time follows. */
    idle: async (now: EpochMs): Promise<void> => {
      // A passage that waits to be stored holds the frames back; that is no silence.
      if (!looking && lastFrameAt !== null && now - lastFrameAt > goneAfterMs * 2) await emit(now, false);
    },
    /** The camera was watched up to then and nothing moved: what stood there still does, what has left has left. */
    quiet,
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
      tellScene(scene.finish());
      if (lastFrameAt !== null) await emit(lastFrameAt, true);
    },
    /** Who stands in a watched zone now. */
    standing: () => scene.standing(),
    snapshot: async (): Promise<Snapshot | null> => {
      if (!latest) return null;
      // The next frame overwrites this memory.
      const picture = copyPixels(latest.picture);
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
      standing: scene.standing().map(({ zone, since }) => ({ zone, since })),
    }),
  };
}

export type CameraWatch = ReturnType<typeof createCameraWatch>;
