import { createHash, hkdfSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../lib/random.ts';
import { loadEvidenceKeys } from '../lib/sealed/keys.ts';
import { saltBytes, seal, unseal, type EvidenceKey } from '../lib/sealed/sealed-file.ts';

/** What the desk keeps to itself: seals pictures, gateways' keys, second factors, so that a stolen disk tells nothing. */
export interface DeskKeys {
  /** For files; the first seals, all open. */
  readonly evidence: readonly EvidenceKey[];
  /** A short secret as text that only this desk can open again, for this one `name`. */
  sealText(plain: Uint8Array, name: string): string;
  /** Throws `evidence.damaged` or `evidence.wrong-key`. */
  openText(sealed: string, name: string): Buffer;
  /** 32 bytes for one purpose. */
  derive(purpose: string): Uint8Array;
}

export const deskKeyFile = (dataDir: string): string => join(dataDir, 'desk.key');

/**
 * Reads the desk's keys; makes `dataDir/desk.key` at the very first start where none is named. Throws
 * `config.secret-missing`, or `evidence.wrong-key` where the key is gone though something is sealed under it.
 */
export function loadDeskKeys(
  options: {
    readonly dataDir: string;
    readonly keyFile?: string | undefined;
    readonly previousKeyFiles?: readonly string[];
  },
  random: Pick<Random, 'bytes'>,
): DeskKeys {
  const evidence = loadEvidenceKeys(
    { keyFile: options.keyFile, previousKeyFiles: options.previousKeyFiles ?? [] },
    { dir: join(options.dataDir, 'evidence'), ownFile: deskKeyFile(options.dataDir) },
    random,
  );
  const [first] = evidence;
  if (!first) throw new Error('a key is always made');
  return {
    evidence,
    sealText: (plain, name) => seal(plain, first, { salt: random.bytes(saltBytes), name }).toString('base64'),
    openText: (sealed, name) => unseal(Buffer.from(sealed, 'base64'), evidence, name),
    derive: (purpose) => new Uint8Array(hkdfSync('sha256', first.key, '', `kanmen desk ${purpose}`, 32)),
  };
}

/** Whether a desk has been started here before. */
export const hasDeskKey = (dataDir: string): boolean => existsSync(deskKeyFile(dataDir));

export const sha256Hex = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
