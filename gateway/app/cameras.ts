/** Joins perception with the line and the evidence: passages with their pictures, and pictures for alerts. */
import type { Change } from '../domain/change.ts';
import type { AlertEffect } from '../domain/effects.ts';
import type { CameraEvent, PassageEvent, ZoneEvent } from '../domain/event.ts';
import type { AreaId, CameraId, EventId, EvidenceId } from '../domain/ids.ts';
import type { Line } from '../events/index.ts';
import type { Evidence, SavedEvidence } from '../evidence/index.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import { isGatewayError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { CameraChange, PassageCandidate, PassageJpegs, Perception, ZoneChange } from '../perceive/index.ts';
import type { SpaceUse } from '../store/options.ts';

const retryMs = 5000;
/** Events that could not be stored yet and are kept to be told again, of all cameras together. */
const mostUntold = 1000;
/** Older than this at arrival is late (interfaces.md): recorded, no live alert. Only a video file's events are. */
const lateMs = 24 * 3_600_000;

export interface CameraJoins {
  /** Resolves when the passage is stored. */
  onPassage(passage: PassageCandidate, jpegs: PassageJpegs): Promise<void>;
  onCamera(change: CameraChange): void;
  onZone(camera: CameraId, change: ZoneChange): void;
  /** Takes a picture with every camera of the alert's area and attaches it. */
  onEvidenceWanted(
    effect: Extract<AlertEffect, { kind: 'evidence-wanted' }>,
    perception: Pick<Perception, 'snapshot'>,
  ): void;
}

export function createCameraJoins(given: {
  readonly line: Pick<Line, 'accept' | 'attachEvidence'>;
  readonly evidence: Pick<Evidence, 'save' | 'remove'>;
  readonly commit: (changes: readonly Change[]) => Promise<void>;
  /** What may not be written now for want of room on the disk. */
  readonly refuses: (use: SpaceUse) => boolean;
  /** Begins to keep a passage's clip and answers the id that it will have; null where none is kept. */
  readonly clipOf: (passage: PassageCandidate) => EvidenceId | null;
  readonly areas: ReadonlyMap<CameraId, AreaId | null>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): CameraJoins {
  const { line, evidence, commit, refuses, clipOf, areas, clock, random, logger } = given;
  const newId = (): EventId => random.id() as EventId;

  /** Saves a picture and has its row written; without the row the file goes again, or nobody would ever delete it. */
  const keep = async <T>(
    picture: Parameters<Evidence['save']>[0],
    record: (saved: SavedEvidence) => Promise<T>,
  ): Promise<T> => {
    const saved = await evidence.save(picture);
    try {
      return await record(saved);
    } catch (error) {
      await evidence.remove([saved.path]);
      throw error;
    }
  };

  const keepPicture = async (passage: PassageCandidate, jpegs: PassageJpegs): Promise<PassageEvent['evidence']> => {
    // What room is left belongs to what is worth more.
    if (refuses('pictures')) return null;
    try {
      const { camera, readAt: capturedAt } = passage;
      const picture = { jpeg: jpegs.frame, camera, capturedAt, faces: jpegs.faces, alertId: null };
      return await keep(picture, async ({ ref, change }) => {
        await commit([change]);
        return ref.id;
      });
    } catch (error) {
      // A passage without its picture is worth more than none.
      logger.error({ camera: passage.camera, reason: messageOf(error) }, 'passage picture not kept');
      return null;
    }
  };

  const photograph: (...args: Parameters<CameraJoins['onEvidenceWanted']>) => Promise<void> = async (
    { alertId, area },
    perception,
  ) => {
    for (const [camera, itsArea] of areas) {
      // An alert's picture is worth more than a passage's, and goes with the passages themselves.
      if (itsArea !== area || refuses('passages')) continue;
      const snapshot = await perception.snapshot(camera);
      if (!snapshot) continue;
      await keep({ ...snapshot, camera, alertId }, ({ ref, change }) => line.attachEvidence(alertId, [ref], [change]));
    }
  };

  const newest = new Map<string, CameraEvent>();
  /** A link and a view have nothing to do with each other: what is new of one does not make the other old. */
  const aboutOf = ({ camera, change }: CameraEvent): string =>
    `${camera} ${change === 'blind' || change === 'seeing' ? 'view' : 'link'}`;
  const isLate = (at: EpochMs): boolean => clock.now() - at > lateMs;
  let untold = 0;
  /** Perception tells of a change once; what could not be stored is tried again until it is, or is wanted no more. */
  const tell = (event: CameraEvent | ZoneEvent, stillWanted: () => boolean): void => {
    line.accept(event, null).catch((error: unknown) => {
      logger.error({ camera: event.camera, change: event.change, reason: messageOf(error) }, 'camera event not stored');
      if (isGatewayError(error, 'store.closed') || untold >= mostUntold) return;
      untold += 1;
      clock.after(retryMs, () => {
        untold -= 1;
        if (stillWanted()) tell(event, stillWanted);
      });
    });
  };

  return {
    onPassage: async (passage, jpegs) => {
      const { camera, subject, direction, startedAt, endedAt, readAt, plate, box: boxPx, faceQualityRatio } = passage;
      const event: PassageEvent = {
        kind: 'passage',
        id: newId(),
        at: readAt,
        receivedAt: clock.now(),
        area: areas.get(camera) ?? null,
        late: isLate(readAt),
        ...{ camera, subject, direction, startedAt, endedAt, plate, boxPx, faceQualityRatio },
        registered: null,
        evidence: await keepPicture(passage, jpegs),
        clip: clipOf(passage),
      };
      await line.accept(event, null);
    },
    onCamera: ({ camera, change, at, cause, reason }) => {
      const event: CameraEvent = {
        kind: 'camera',
        id: newId(),
        at,
        receivedAt: clock.now(),
        area: areas.get(camera) ?? null,
        late: isLate(at),
        ...{ camera, change, cause, reason },
      };
      newest.set(aboutOf(event), event);
      tell(event, () => newest.get(aboutOf(event)) === event);
    },
    onZone: (camera, { at, zone, use, change, subject, visit, plate, seconds }) => {
      const event: ZoneEvent = {
        kind: 'zone',
        id: newId(),
        at,
        receivedAt: clock.now(),
        area: areas.get(camera) ?? null,
        late: isLate(at),
        ...{ camera, zone, use, change, subject, visit, plate, seconds },
      };
      // Who came and who left are both told, whatever comes after.
      tell(event, () => true);
    },
    onEvidenceWanted: (effect, perception) => {
      photograph(effect, perception).catch((error: unknown) =>
        logger.error({ alert: effect.alertId, reason: messageOf(error) }, 'alert picture not kept'),
      );
    },
  };
}
