import type { BoxPx, PlateReading, RejectReason } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { keepFrame, type KeptFrame } from './evidence-frame.ts';
import type { Frame } from './frame-source.ts';
import { isOutOfSight } from './out-of-sight.ts';
import type { SeenPlate } from './perceive.ts';
import type { PlateCandidate } from './plate-finder.ts';
import {
  continueTrail,
  expectedBox,
  matchTrails,
  motionOf,
  standingMs,
  startTrail,
  type Trail,
  type TrailMotion,
} from './track.ts';
import { readWeight, voteReads, voteWeights, type FrameRead, type Vote } from './vote.ts';

/** One vehicle while it is in the picture. */
interface VehicleTrack {
  readonly trail: Trail;
  readonly reads: FrameRead[];
  vote: Vote | null;
  /** Frames of the best read of the text voted for, and of the best read of all. */
  readonly kept: Map<string, { frame: KeptFrame; weight: number }>;
  lastReadAt: EpochMs;
  lastReadBox: BoxPx;
  /** Number of the place it stands at now, and how often it was read there. */
  pose: number;
  readsInPose: number;
  told: boolean;
  counts: boolean;
  /** When the second reader was last asked about it. */
  secondAskedAt: EpochMs | null;
  /** How often the second reader was asked about it. */
  secondAsked: number;
  /** Looked for since it was last seen, and not found. */
  missed: boolean;
  /** Since when it has been missed; null while it is seen. */
  missedAt: EpochMs | null;
}

/** A vehicle that has left, or that stayed so long that it is told of before it leaves. */
export interface VehicleSighting {
  readonly plate: PlateReading;
  readonly rejected: RejectReason | null;
  readonly agreeing: number;
  /** How often it was read, agreeing or not. */
  readonly reads: number;
  readonly motion: TrailMotion;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  /** Where it was seen first, and where last. */
  readonly firstBox: BoxPx;
  readonly lastBox: BoxPx;
  /** Whether it was ever read where passages count. */
  readonly counts: boolean;
  readonly evidence: KeptFrame;
}

/** A vehicle in the picture whose plate is known. */
export interface PresentVehicle {
  readonly text: string;
  readonly plate: PlateReading;
  /** Where it stands; null while it moves. */
  readonly standsAt: BoxPx | null;
  /** Since when it has been where it was last seen. */
  readonly standsSince: EpochMs;
  readonly lastSeenAt: EpochMs;
}

/** Reads remembered of one vehicle: 12 crisp ones settle any plate, more only cost memory. */
const maxReads = 24;
/** A plate whose vote is this sure after so many agreeing reads is settled; then it is read again only now and then. */
const settledRatio = 0.93;
const settledAgreeing = 4;
/** From afar every frame may read the same wrong province (渝 as 津 at 0.96 up to 60 px wide, and right at 136): then so many. */
const settledAgreeingFar = 10;
const reReadAfterMs = 2500;
/** More reads of a vehicle that stands still say nothing new. */
const readsEnoughInPose = 8;
/** The second reader takes ten times as long as the first, so it is asked of one vehicle no more often than this, */
const secondEveryMs = 300;
/** until so many reads of both have said what the vote says, */
const confirmedBy = 2;
/** and no more than so often: what it cannot read by then it will not read. */
const secondAtMost = 16;
/** Far plates are unsure because they are small, and soon they are near. */
const secondMinWidthPx = 64;
/** Not a moment between two pictures, but a car that waits. */
const standsAfterMs = 1500;

/** A moving vehicle not found for so long, where it was looked for, has driven out of sight: two pictures at 3 a second. */
const leftAfterMs = 600;

/** Vehicles followed at once at one gate; the picture holds no more plates that could be read. */
const maxTracks = 8;

