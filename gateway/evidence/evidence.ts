import { createHash } from 'node:crypto';
import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvidenceRef } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertId, EvidenceId } from '../domain/ids.ts';
import type { BoxPx } from '../domain/plate.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { codeOf, GatewayError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { blurFaces } from './blur-faces.ts';
import { checkEvidenceKeys } from '../lib/sealed/keys.ts';
import { removeOrphans } from './orphans.ts';
import { saltBytes, sealPieces, unseal, type EvidenceKey } from '../lib/sealed/sealed-file.ts';
import { openSealedFile, type SealedReader } from '../lib/sealed/sealed-reader.ts';
import { sealedEnding, writeSynced } from '../lib/sealed/sealed-write.ts';

/** What the database keeps of a piece of evidence; enough to find and open it. */
export interface EvidenceRow {
  readonly id: EvidenceId;
  readonly mediaKind: 'picture' | 'clip';
  readonly path: string;
  readonly sha256: string;
  readonly faces: readonly BoxPx[];
}

export interface SavedEvidence {
  readonly ref: EvidenceRef;
  /** Where the file stands, as `remove` takes it. */
  readonly path: string;
  /** To be committed; until then the file is an orphan, which the next start deletes. */
  readonly change: Change;
}

interface Kept {
  readonly camera: string;
  readonly capturedAt: EpochMs;
  readonly alertId: AlertId | null;
}

export interface Evidence extends Component {
  /**
   * Writes a picture, encrypted and synced, and answers the row to commit. `sha256` is that of the picture as recipients
   * get it by default: with faces blurred, so that a receiver can check what he holds.
   */
  save(picture: Kept & { readonly jpeg: Uint8Array; readonly faces: readonly BoxPx[] }): Promise<SavedEvidence>;
  /**
   * Writes a clip (an MP4 as it came from the camera) the same way; `sha256` is that of the clip. `id` where the row that
   * points to it was there first. Faces in it are as the camera saw them.
   */
  saveClip(clip: Kept & { readonly bytes: Uint8Array; readonly id?: EvidenceId }): Promise<SavedEvidence>;
  /** The picture, faces blurred unless `unblurred`. Throws `evidence.missing`, `evidence.damaged`, `evidence.wrong-key`. */
  read(row: EvidenceRow, options: { readonly unblurred: boolean }): Promise<Uint8Array>;
  /** A clip, to be read whole or in part. Nobody is blurred in it: whoever calls sees to it that the reader may see that. Throws as `read`. */
  openClip(row: EvidenceRow): Promise<SealedReader>;
  /** Deletes files; those that are gone already do not matter. */
  remove(paths: readonly string[]): Promise<void>;
}

/**
 * Evidence under `dir`; `keys[0]` seals, all of them open. `start` throws `evidence.wrong-key` if something stands there
 * that no key opens, and deletes what a crash has left, in the background.
 */
export function createEvidence(options: {
  readonly dir: string;
  readonly keys: readonly EvidenceKey[];
  readonly random: Random;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
  /** Whether a row of this id is in the database. */
  readonly isKnown: (id: string) => boolean;
}): Evidence {
  const { dir, keys, random, clock, logger } = options;
  const sealingKey = keys[0];
  if (!sealingKey) throw new GatewayError('config.secret-missing', 'no evidence key', {});
  let stopping = new AbortController();
  let sweeping: Promise<void> = Promise.resolve();

  const keep = async (
    plain: Uint8Array,
    sha256: string,
    { camera, capturedAt, alertId }: Kept,
    { id, mediaKind, faces }: Pick<EvidenceRow, 'id' | 'mediaKind' | 'faces'>,
  ): Promise<SavedEvidence> => {
    // One folder a day keeps each small enough to list.
    const path = join(new Date(capturedAt).toISOString().slice(0, 10), `${id}${sealedEnding}`);
    const pieces = sealPieces(plain, sealingKey, { salt: random.bytes(saltBytes), name: id });
    const sizeBytes = await writeSynced(join(dir, path), pieces);
    return {
      ref: { id, kind: mediaKind, sha256, capturedAt, camera },
      path,
      change: {
        ...{ kind: 'evidence-saved', id, alertId, camera, mediaKind, capturedAt, sha256, sizeBytes, path, faces },
      },
    };
  };

  return {
    name: 'evidence',
    start: async () => {
      await checkEvidenceKeys(dir, keys, { note: true });
      stopping = new AbortController();
      sweeping = removeOrphans(dir, options.isKnown, clock.now(), stopping.signal)
        .then((files) => {
          if (files > 0) logger.info({ files }, 'evidence without a row deleted');
        })
        .catch((error: unknown) => logger.error({ reason: messageOf(error) }, 'evidence folder not tidied'));
    },
    stop: async () => {
      stopping.abort();
      await sweeping;
    },
    save: async ({ jpeg, faces, ...kept }) => {
      const shown = await blurFaces(jpeg, faces);
      // Both forms are kept: the blurred one is what is sent and hashed, so its bytes must never depend on a library's version.
      const packed = packPictures(jpeg, shown === jpeg ? null : shown);
      return keep(packed, sha256Of(shown), kept, { id: random.id() as EvidenceId, mediaKind: 'picture', faces });
    },
    saveClip: ({ bytes, id, ...kept }) =>
      keep(bytes, sha256Of(bytes), kept, {
        ...{ id: id ?? (random.id() as EvidenceId), mediaKind: 'clip', faces: [] },
      }),
    read: async (row, { unblurred }) => {
      const { original, blurred } = unpackPictures(unseal(await readSealed(join(dir, row.path), row.id), keys, row.id));
      const shown = blurred ?? original;
      if (sha256Of(shown) !== row.sha256) {
        throw new GatewayError('evidence.damaged', 'the picture is not the one that was recorded', {
          facts: { id: row.id },
        });
      }
      return unblurred ? original : shown;
    },
    openClip: (row) => openSealedFile(join(dir, row.path), keys, row.id),
    remove: async (paths) => {
      for (const path of paths) {
        await unlink(join(dir, path)).catch((error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw error;
        });
      }
    },
  };
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function readSealed(path: string, id: EvidenceId): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new GatewayError('evidence.missing', 'the evidence file cannot be read', {
      facts: { id, code: codeOf(cause) },
      cause,
    });
  }
}

/** length of the original, u32 BE | original | blurred (may be empty). */
function packPictures(original: Uint8Array, blurred: Uint8Array | null): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(original.length);
  return Buffer.concat([length, original, blurred ?? new Uint8Array()]);
}

function unpackPictures(packed: Buffer): { original: Uint8Array; blurred: Uint8Array | null } {
  const end = 4 + packed.readUInt32BE(0);
  return { original: packed.subarray(4, end), blurred: packed.length > end ? packed.subarray(end) : null };
}
