import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, GatewayError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { openSealedFile } from '../lib/sealed/sealed-reader.ts';
import { saltBytes, sealPieces } from '../lib/sealed/sealed-file.ts';
import { partEnding, sealedEnding, writeSynced } from '../lib/sealed/sealed-write.ts';
import type { DeskKeys } from './desk-key.ts';

export interface EvidenceFiles {
  /** Keeps bytes under their own hash. True when they are on disk, false when they are not what `sha256` says. */
  keep(bytes: Uint8Array, sha256: string): Promise<boolean>;
  /** The bytes again, checked; GatewayError `evidence.missing` or `evidence.damaged`. */
  read(sha256: string): Promise<Buffer>;
  /** Takes a file away; nothing where there is none. */
  remove(sha256: string): Promise<void>;
  /** Hashes of what is kept and was written before `at` (epoch ms), for finding what no alert names any more. */
  olderThan(at: number): AsyncGenerator<string>;
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const hashForm = /^[0-9a-f]{64}$/;

/**
 * Evidence as sealed files (AES-256-GCM, lib/sealed) named by the SHA-256 of what they hold: a repeat costs nothing, and a
 * file can be checked by its name. Files of versions before sealing are still read, and sealed when they come again.
 */
export function createEvidenceFiles(options: {
  readonly folder: string;
  readonly keys: Pick<DeskKeys, 'evidence'>;
  readonly random: Random;
}): EvidenceFiles {
  const { folder, keys, random } = options;
  const [sealing] = keys.evidence;
  const plainOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256);
  const sealedOf = (sha256: string): string => `${plainOf(sha256)}${sealedEnding}`;
  /** Two deliveries may bring the same picture at once; they must not write one file together. */
  const writing = new Map<string, Promise<void>>();

  async function seal(bytes: Uint8Array, sha256: string): Promise<void> {
    if (!sealing) throw new Error('a desk has a key');
    const path = sealedOf(sha256);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeSynced(path, sealPieces(bytes, sealing, { salt: random.bytes(saltBytes), name: sha256 }));
    // The notice is answered 2xx after this, so the file's name must outlive a power cut too.
    await syncFolder(dirname(path));
    await unlink(plainOf(sha256)).catch(() => undefined);
  }

  async function readSealed(sha256: string): Promise<Buffer> {
    const reader = await openSealedFile(sealedOf(sha256), keys.evidence, sha256);
    const pieces: Buffer[] = [];
    for await (const piece of reader.read()) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async function readPlain(sha256: string): Promise<Buffer> {
    try {
      return await readFile(plainOf(sha256));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      throw new GatewayError('evidence.missing', 'the evidence file is not there', { facts: { sha256 } });
    }
  }

  const isSealed = (sha256: string): Promise<boolean> =>
    stat(sealedOf(sha256)).then(
      () => true,
      () => false,
    );

  async function read(sha256: string): Promise<Buffer> {
    const bytes = (await isSealed(sha256)) ? await readSealed(sha256) : await readPlain(sha256);
    if (hashOf(bytes) !== sha256) {
      throw new GatewayError('evidence.damaged', 'the evidence file has changed on disk', { facts: { sha256 } });
    }
    return bytes;
  }

  return {
    keep: async (bytes, sha256) => {
      if (hashOf(bytes) !== sha256) return false;
      const running = writing.get(sha256);
      if (running) {
        await running;
        return true;
      }
      const work = (async () => {
        // A file that a crash cut short, or that has changed since, is written anew.
        const whole = (await isSealed(sha256)) && (await read(sha256).catch(() => null)) !== null;
        if (!whole) await seal(bytes, sha256);
      })().finally(() => writing.delete(sha256));
      writing.set(sha256, work);
      await work;
      return true;
    },
    read,
    remove: async (sha256) => {
      for (const path of [sealedOf(sha256), plainOf(sha256)]) {
        await unlink(path).catch((error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw error;
        });
      }
    },
    olderThan: async function* (at) {
      for (const shelf of await readdir(folder).catch(() => [] as string[])) {
        if (!/^[0-9a-f]{2}$/.test(shelf)) continue;
        for (const name of await readdir(join(folder, shelf)).catch(() => [] as string[])) {
          const sha256 = name.replace(sealedEnding, '').replace(partEnding, '');
          if (!hashForm.test(sha256)) continue;
          const found = await stat(join(folder, shelf, name)).catch(() => null);
          if (found && found.mtimeMs < at) yield sha256;
        }
      }
    },
  };
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