/** Follows the vehicles of one camera. Pure but for the pixels it keeps. */
export function createVehicleTracks(options: {
  readonly goneAfterMs: number;
  /** Told of while still there after this long; null: only once it has left. */
  readonly tellAfterMs: number | null;
  readonly ebikePatterns: readonly RegExp[];
  /** Whether what is read here is a passage; default: everywhere. */
  readonly counts?: (box: BoxPx, frame: Frame) => boolean;
}) {
  let tracks: VehicleTrack[] = [];

  const isSettled = ({ vote, reads }: VehicleTrack): boolean =>
    vote !== null &&
    vote.reading.accepted &&
    vote.agreeing >=
      (reads.some(({ widthPx }) => widthPx >= secondMinWidthPx) ? settledAgreeing : settledAgreeingFar) &&
    vote.reading.confidenceRatio >= settledRatio;

  /** Only the second reader was taught the names of cities, and these plates are half as large as others. */
  const mayBeEbike = ({ rows, reading }: SeenPlate): boolean =>
    options.ebikePatterns.length > 0 && rows === 2 && !reading.accepted;

  const sightingOf = (track: VehicleTrack): VehicleSighting | null => {
    const { vote, trail } = track;
    const best = vote ? (track.kept.get(vote.reading.text) ?? heaviest(track.kept)) : null;
    if (!vote || !best) return null;
    return {
      plate: vote.reading,
      rejected: vote.rejected,
      agreeing: vote.agreeing,
      reads: vote.reads,
      motion: motionOf(trail),
      startedAt: trail.startedAt,
      endedAt: trail.lastSeenAt,
      firstBox: trail.places[0]?.box ?? best.frame.box,
      lastBox: trail.places[trail.places.length - 1]?.box ?? best.frame.box,
      counts: track.counts,
      evidence: best.frame,
    };
  };

  const addRead = (track: VehicleTrack, plate: SeenPlate, frame: Frame): void => {
    const at = frame.capturedAt;
    if (movedFrom(track.lastReadBox, plate.box)) {
      track.pose += 1;
      track.readsInPose = 0;
    }
    const speed = speedBetween(track.lastReadBox, plate.box, at - track.lastReadAt);
    // Of who leaves, the first read is the nearest and the most smeared: it moved as fast as it does until the second.
    const [alone] = track.reads;
    if (track.reads.length === 1 && alone && speed !== null) {
      const moving = { ...alone, widthsPerSecond: speed };
      track.reads[0] = moving;
      const kept = track.kept.get(alone.text);
      if (kept) track.kept.set(alone.text, { ...kept, weight: readWeight(moving) });
    }
    track.lastReadBox = plate.box;
    track.readsInPose += 1;
    track.counts ||= options.counts?.(plate.box, frame) ?? true;
    const read: FrameRead = {
      pose: track.pose,
      text: plate.reading.text,
      characters: plate.characters,
      color: plate.reading.color,
      widthPx: plate.widthPx,
      sharpness: plate.sharpness,
      legal: plate.rejected !== 'no-legal-format',
      both: plate.secondOpinion,
      widthsPerSecond: speed ?? 0,
    };
    track.reads.push(read);
    if (track.reads.length > maxReads) {
      const weights = voteWeights(track.reads);
      track.reads.splice(weights.indexOf(Math.min(...weights)), 1);
    }
    track.vote = voteReads(track.reads, options.ebikePatterns);
    track.trail.text = track.vote && track.vote.rejected !== 'no-legal-format' ? track.vote.reading.text : null;
    track.trail.sure = track.vote?.reading.accepted === true;
    track.lastReadAt = at;
    keepBest(track, read, frame, plate.box);
  };

  return {
    /** Whether a candidate is worth reading: always, unless it stands where a settled plate was read a moment ago. */
    shouldRead: (candidate: PlateCandidate, at: EpochMs): boolean => {
      const [index] = matchTrails(trailsOf(tracks), at, [{ box: candidate.box, text: null }]);
      const track = index === null || index === undefined ? undefined : tracks[index];
      if (!track || at - track.lastReadAt >= reReadAfterMs) return true;
      const stands = track.readsInPose >= readsEnoughInPose && !movedFrom(track.lastReadBox, candidate.box);
      return !isSettled(track) && !stands;
    },
    /**
     * Whether a plate just read deserves the second reader's opinion: nobody has confirmed it yet, it is unsure or reads
     * otherwise than before, and its vehicle was not asked about just now. One reader alone may be sure of a wrong province
     * in every frame.
     */
    wantsSecond: (plate: SeenPlate, at: EpochMs): boolean => {
      if (plate.widthPx < secondMinWidthPx && !mayBeEbike(plate)) return false;
      const [index] = matchTrails(trailsOf(tracks), at, [observationOf(plate)]);
      const track = index === null || index === undefined ? undefined : tracks[index];
      // A vehicle seen for the first time may be gone at the next look.
      if (!track) return true;
      const voted = track.vote?.reading.text;
      const confirmed = track.reads.filter(({ both, text }) => both && text === voted).length;
      const agrees = plate.reading.accepted && plate.reading.text === voted;
      if (confirmed >= confirmedBy && (isSettled(track) || agrees)) return false;
      if (track.secondAsked >= secondAtMost) return false;
      if (track.secondAskedAt !== null && at - track.secondAskedAt < secondEveryMs) return false;
      track.secondAskedAt = at;
      track.secondAsked += 1;
      return true;
    },
    /** Where the vehicles should be now, with whether their plates are settled. */
    expected: (at: EpochMs): { readonly box: BoxPx; readonly settled: boolean }[] =>
      tracks.map((track) => ({ box: expectedBox(track.trail, at), settled: isSettled(track) })),
    /** Takes one frame's plates. */
    update: (frame: Frame, plates: readonly SeenPlate[], unread: readonly PlateCandidate[]): void => {
      const at = frame.capturedAt;
      const seen = [
        ...plates.map((plate) => ({ ...observationOf(plate), plate })),
        ...unread.map(({ box }) => ({ box, text: null, plate: null })),
      ];
      const matched = matchTrails(trailsOf(tracks), at, seen);
      seen.forEach((one, index) => {
        const known = matched[index];
        let track = known === null || known === undefined ? undefined : tracks[known];
        if (track) {
          continueTrail(track.trail, at, one.box);
          track.missed = false;
          track.missedAt = null;
        } else if (one.plate && tracks.length < maxTracks) {
          track = {
            trail: startTrail(at, one),
            reads: [],
            vote: null,
            kept: new Map(),
            lastReadAt: at,
            lastReadBox: one.box,
            pose: 0,
            readsInPose: 0,
            told: false,
            counts: false,
            secondAskedAt: null,
            secondAsked: 0,
            missed: false,
            missedAt: null,
          };
          tracks = [...tracks, track];
        }
        if (track && one.plate) addRead(track, one.plate, frame);
      });
    },
    /**
     * Vehicles not seen in this frame: where nothing moved since they were last seen they are still there; where it did
     * and they were looked for in vain, they have left or are hidden.
     */
    hold: (at: EpochMs, movedIn: (box: BoxPx) => boolean): void => {
      for (const track of tracks) {
        const last = track.trail.places[track.trail.places.length - 1];
        if (!last || last.at === at) continue;
        if (movedIn(last.box)) {
          track.missed = true;
          track.missedAt ??= at;
        } else if (!track.missed) track.trail.lastSeenAt = at;
      }
    },
    /** Vehicles that have left since, and those told of early; each at most once. */
    take: (at: EpochMs, all: boolean): VehicleSighting[] => {
      const sightings: VehicleSighting[] = [];
      const stay: VehicleTrack[] = [];
      for (const track of tracks) {
        const gone = all || at - track.trail.lastSeenAt >= options.goneAfterMs;
        const long = options.tellAfterMs !== null && at - track.trail.startedAt >= options.tellAfterMs;
        // It drove out of sight, and more reads would not change what it is: an alert about it must not wait for `goneAfter`.
        const left = track.missedAt !== null && at - track.missedAt >= leftAfterMs && motionOf(track.trail) !== 'still';
        const settled = (long || left) && isSettled(track);
        const sighting = track.told || !(gone || left || settled) ? null : sightingOf(track);
        if (gone || settled || (left && sighting && isOutOfSight(sighting))) {
          if (sighting) sightings.push(sighting);
          track.told = true;
        }
        if (!gone) stay.push(track);
      }
      tracks = stay;
      return sightings;
    },
    /** Vehicles in the picture now, told of or not. */
    present: (): PresentVehicle[] =>
      tracks.flatMap(({ trail, vote }) => {
        const last = trail.places[trail.places.length - 1];
        if (trail.text === null || !last || !vote) return [];
        const stands = Math.max(standingMs(trail), trail.lastSeenAt - last.since) >= standsAfterMs;
        const standsAt = stands ? last.box : null;
        const { lastSeenAt, text } = trail;
        return [{ text, plate: vote.reading, standsAt, standsSince: last.since, lastSeenAt }];
      }),
    count: (): number => tracks.length,
  };
}

