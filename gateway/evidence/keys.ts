import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, GatewayError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { EvidenceKey } from './sealed-file.ts';

/** A new key file's content: 32 random bytes in hex. */
export function newEvidenceKey(random: Pick<Random, 'bytes'>): string {
  return `${Buffer.from(random.bytes(32)).toString('hex')}\n`;
}

/**
 * The keys that pictures are sealed with: the first seals, all open. Where no file is named, `ownFile` is used and made if
 * it is not there yet. Throws `config.secret-missing` for a file that cannot be read or holds no key.
 */
export function loadEvidenceKeys(
  files: { readonly keyFile?: string | undefined; readonly previousKeyFiles: readonly string[] },
  ownFile: string,
  random: Pick<Random, 'bytes'>,
): EvidenceKey[] {
  if (files.keyFile === undefined) makeOnce(ownFile, random);
  return [files.keyFile ?? ownFile, ...files.previousKeyFiles].map(readKey);
}

function makeOnce(file: string, random: Pick<Random, 'bytes'>): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    // wx: never over a key that is there; without it every picture so far would be lost.
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
