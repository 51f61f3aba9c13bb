import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { keepFrame, type KeptFrame } from './evidence-frame.ts';
import type { FoundFace } from './face-finder.ts';
import { faceQuality } from './face-quality.ts';
import { leftThePicture, matchFaces } from './face-trail.ts';
import type { Frame } from './frame-source.ts';
import { overlapRatio } from './geometry.ts';
import { continueTrail, motionOf, startTrail, type Trail, type TrailMotion } from './track.ts';

interface PersonTrack {
  readonly trail: Trail;
  seen: number;
  confidenceSum: number;
  best: KeptFrame;
  bestQuality: number;
  /** Times the face stood where a driver's or passenger's would. */
  inVehicle: number;
  /** Something moved about it while it was seen: a face on a poster never does. */
  moved: boolean;
  told: boolean;
  /** Something has moved there since it was last seen. */
  disturbed: boolean;
  /** Looked for after that, and not found. */
  missed: boolean;
}

/** A person who passed: that somebody did, when and which way; nothing of who it was. */
export interface PersonSighting {
  readonly motion: TrailMotion;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  /** The frame with the face largest, sharpest and most turned towards the camera. */
  readonly evidence: KeptFrame;
  /** 0..1, of the face in that frame (`faceQuality`). */
  readonly qualityRatio: number;
}

/** Someone who has been lost sight of, and would be taken for the same person again. */
interface LostPerson {
  readonly track: PersonTrack;
  readonly box: BoxPx;
  readonly until: EpochMs;
}

/** A face seen once may be a pattern on a shirt; twice in the same place, with this mean confidence, it is one. */
const minSeen = 2;
const minConfidence = 0.55;
/** Faces smaller than this tell nothing, in px of the frame. */
const minFacePx = 16;
const maxTracks = 12;
/** A picture of this quality is replaced only by one this much better: copying a frame costs a millisecond. */
const worthReplacing = 1.05;
/** Who turns away and back has moved by no more than a step, in widths of the face, and not come much nearer. */
const turnedReachWidths = 3;
const turnedGrowth = 1.7;
/** A face that has stood in one spot for so long is a picture of one. It is not told of again all day. */
const pictureAfterMs = 180_000;
const pictureStepWidths = 0.25;
const pictureForgetMs = 86_400_000;
const maxLost = 40;

/** What moved since the look before. */
export interface Movement {
  movedIn(box: BoxPx): boolean;
}

