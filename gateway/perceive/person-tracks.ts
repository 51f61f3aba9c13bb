import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { keepFrame, type KeptFrame } from './evidence-frame.ts';
import type { FoundFace } from './face-finder.ts';
import type { Frame } from './frame-source.ts';
import { continueTrail, matchTrails, misfit, motionOf, startTrail, type Trail, type TrailMotion } from './track.ts';

interface PersonTrack {
  readonly trail: Trail;
  seen: number;
  confidenceSum: number;
  best: KeptFrame;
  bestScore: number;
  /** Times the face stood where a driver's or passenger's would. */
  inVehicle: number;
  told: boolean;
}

/** A person who passed: that somebody did, when and which way; nothing of who it was. */
export interface PersonSighting {
  readonly motion: TrailMotion;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  readonly evidence: KeptFrame;
}

/** A face seen once may be a pattern on a shirt; twice in the same place, with this mean confidence, it is one. */
const minSeen = 2;
const minConfidence = 0.55;
/** Faces smaller than this tell nothing, in px of the frame. */
const minFacePx = 16;
const maxTracks = 12;

/** Follows the faces of one camera while they are in the picture. No feature of a face is computed or kept. */
export function createPersonTracks(options: {
  readonly goneAfterMs: number;
  readonly sameVisitMs: number;
  readonly tellAfterMs: number | null;
}) {
  let tracks: PersonTrack[] = [];
  let left: { trail: Trail; until: EpochMs }[] = [];

  return {
    update: (frame: Frame, faces: readonly FoundFace[], plates: readonly BoxPx[]): void => {
      const at = frame.capturedAt;
      const seen = faces
        .filter(({ box }) => Math.min(box[2], box[3]) >= minFacePx)
        .map((face) => ({ box: face.box, text: null, face }));
      const matched = matchTrails(
        tracks.map(({ trail }) => trail),
        at,
        seen,
      );
      seen.forEach((one, index) => {
        const { face } = one;
        const score = face.confidence * Math.sqrt(face.box[2] * face.box[3]);
        const occupant = plates.some((plate) => isOccupant(face.box, plate)) ? 1 : 0;
        const known = matched[index];
        const track = known === null || known === undefined ? undefined : tracks[known];
        if (!track) {
          if (tracks.length >= maxTracks) return;
          tracks.push({
            trail: startTrail(at, one),
            seen: 1,
            confidenceSum: face.confidence,
            best: keepFrame(frame, face.box, null),
            bestScore: score,
            inVehicle: occupant,
            told: false,
          });
          return;
        }
        continueTrail(track.trail, at, face.box);
        track.seen += 1;
        track.confidenceSum += face.confidence;
        track.inVehicle += occupant;
        if (score > track.bestScore * 1.15) {
          track.best = keepFrame(frame, face.box, track.best);
          track.bestScore = score;
        }
      });
    },
    take: (at: EpochMs, all: boolean): PersonSighting[] => {
      const sightings: PersonSighting[] = [];
      const stay: PersonTrack[] = [];
      left = left.filter(({ until }) => until > at);
      for (const track of tracks) {
        const gone = all || at - track.trail.lastSeenAt >= options.goneAfterMs;
        const long = options.tellAfterMs !== null && at - track.trail.startedAt >= options.tellAfterMs;
        const real =
          track.seen >= minSeen &&
          track.confidenceSum / track.seen >= minConfidence &&
          track.inVehicle * 2 < track.seen;
        if (real && !track.told && (gone || long)) {
          track.told = true;
          // A face that turned away and came back where it was lost is the same person's passage.
          const first = track.trail.places[0];
          const back =
            first !== undefined &&
            left.some(
              ({ trail }) =>
                trail.lastSeenAt <= first.at && misfit(trail, first.at, { box: first.box, text: null }) < 4,
            );
          if (!back)
            sightings.push({
              motion: motionOf(track.trail),
              startedAt: track.trail.startedAt,
              endedAt: track.trail.lastSeenAt,
              evidence: track.best,
            });
        }
        if (!gone) stay.push(track);
        else if (real) left.push({ trail: track.trail, until: (at + options.sameVisitMs) as EpochMs });
      }
      tracks = stay;
      return sightings;
    },
    /** Where faces were last seen, to look there again. */
    expected: (): BoxPx[] => tracks.flatMap(({ trail }) => trail.places.slice(-1).map(({ box }) => box)),
    count: (): number => tracks.length,
  };
}

/** Behind a windscreen: above the plate, within a car's width (four plates), no higher than a van's roof. */
function isOccupant(face: BoxPx, plate: BoxPx): boolean {
  const aside = Math.abs(face[0] + face[2] / 2 - plate[0] - plate[2] / 2);
  const above = plate[1] - face[1] - face[3];
  return aside < plate[2] * 2 && above > 0 && above < plate[2] * 4 && face[2] < plate[2];
}
