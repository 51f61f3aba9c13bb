import { z } from 'zod';
import { robotFields } from '../people/options.ts';

/** One `channels.<id>` of kind wecom: a group robot of 企业微信. */
export const wecomOptions = z.strictObject({ kind: z.literal('wecom'), ...robotFields(18) });
export type WecomOptions = z.output<typeof wecomOptions>;
