import { z } from 'zod';
import { durationMs } from '../../lib/quantities.ts';
import { httpUrl } from '../plain-url.ts';
import { proxyOptions } from '../proxy.ts';

/** What all channels that speak to people have in common. */
export const peopleFields = {
  linkBase: httpUrl(
    'Address of the dashboard or the desk; the link in a message adds the alert’s id and nothing else.',
  ).optional(),
  language: z.enum(['zh', 'en']).default('zh').describe('Language of the messages.'),
  timeout: durationMs({ default: '15s', min: '100ms', max: '2m', describe: 'How long one try may take.' }),
};

/** What all group robots have in common. The robot's address holds its key, so it stands in a file. */
export function robotFields(perMinute: number) {
  return {
    urlFile: z
      .string()
      .min(1)
      .describe('File with the robot’s address, as its maker shows it; it holds the robot’s key.'),
    perMinute: z
      .int()
      .min(1)
      .max(1000)
      .default(perMinute)
      .describe(
        'Messages a minute at most, a fifth of them kept for red and orange; the maker silences a robot that sends more.',
      ),
    mention: z
      .array(z.string().min(1).max(64))
      .max(20)
      .default([])
      .describe('Who is called by name in urgent messages: mobile numbers or user ids, or all.'),
    canary: z
      .enum(['reach', 'message'])
      .default('reach')
      .describe('How the channel is tried: only whether the maker answers, or with a message that people see.'),
    proxy: proxyOptions,
    ...peopleFields,
  };
}
