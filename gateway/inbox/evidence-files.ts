import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, GatewayError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';

export interface EvidenceFiles {
  /** Keeps bytes under their own hash. True when they are on disk, false when they are not what `sha256` says. */
  keep(bytes: Uint8Array, sha256: string): Promise<boolean>;
  /** The bytes again, checked; GatewayError `evidence.missing` or `evidence.damaged`. */
  read(sha256: string): Promise<Buffer>;
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Evidence as files named by their SHA-256 under `folder`: a repeat costs nothing, and a file can be checked by its name. */
export function createEvidenceFiles(options: { readonly folder: string; readonly random: Random }): EvidenceFiles {
  const { folder, random } = options;
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256);

  return {
    keep: async (bytes, sha256) => {
      if (hashOf(bytes) !== sha256) return false;
      const path = pathOf(sha256);
      if (await holds(path, sha256)) return true;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const draft = `${path}.${random.id()}`;
      try {
        const file = await open(draft, 'wx', 0o600);
        try {
          await file.writeFile(bytes);
          // The notice is answered 2xx after this, so the bytes must outlive a power cut.
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await unlink(draft).catch(() => undefined);
        throw error;
      }
      return true;
    },
    read: async (sha256) => {
      let bytes: Buffer;
      try {
        bytes = await readFile(pathOf(sha256));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        throw new GatewayError('evidence.missing', 'the evidence file is not there', { facts: { sha256 } });
      }
      if (hashOf(bytes) !== sha256) {
        throw new GatewayError('evidence.damaged', 'the evidence file has changed on disk', { facts: { sha256 } });
      }
      return bytes;
    },
  };
}

/** Whether the file is there whole; one that a crash cut short is written anew. */
async function holds(path: string, sha256: string): Promise<boolean> {
  try {
    return hashOf(await readFile(path)) === sha256;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A rename is only on disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
