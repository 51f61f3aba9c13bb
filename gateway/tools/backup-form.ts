/**
 * What a backup is: a tar, gzipped, encrypted with age (https://age-encryption.org/v1), so that it can be opened without us, too:
 *   age -d FILE | tar xz
 * In it: manifest.json; config/ (the configuration file and what it names, from its own folder); elsewhere/ (what it names
 * outside of that, by its absolute path); data/ (the data directory with a consistent copy of the database).
 */
import { z } from 'zod';
import { Decrypter, Encrypter } from 'age-encryption';
import { readFileSync } from 'node:fs';
import { password } from '@inquirer/prompts';
import { GatewayError, messageOf } from '../lib/errors.ts';
import { readPassword, type ToolContext } from './context.ts';

export const manifestName = 'manifest.json';

export const manifestSchema = z.object({
  format: z.literal(1),
  /** Of the program that wrote it. */
  version: z.string(),
  kind: z.enum(['gateway', 'desk']),
  /** Of the compound or the station. */
  name: z.string(),
  madeAt: z.string(),
  /** The configuration file's name below config/. */
  config: z.string(),
  /** Where the data directory goes: relative to the configuration, or absolute. */
  dataDir: z.string(),
  /** The database's file in data/; null where it is PostgreSQL, which has its own ways. */
  database: z.string().nullable(),
  evidence: z.boolean(),
  files: z.number(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Shortest passphrase that is taken, in characters: with age's scrypt as hard to guess as a password of the product's own. */
const minPassphrase = 12;

/** Reads a passphrase as it was told to; asks at a terminal; null where there is none. */
export async function readPassphrase(context: ToolContext, file: string | undefined): Promise<string | null> {
  if (file !== undefined) return readPassword(context, file);
  return context.stdin.isTTY === true ? password({ message: 'Passphrase', mask: true }) : null;
}

/** For a passphrase, or for holders of identities (`age1…`), of whom this machine knows only the public half. */
export function encrypterFor(
  how: { readonly passphrase: string } | { readonly recipients: readonly string[] },
): Encrypter {
  const encrypter = new Encrypter();
  if ('passphrase' in how) {
    if (how.passphrase.length < minPassphrase)
      throw new GatewayError('user.invalid', `a passphrase has at least ${minPassphrase} characters`);
    encrypter.setPassphrase(how.passphrase);
    return encrypter;
  }
  for (const recipient of how.recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new GatewayError('user.invalid', `not a recipient (age1…, as age-keygen prints it): ${recipient}`, {
        cause,
      });
    }
  }
  return encrypter;
}

/** `identityFile`: what `age-keygen` wrote; comments and all. */
export function decrypterFor(how: { readonly passphrase: string } | { readonly identityFile: string }): Decrypter {
  const decrypter = new Decrypter();
  if ('passphrase' in how) {
    decrypter.addPassphrase(how.passphrase);
    return decrypter;
  }
  const lines = readFileSync(how.identityFile, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('#'));
  try {
    for (const line of lines) decrypter.addIdentity(line);
  } catch (cause) {
    throw new GatewayError('user.invalid', `not an age identity: ${how.identityFile} (${messageOf(cause)})`, { cause });
  }
  if (lines.length === 0) throw new GatewayError('user.invalid', `no identity in ${how.identityFile}`);
  return decrypter;
}