/** Follows the faces of one camera while they are in the picture. No feature of a face is computed or kept. */
export function createPersonTracks(options: {
  readonly goneAfterMs: number;
  readonly sameVisitMs: number;
  readonly tellAfterMs: number | null;
}) {
  let tracks: PersonTrack[] = [];
  let lost: LostPerson[] = [];
  let size = { widthPx: 0, heightPx: 0 };

  /** Takes back into sight whoever stood here a moment ago and is seen again. */
  const foundAgain = (at: EpochMs, box: BoxPx): PersonTrack | null => {
    lost = lost.filter(({ until }) => until > at);
    const [nearest] = lost
      .map((one) => ({ one, away: awayFrom(one.box, box) }))
      .filter(({ away }) => away <= turnedReachWidths)
      .sort((a, b) => a.away - b.away);
    if (!nearest) return null;
    lost = lost.filter((one) => one !== nearest.one);
    return nearest.one.track;
  };

  const lose = (track: PersonTrack, at: EpochMs): void => {
    const box = track.trail.places[track.trail.places.length - 1]?.box;
    // Who walked out of the picture comes back as a new passage.
    if (!box || leftThePicture(track.trail, size)) return;
    const wasPicture =
      track.trail.lastSeenAt - track.trail.startedAt >= pictureAfterMs &&
      track.trail.places.every((place) => awayFrom(place.box, box) < pictureStepWidths);
    const until = (at + (wasPicture ? pictureForgetMs : options.sameVisitMs)) as EpochMs;
    lost = [...lost.slice(-maxLost + 1), { track, box, until }];
  };

  const isReal = (track: PersonTrack): boolean =>
    track.seen >= minSeen &&
    track.confidenceSum / track.seen >= minConfidence &&
    track.inVehicle * 2 < track.seen &&
    track.moved;

  return {
    /** Takes the faces of a frame that was looked at for faces. `plates`: where vehicles are. */
    update: (frame: Frame, faces: readonly FoundFace[], plates: readonly BoxPx[], movement: Movement): void => {
      const at = frame.capturedAt;
      const everything: BoxPx = [0, 0, frame.widthPx, frame.heightPx];
      // The first picture, and a light switched on, change all of it at once: that says nothing of one face.
      const allMoved = corners(everything).every((corner) => movement.movedIn(corner));
      size = { widthPx: frame.widthPx, heightPx: frame.heightPx };
      const large = faces.filter(({ box }) => Math.min(box[2], box[3]) >= minFacePx);
      const matched = matchFaces(
        tracks.map(({ trail }) => trail),
        at,
        large.map(({ box }) => box),
      );
      const known = [...tracks];
      const continued = new Set<PersonTrack>();
      large.forEach((face, index) => {
        const { ratio } = faceQuality(frame, face);
        const occupant = plates.some((plate) => isOccupant(face.box, plate)) ? 1 : 0;
        const moved = !allMoved && movement.movedIn(around(face.box));
        const number = matched[index];
        let track = number === null || number === undefined ? undefined : known[number];
        if (!track) {
          track = foundAgain(at, face.box) ?? undefined;
          if (track) tracks.push(track);
        }
        if (!track) {
          if (tracks.length >= maxTracks) return;
          tracks.push({
            trail: startTrail(at, { box: face.box, text: null }),
            seen: 1,
            confidenceSum: face.confidence,
            best: keepFrame(frame, face.box, null),
            bestQuality: ratio,
            inVehicle: occupant,
            moved,
            told: false,
            disturbed: false,
            missed: false,
          });
          return;
        }
        continued.add(track);
        continueTrail(track.trail, at, face.box);
        track.disturbed = false;
        track.missed = false;
        track.seen += 1;
        track.confidenceSum += face.confidence;
        track.inVehicle += occupant;
        track.moved ||= moved;
        if (!track.told && ratio > track.bestQuality * worthReplacing) {
          track.best = keepFrame(frame, face.box, track.best);
          track.bestQuality = ratio;
        }
      });
      for (const track of known) {
        const box = track.trail.places[track.trail.places.length - 1]?.box;
        if (box && !continued.has(track)) track.missed ||= track.disturbed || movement.movedIn(box);
      }
    },
    /** Persons not seen in this frame, looked for or not: where nothing has moved since, they still stand. */
    hold: (at: EpochMs, movement: Movement): void => {
      for (const track of tracks) {
        const last = track.trail.places[track.trail.places.length - 1];
        if (!last || last.at === at) continue;
        track.disturbed ||= movement.movedIn(last.box);
        if (!track.disturbed && !track.missed) track.trail.lastSeenAt = at;
      }
    },
    take: (at: EpochMs, all: boolean): PersonSighting[] => {
      const sightings: PersonSighting[] = [];
      const stay: PersonTrack[] = [];
      for (const track of tracks) {
        const { trail } = track;
        const gone = all || at - trail.lastSeenAt >= options.goneAfterMs;
        const long = options.tellAfterMs !== null && at - trail.startedAt >= options.tellAfterMs;
        if (!track.told && (gone || long) && isReal(track)) {
          track.told = true;
          sightings.push({
            motion: motionOf(trail),
            startedAt: trail.startedAt,
            endedAt: trail.lastSeenAt,
            evidence: track.best,
            qualityRatio: track.bestQuality,
          });
        }
        if (!gone) stay.push(track);
        else lose(track, at);
      }
      tracks = stay;
      return sightings;
    },
    /** Where faces were last seen, to look there again. */
    expected: (): BoxPx[] => tracks.flatMap(({ trail }) => trail.places.slice(-1).map(({ box }) => box)),
    count: (): number => tracks.length,
  };
}

/** Distance of centres in widths of the larger; Infinity where one is much larger than the other. */
function awayFrom(a: BoxPx, b: BoxPx): number {
  const growth = Math.max(a[2], 1) / Math.max(b[2], 1);
  if (growth > turnedGrowth || growth < 1 / turnedGrowth) return Infinity;
  if (overlapRatio(a, b) > 0.9) return 0;
  return Math.hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2) / Math.max(a[2], b[2], 1);
}

/** A face with what moves when its bearer does: the head's outline and the shoulders. */
const around = ([left, top, width, height]: BoxPx): BoxPx => [left - width, top - height * 0.5, width * 3, height * 3];

/** Small boxes in the picture's corners. */
const corners = ([left, top, width, height]: BoxPx): BoxPx[] => {
  const [w, h] = [width / 8, height / 8];
  return [
    [left, top, w, h],
    [left + width - w, top, w, h],
    [left, top + height - h, w, h],
    [left + width - w, top + height - h, w, h],
  ];
};

/** Behind a windscreen: above the plate, within a car's width (four plates), no higher than a van's roof. */
function isOccupant(face: BoxPx, plate: BoxPx): boolean {
  const aside = Math.abs(face[0] + face[2] / 2 - plate[0] - plate[2] / 2);
  const above = plate[1] - face[1] - face[3];
  return aside < plate[2] * 2 && above > 0 && above < plate[2] * 4 && face[2] < plate[2];
}
