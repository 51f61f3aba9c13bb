import { z } from 'zod';
import { idPattern } from '../domain/ids.ts';
import { dingtalkOptions } from './dingtalk/options.ts';
import { emailOptions } from './email/options.ts';
import { feishuOptions } from './feishu/options.ts';
import { mqttChannelOptions } from './mqtt/options.ts';
import { sirenOptions } from './siren/options.ts';
import { viidOptions } from './viid/options.ts';
import { webhookOptions } from './webhook/options.ts';
import { wecomOptions } from './wecom/options.ts';

/** One line for each kind of channel. */
export const channelOptions = z.discriminatedUnion('kind', [
  webhookOptions,
  viidOptions,
  mqttChannelOptions,
  wecomOptions,
  dingtalkOptions,
  feishuOptions,
  emailOptions,
  sirenOptions,
]);
export type ChannelOptions = z.output<typeof channelOptions>;

/** `channels{<id>{kind, …}}`: the ways out. */
export const channelsOptions = z
  .record(z.string().regex(idPattern, 'letters, digits, dot, dash and underscore, at most 64'), channelOptions)
  .default({})
  .describe('The ways out, by id; recipients name them.');
export type ChannelsOptions = z.output<typeof channelsOptions>;
