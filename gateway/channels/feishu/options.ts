import { z } from 'zod';
import { robotFields } from '../people/options.ts';

/** One `channels.<id>` of kind feishu: a custom robot of 飞书. */
export const feishuOptions = z.strictObject({
  kind: z.literal('feishu'),
  secretFile: z
    .string()
    .min(1)
    .optional()
    .describe('File with the secret of a robot that wants signatures (签名校验).'),
  ...robotFields(90),
});
export type FeishuOptions = z.output<typeof feishuOptions>;
