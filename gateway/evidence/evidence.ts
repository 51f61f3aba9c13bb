import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EvidenceRef } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertId, EvidenceId } from '../domain/ids.ts';
import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { codeOf, GatewayError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { blurFaces } from './blur-faces.ts';
import { noncePrefixBytes, seal, unseal, type EvidenceKey } from './sealed-file.ts';

/** What the database keeps of a picture; enough to find and open it. */
export interface EvidenceRow {
  readonly id: EvidenceId;
  readonly path: string;
  readonly sha256: string;
  readonly faces: readonly BoxPx[];
}

export interface SavedEvidence {
  readonly ref: EvidenceRef;
  /** Where the file stands, as `remove` takes it. */
  readonly path: string;
  /** To be committed; until then the file is an orphan that the sweeper may remove. */
  readonly change: Change;
}

export interface Evidence {
  /**
   * Writes a picture, encrypted and synced, and answers the row to commit. `sha256` is that of the picture as recipients
   * get it by default: with faces blurred, so that a receiver can check what he holds.
   */
  save(picture: {
    readonly jpeg: Uint8Array;
    readonly camera: string;
    readonly capturedAt: EpochMs;
    readonly faces: readonly BoxPx[];
    readonly alertId: AlertId | null;
  }): Promise<SavedEvidence>;
  /** The picture, faces blurred unless `unblurred`. Throws `evidence.missing` or `evidence.damaged`. */
  read(row: EvidenceRow, options: { readonly unblurred: boolean }): Promise<Uint8Array>;
  /** Deletes files; those that are gone already do not matter. */
  remove(paths: readonly string[]): Promise<void>;
}

/** Evidence under `dir`; `keys[0]` seals, all of them open. */
export function createEvidence(options: {
  readonly dir: string;
  readonly keys: readonly EvidenceKey[];
  readonly random: Random;
}): Evidence {
  const { dir, keys, random } = options;
  const sealingKey = keys[0];
  if (!sealingKey) throw new GatewayError('config.secret-missing', 'no evidence key', {});
  return {
    save: async ({ jpeg, camera, capturedAt, faces, alertId }) => {
      const id = random.id() as EvidenceId;
      // One folder a day keeps each small enough to list.
      const path = join(new Date(capturedAt).toISOString().slice(0, 10), `${id}.kme`);
      const shown = await blurFaces(jpeg, faces);
      const sha256 = createHash('sha256').update(shown).digest('hex');
      // Both forms are kept: the blurred one is what is sent and hashed, so its bytes must never depend on a library's version.
      const blurred = shown === jpeg ? null : shown;
      const sealed = seal(packPictures(jpeg, blurred), sealingKey, random.bytes(noncePrefixBytes));
      await writeSynced(join(dir, path), sealed);
      return {
        ref: { id, kind: 'picture', sha256, capturedAt, camera },
        path,
        change: {
          kind: 'evidence-saved',
          id,
          alertId,
          camera,
          mediaKind: 'picture',
          capturedAt,
          sha256,
          sizeBytes: sealed.length,
          path,
          faces,
        },
      };
    },
    read: async (row, { unblurred }) => {
      let sealed: Uint8Array;
      try {
        sealed = await readFile(join(dir, row.path));
      } catch (cause) {
        throw new GatewayError('evidence.missing', 'the evidence file cannot be read', {
          facts: { id: row.id, code: codeOf(cause) },
          cause,
        });
      }
      const { original, blurred } = unpackPictures(unseal(sealed, keys));
      const shown = blurred ?? original;
      if (createHash('sha256').update(shown).digest('hex') !== row.sha256) {
        throw new GatewayError('evidence.damaged', 'the picture is not the one that was recorded', {
          facts: { id: row.id },
        });
      }
      return unblurred ? original : shown;
    },
    remove: async (paths) => {
      for (const path of paths) {
        await unlink(join(dir, path)).catch((error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw error;
        });
      }
    },
  };
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

/** The file is whole and on disk, or not there under its name. */
async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.part`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    // Half a file on a full disk would only make it fuller.
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
