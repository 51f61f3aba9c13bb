import { z } from 'zod';
import { durationMs, sizeBytes } from '../../lib/quantities.ts';
import { brokerUrl } from '../plain-url.ts';

/** One `channels.<id>` of kind mqtt: the station's broker. File names are relative to the configuration's folder. */
export const mqttChannelOptions = z
  .strictObject({
    kind: z.literal('mqtt'),
    url: brokerUrl('Address of the broker. It must speak MQTT 5.'),
    username: z.string().min(1).optional().describe('User name at the broker.'),
    passwordFile: z.string().min(1).optional().describe('File with the password at the broker.'),
    clientId: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'letters, digits, dot, dash and underscore, at most 64')
      .optional()
      .describe('Client id; -send and -answers are put behind it. Absent: kanmen-<site>-<gateway>.'),
    topic: z
      .string()
      .regex(/^[^#+/\s][^#+\s]{0,199}$/, 'a topic without wildcards')
      .optional()
      .describe('Root of the topics. Absent: kanmen/<site>/<gateway>.'),
    receipt: z
      .enum(['station', 'broker'])
      .default('station')
      .describe(
        'Who says that a delivery was taken: the station, by an answer to it; or the broker, by its PUBACK alone.',
      ),
    secretFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'File with a whsec_ secret: what goes out is signed, and what comes back must be. Required unless unsignedAnswers is accept.',
      ),
    previousSecretFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'While the secret is being changed: the old one; both sign and both are taken until this line is gone.',
      ),
    unsignedAnswers: z
      .enum(['refuse', 'accept'])
      .default('refuse')
      .describe(
        'accept: without a secretFile too; then whoever the broker lets publish there can confirm and answer alerts.',
      ),
    timeout: durationMs({
      default: '15s',
      min: '100ms',
      max: '2m',
      describe: 'How long one try may take, from connecting to the receipt.',
    }),
    keepalive: durationMs({
      default: '20s',
      min: '1s',
      max: '10m',
      describe: 'How often the line is tried while quiet.',
    }),
    answersKeptFor: durationMs({
      default: '7d',
      min: '1m',
      max: '30d',
      describe: 'How long the broker keeps answers for a gateway that is away.',
    }),
    inlineEvidenceUpTo: sizeBytes({
      default: '100kB',
      min: '0B',
      max: '1MB',
      describe: 'Pictures of one notice up to this size altogether stand in it.',
    }),
    tls: z
      .strictObject({
        caFile: z
          .string()
          .min(1)
          .optional()
          .describe('PEM file with the authority of the broker, if not a public one.'),
      })
      .prefault({})
      .describe('How the broker is known.'),
  })
  .superRefine(({ secretFile, unsignedAnswers }, context) => {
    if (secretFile === undefined && unsignedAnswers === 'refuse')
      context.addIssue({
        code: 'custom',
        path: ['secretFile'],
        message:
          'missing: without it anybody at the broker could confirm and close alerts; name a file with a whsec_ secret that the station has too, or set unsignedAnswers: accept to rely on the broker’s access list alone',
      });
  });
export type MqttChannelOptions = z.output<typeof mqttChannelOptions>;
