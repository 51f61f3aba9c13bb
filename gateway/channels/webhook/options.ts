import { z } from 'zod';
import { durationMs, sizeBytes } from '../../lib/quantities.ts';
import { httpUrl } from '../plain-url.ts';
import { proxyOptions } from '../proxy.ts';

/** One `channels.<id>` of kind webhook. File names are relative to the configuration's folder. */
export const webhookOptions = z.strictObject({
  kind: z.literal('webhook'),
  url: httpUrl('Where notices are posted.'),
  secretFile: z
    .string()
    .min(1)
    .describe('File with the secret that signs: whsec_ and base64 of 24 to 64 random bytes; kanmen init makes one.'),
  previousSecretFile: z
    .string()
    .min(1)
    .optional()
    .describe('While the secret is being changed: the old one; both sign until this line is taken away.'),
  feedbackUrl: httpUrl('Where answers are asked for by long poll; absent: only in replies.').optional(),
  unsignedAnswers: z
    .enum(['refuse', 'protected', 'accept'])
    .default('protected')
    .describe(
      'Answers in a reply that is not signed. protected: taken over https, or from this machine, where nobody stands in between; refuse: never; accept: always. A signature that is there must be right in any case.',
    ),
  timeout: durationMs({
    default: '15s',
    min: '100ms',
    max: '2m',
    describe: 'How long one try may take from connecting to the end of the reply.',
  }),
  inlineEvidenceUpTo: sizeBytes({
    default: '300kB',
    min: '0B',
    max: '4MB',
    describe: 'Pictures of one notice up to this size altogether stand in it; the others are named by their address.',
  }),
  allowPrivate: z
    .boolean()
    .default(true)
    .describe('Whether it may connect to private addresses; a station box stands on one. False: only to public ones.'),
  allowHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Hosts that may have a private address although allowPrivate is false.'),
  proxy: proxyOptions,
  tls: z
    .strictObject({
      caFile: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file with the authority of the far side, if it is not a public one.'),
    })
    .prefault({})
    .describe('How the far side is known.'),
});
export type WebhookOptions = z.output<typeof webhookOptions>;
