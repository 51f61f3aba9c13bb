import { z } from 'zod';
import { tiers } from '../../domain/tier.ts';
import { durationMs } from '../../lib/quantities.ts';
import { brokerUrl } from '../plain-url.ts';

const word = (fallback: string, describe: string) => z.string().max(2000).default(fallback).describe(describe);

/** One `channels.<id>` of kind siren: a siren or a lamp that takes commands over MQTT. */
export const sirenOptions = z.strictObject({
  kind: z.literal('siren'),
  url: brokerUrl('Broker at which the siren listens. It must speak MQTT 5.'),
  username: z.string().min(1).optional().describe('User name at the broker.'),
  passwordFile: z.string().min(1).optional().describe('File with the password at the broker.'),
  caFile: z.string().min(1).optional().describe('PEM file with the authority of the broker, if not a public one.'),
  topic: z
    .string()
    .regex(/^[^#+\s]{1,200}$/, 'a topic without wildcards')
    .describe('Where its commands go, such as cmnd/siren/POWER or zigbee2mqtt/siren/set.'),
  on: word('ON', 'What turns it on.'),
  off: word('OFF', 'What turns it off.'),
  test: word('', 'What tries it without noise, such as a question for its state; empty: `off`.'),
  tiers: z.array(z.enum(tiers)).min(1).default(['red']).describe('Tiers that turn it on.'),
  longest: durationMs({
    default: '3m',
    min: '1s',
    max: '1h',
    describe: 'It is turned off after this long, or as soon as somebody has acknowledged.',
  }),
  timeout: durationMs({ default: '5s', min: '100ms', max: '1m', describe: 'How long one try may take.' }),
});
export type SirenOptions = z.output<typeof sirenOptions>;
