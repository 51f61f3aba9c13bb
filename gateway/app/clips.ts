/** Joins the cameras' rings with the evidence: clips of what happened, kept without anybody waiting for them. */
import type { EvidenceRef } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertEffect } from '../domain/effects.ts';
import type { AlertId, AreaId, CameraId, EvidenceId } from '../domain/ids.ts';
import type { Evidence } from '../evidence/index.ts';
import type { EvidenceOptions } from '../evidence/options.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { PassageCandidate, Perception } from '../perceive/index.ts';

export interface ClipKeeper extends Component {
  /** Keeps a clip with every camera of the alert's area. */
  onEvidenceWanted(effect: Extract<AlertEffect, { kind: 'evidence-wanted' }>): void;
  /** The id that the passage's clip will have, some seconds from now; null where passages get none. */
  ofPassage(passage: Pick<PassageCandidate, 'camera' | 'readAt'>): EvidenceId | null;
}

/** Clips that are being cut or written at once; an alarm flood must not fill the memory. */
const maxAtOnce = 16;

/** A ring must also reach back over the time that it takes until a passage is told, and to the key frame before. */
const toldWithinMs = 20_000;
const longGopMs = 4000;

/** How much of a camera's stream is kept in memory, so that clips find what they are asked for. */
export function ringOf({ before, reach, memory }: EvidenceOptions['clips']): {
  readonly keepMs: number;
  readonly maxBytes: number;
} {
  return { keepMs: Math.max(reach, before + toldWithinMs + longGopMs), maxBytes: memory };
}

export function createClipKeeper(given: {
  readonly options: EvidenceOptions['clips'];
  readonly perception: Pick<Perception, 'clip'>;
  readonly evidence: Pick<Evidence, 'saveClip' | 'remove'>;
  readonly commit: (changes: readonly Change[]) => Promise<void>;
  /** Whether the disk is so full that clips are not kept. */
  readonly spaceShort: () => boolean;
  /** Makes an alert's clip part of the alert, so that its recipients are told; null: nobody could open it. */
  readonly attach?: ((alertId: AlertId, ref: EvidenceRef, saved: Change) => Promise<void>) | null;
  readonly areas: ReadonlyMap<CameraId, AreaId | null>;
  readonly random: Pick<Random, 'id'>;
  readonly logger: Logger;
}): ClipKeeper {
  const { options, perception, evidence, commit, logger } = given;
  const working = new Set<Promise<void>>();
  let missed = 0;

  const keep = async (camera: CameraId, at: EpochMs, id: EvidenceId, alertId: AlertId | null): Promise<void> => {
    const span = { fromAt: (at - options.before) as EpochMs, toAt: (at + options.after) as EpochMs };
    const clip = await perception.clip(camera, span);
    if (!clip || given.spaceShort()) return;
    const saved = await evidence.saveClip({ ...{ bytes: clip.bytes, id, camera, alertId }, capturedAt: clip.startsAt });
    try {
      await (alertId !== null && given.attach
        ? given.attach(alertId, saved.ref, saved.change)
        : commit([saved.change]));
    } catch (error) {
      // Without its row nobody would ever delete it.
      await evidence.remove([saved.path]);
      throw error;
    }
  };
  const begin = (camera: CameraId, at: EpochMs, id: EvidenceId, alertId: AlertId | null): boolean => {
    if (working.size >= maxAtOnce || given.spaceShort()) {
      missed += 1;
      logger.warn({ camera, missed }, 'clip not kept, too much at once');
      return false;
    }
    const work: Promise<void> = keep(camera, at, id, alertId)
      .catch((error: unknown) => logger.error({ camera, reason: messageOf(error) }, 'clip not kept'))
      .finally(() => working.delete(work));
    working.add(work);
    return true;
  };

  return {
    name: 'clips',
    start: () => Promise.resolve(),
    // Perception has stopped before and has settled what it owed.
    stop: async () => {
      await Promise.allSettled([...working]);
    },
    onEvidenceWanted: ({ alertId, area, at }) => {
      if (!options.alerts) return;
      for (const [camera, itsArea] of given.areas) {
        if (itsArea === area) begin(camera, at, given.random.id() as EvidenceId, alertId);
      }
    },
    ofPassage: ({ camera, readAt }) => {
      const id = given.random.id() as EvidenceId;
      return options.passages && begin(camera, readAt, id, null) ? id : null;
    },
  };
}