export type VehicleTracks = ReturnType<typeof createVehicleTracks>;

const observationOf = ({ box, reading: { text, accepted } }: SeenPlate) => ({
  box,
  text: accepted ? text : null,
  ...(!accepted && text.length >= 5 ? { guess: text } : {}),
});

const trailsOf = (tracks: readonly VehicleTrack[]): Trail[] => tracks.map(({ trail }) => trail);

function heaviest<T extends { readonly weight: number }>(kept: ReadonlyMap<string, T>): T | null {
  return [...kept.values()].sort((a, b) => b.weight - a.weight)[0] ?? null;
}

/** How many of its widths a plate moves in a second, by two of its boxes and the time between them; null for no time. */
function speedBetween(before: BoxPx, now: BoxPx, ms: number): number | null {
  if (ms <= 0) return null;
  const [x, y] = [now[0] - before[0] + (now[2] - before[2]) / 2, now[1] - before[1] + (now[3] - before[3]) / 2];
  return (Math.hypot(x, y) / Math.max(before[2], now[2], 1)) * (1000 / ms);
}

/** Whether a plate has moved or grown by more than a detector's box trembles. */
function movedFrom(a: BoxPx, b: BoxPx): boolean {
  const limit = a[2] * 0.05;
  return Math.abs(a[0] - b[0]) > limit || Math.abs(a[1] - b[1]) > limit || Math.abs(a[2] - b[2]) > limit;
}

/** Frames kept for one vehicle: for the text it is voted to be, and for the strongest other. */
const maxKept = 2;

function keepBest(track: VehicleTrack, read: FrameRead, frame: Frame, box: BoxPx): void {
  const weight = readWeight(read);
  const own = track.kept.get(read.text);
  if (own) {
    if (weight > own.weight * 1.1) track.kept.set(read.text, { frame: keepFrame(frame, box, own.frame), weight });
    return;
  }
  const voted = track.vote?.reading.text;
  if (track.kept.size < maxKept) {
    track.kept.set(read.text, { frame: keepFrame(frame, box, null), weight });
    return;
  }
  // Something has to go: never the frame of the voted text, else the weakest.
  const [weakest] = [...track.kept].filter(([text]) => text !== voted).sort((a, b) => a[1].weight - b[1].weight);
  if (!weakest || (read.text !== voted && weakest[1].weight >= weight)) return;
  track.kept.delete(weakest[0]);
  track.kept.set(read.text, { frame: keepFrame(frame, box, weakest[1].frame), weight });
}
