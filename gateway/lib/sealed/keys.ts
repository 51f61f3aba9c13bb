import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, GatewayError } from '../errors.ts';
import type { Random } from '../random.ts';
import { keyIdOf, type EvidenceKey } from './sealed-file.ts';
import { sealedEnding, writeSynced } from './sealed-write.ts';

/** A new key file's content: 32 random bytes in hex. */
export function newEvidenceKey(random: Pick<Random, 'bytes'>): string {
  return `${Buffer.from(random.bytes(32)).toString('hex')}\n`;
}

/** Which key files the configuration names. */
export interface KeyFiles {
  readonly keyFile?: string | undefined;
  readonly previousKeyFiles: readonly string[];
}
/** Where the gateway keeps its evidence, and the key that it makes for itself where none is named. */
export interface KeyPlace {
  readonly dir: string;
  readonly ownFile: string;
}

/** Beside the sealed files: ids of the keys that any of them may be sealed with. Tells a lost key from a first start. */
const idsFile = (dir: string): string => join(dir, 'keys.json');

/**
 * The keys that evidence is sealed with: the first seals, all open. Where no file is named, `ownFile` is used, and made
 * by `random` at the very first start; with `null` nothing is made, and none answered where there is nothing yet. Throws
 * `config.secret-missing` for a file that cannot be read or holds no key, `evidence.wrong-key` where the own key is gone
 * though there is evidence that only it can open.
 */
export function loadEvidenceKeys(
  files: KeyFiles,
  place: KeyPlace,
  random: Pick<Random, 'bytes'> | null,
): EvidenceKey[] {
  const file = files.keyFile ?? place.ownFile;
  if (files.keyFile === undefined && !existsSync(file)) {
    if (existsSync(idsFile(place.dir))) {
      throw new GatewayError(
        'evidence.wrong-key',
        `the evidence key is gone: ${file}. Put it back from your copy; to go on without what is sealed so far, move ${place.dir} away`,
        { facts: { file } },
      );
    }
    if (random === null) return [];
    makeOnce(file, random);
  }
  return [file, ...files.previousKeyFiles].map(readKey);
}

/**
 * Holds the keys against what is sealed: throws `evidence.wrong-key` if a file stands in `dir` that none of them opens.
 * Reads one small file, unless a key has been taken away since the last time. `note` writes down the key that seals now.
 */
export async function checkEvidenceKeys(
  dir: string,
  keys: readonly EvidenceKey[],
  { note }: { readonly note: boolean },
): Promise<void> {
  const here = keys.map(({ id }) => Buffer.from(id).toString('hex'));
  const before = await readIds(dir);
  const missing = before.filter((id) => !here.includes(id));
  const lost = missing.length === 0 ? null : await findSealedWith(dir, missing);
  if (lost !== null) {
    throw new GatewayError(
      'evidence.wrong-key',
      `evidence in ${dir} is sealed under the key ${lost.id}, but the configured ${here.length === 1 ? 'key is' : 'keys are'} ${here.join(', ')}: name the old key's file in evidence.previousKeyFiles, or put it back`,
      { facts: { keyId: lost.id, example: lost.path } },
    );
  }
  const now = [...new Set([...here.slice(0, 1), ...before.filter((id) => here.includes(id))])];
  if (!note || (now.length === before.length && now.every((id) => before.includes(id)))) return;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeSynced(idsFile(dir), [Buffer.from(`${JSON.stringify({ ids: now })}\n`)]);
}

async function readIds(dir: string): Promise<string[]> {
  try {
    const found = JSON.parse(await readFile(idsFile(dir), 'utf8')) as { readonly ids?: unknown };
    return Array.isArray(found.ids) ? found.ids.filter((id) => typeof id === 'string') : [];
  } catch (error) {
    // Not there, or half of it after a crash: the sealed files themselves still name their keys.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return [];
    throw error;
  }
}

/** The first sealed file under one of these keys, or null. */
async function findSealedWith(dir: string, ids: readonly string[]): Promise<{ id: string; path: string } | null> {
  const names = await readdir(dir, { recursive: true }).catch(() => [] as string[]);
  for (const name of names) {
    if (!name.endsWith(sealedEnding)) continue;
    const file = await open(join(dir, name), 'r');
    try {
      const header = Buffer.alloc(8);
      await file.read(header, 0, header.length, 0);
      const id = keyIdOf(header);
      if (id !== null && ids.includes(id)) return { id, path: name };
    } finally {
      await file.close();
    }
  }
  return null;
}

function makeOnce(file: string, random: Pick<Random, 'bytes'>): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    // wx: never over a key that is there; without it everything so far would be lost.
    writeFileSync(file, newEvidenceKey(random), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function readKey(file: string): EvidenceKey {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new GatewayError('config.secret-missing', `the evidence key cannot be read: ${file}`, {
      facts: { file, code: codeOf(cause) },
      cause,
    });
  }
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new GatewayError('config.secret-missing', `not an evidence key (64 hex digits): ${file}`, {
      facts: { file },
    });
  }
  const key = Buffer.from(text, 'hex');
  return { key, id: createHash('sha256').update(key).digest().subarray(0, 4) };
}
