import { openProxy } from '../proxy.ts';
import { readSecretFile, readWebhookKey } from '../secret-file.ts';
import type { ChannelSetup, OpenChannel } from '../setup.ts';
import { createHttpClient } from './http-exchange.ts';
import { createNudge } from './nudge.ts';
import type { WebhookOptions } from './options.ts';
import { listenByPoll } from './poll.ts';
import { createReplyAnswers } from './reply-answers.ts';
import { sendWebhook } from './send.ts';
import { createSigner } from './sign.ts';

/** Opens a webhook channel: reads its secrets; connects when it first sends. Throws `config.secret-missing`. */
export async function openWebhookChannel(options: WebhookOptions, setup: ChannelSetup): Promise<OpenChannel> {
  const keys = [await readWebhookKey(setup, options.secretFile)];
  if (options.previousSecretFile !== undefined) keys.push(await readWebhookKey(setup, options.previousSecretFile));
  const ca = options.tls.caFile === undefined ? null : await readSecretFile(setup, options.tls.caFile, 'tls.caFile');
  const client = createHttpClient({
    clock: setup.clock,
    ca,
    allowPrivate: options.allowPrivate,
    allowHosts: options.allowHosts,
    proxy: await openProxy(setup, options.proxy),
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
    refused: (reason: string, subject: string) => setup.refused?.(setup.id, reason, subject),
    ...(setup.receipts && { receipts: setup.receipts(setup.id) }),
  };
  const answers = createReplyAnswers(context);
  const nudge = createNudge(setup.clock);
  return {
    channel: {
      id: setup.id,
      kind: 'webhook',
      send: async (delivery, signal) => {
        const result = await sendWebhook(delivery, { ...context, answers }, signal);
        if (result.kind === 'delivered') nudge.arrived();
        return result;
      },
      listen: (onFeedback, signal) =>
        options.feedbackUrl === undefined
          ? Promise.resolve()
          : listenByPoll(options.feedbackUrl, { ...context, nudge }, onFeedback, signal),
    },
    close: () => client.close(),
  };
}
