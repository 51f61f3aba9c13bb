import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GatewayError } from '../../lib/errors.ts';
import { parseWebhookSecret } from '../../lib/standard-webhooks.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import { createHttpClient } from './http-exchange.ts';
import type { WebhookOptions } from './options.ts';
import { listenByPoll } from './poll.ts';
import { sendWebhook } from './send.ts';
import { createSigner } from './sign.ts';

async function readText(setup: ChannelSetup, file: string, what: string): Promise<string> {
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

async function readKey(setup: ChannelSetup, file: string): Promise<Uint8Array> {
  const key = parseWebhookSecret(await readText(setup, file, 'secret'));
  if (key) return key;
  throw new GatewayError(
    'config.secret-missing',
    `the secret of channel ${setup.id} must be whsec_ and base64 of 24 to 64 bytes: ${resolve(setup.baseDir, file)}`,
    { facts: { channel: setup.id, file } },
  );
}

/** Opens a webhook channel: reads its secrets; connects when it first sends. Throws `config.secret-missing`. */
export async function openWebhookChannel(options: WebhookOptions, setup: ChannelSetup): Promise<OpenChannel> {
  const keys = [await readKey(setup, options.secretFile)];
  if (options.previousSecretFile !== undefined) keys.push(await readKey(setup, options.previousSecretFile));
  const ca = options.tls.caFile === undefined ? null : await readText(setup, options.tls.caFile, 'tls.caFile');
  const client = createHttpClient({
    clock: setup.clock,
    ca,
    allowPrivate: options.allowPrivate,
    allowHosts: options.allowHosts,
  });
  const context = {
    channel: setup.id,
    options,
    source: setup.source,
    timeZone: setup.timeZone,
    signer: createSigner(keys),
    client,
    evidence: setup.evidence,
    clock: setup.clock,
    logger: setup.logger,
    random: setup.random,
    recipient: setup.recipient,
  };
  return {
    channel: {
      id: setup.id,
      kind: 'webhook',
      send: (delivery, signal) => sendWebhook(delivery, context, signal),
      listen: (onFeedback, signal) =>
        options.feedbackUrl === undefined
          ? Promise.resolve()
          : listenByPoll(options.feedbackUrl, context, onFeedback, signal),
    },
    close: () => client.close(),
  };
}
