import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GatewayError } from '../lib/errors.ts';
import { parseWebhookSecret } from '../lib/standard-webhooks.ts';
import type { ChannelSetup } from './setup.ts';

type Place = Pick<ChannelSetup, 'id' | 'baseDir'>;

/** The text of a file that a channel's options name. GatewayError `config.secret-missing` where it cannot be read. */
export async function readSecretFile(setup: Place, file: string, what: string): Promise<string> {
  const path = resolve(setup.baseDir, file);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new GatewayError('config.secret-missing', `the ${what} of channel ${setup.id} cannot be read: ${path}`, {
      facts: { channel: setup.id, file: path },
      cause,
    });
  }
}

/** The key of a `whsec_` secret. GatewayError `config.secret-missing` where the file holds none. */
export async function readWebhookKey(setup: Place, file: string): Promise<Uint8Array> {
  const key = parseWebhookSecret(await readSecretFile(setup, file, 'secret'));
  if (key) return key;
  throw new GatewayError(
    'config.secret-missing',
    `the secret of channel ${setup.id} must be whsec_ and base64 of 24 to 64 bytes: ${resolve(setup.baseDir, file)}`,
    { facts: { channel: setup.id, file } },
  );
}
