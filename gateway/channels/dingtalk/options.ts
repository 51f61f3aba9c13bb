import { z } from 'zod';
import { robotFields } from '../people/options.ts';

/** One `channels.<id>` of kind dingtalk: a group robot of 钉钉. */
export const dingtalkOptions = z.strictObject({
  kind: z.literal('dingtalk'),
  secretFile: z
    .string()
    .min(1)
    .optional()
    .describe('File with the secret (SEC…) of a robot that wants signatures (加签).'),
  ...robotFields(18),
});
export type DingtalkOptions = z.output<typeof dingtalkOptions>;
