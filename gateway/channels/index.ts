/**
 * Channels: the ways out of the compound, each speaking one protocol.
 *
 * takes: one delivery at a time, and the evidence it names
 * gives: what came of the try (delivered, retry, rejected), and the answers that come back
 * keeps: connections; on disk what a far side has ordered (subscriptions, plates to be watched for)
 * never: throws for what the far side does, follows a redirect, writes a secret or a picture to the log
 * spec: interfaces.md "Notices to recipients"; Standard Webhooks v1; CloudEvents 1.0
 */
import type { Channel, Recipient } from '../domain/delivery.ts';
import type { ChannelOptions, ChannelsOptions } from './options.ts';
import type { ChannelSetup, OpenChannel } from './setup.ts';
import { openDingtalkChannel } from './dingtalk/index.ts';
import { openEmailChannel } from './email/index.ts';
import { openFeishuChannel } from './feishu/index.ts';
import { openMqttChannel } from './mqtt/index.ts';
import { openSirenChannel } from './siren/index.ts';
import { openViidChannel } from './viid/index.ts';
import { openWebhookChannel } from './webhook/index.ts';
import { openWecomChannel } from './wecom/index.ts';

export type { ChannelCamera, ChannelSetup, OpenChannel } from './setup.ts';
export { createWatchList, type WatchHit, type WatchList } from './watch-list.ts';
export type { SharedEvidence } from './shared-evidence.ts';
export { noticeSchemas, writeNoticeSchemas } from './schemas.ts';

type OptionsOf<Kind extends ChannelOptions['kind']> = Extract<ChannelOptions, { kind: Kind }>;
type Openers = {
  readonly [Kind in ChannelOptions['kind']]: (options: OptionsOf<Kind>, setup: ChannelSetup) => Promise<OpenChannel>;
};

/** One line for each kind of channel. */
const openers: Openers = {
  webhook: openWebhookChannel,
  viid: openViidChannel,
  mqtt: openMqttChannel,
  wecom: openWecomChannel,
  dingtalk: openDingtalkChannel,
  feishu: openFeishuChannel,
  email: openEmailChannel,
  siren: openSirenChannel,
};

/** `kind` is that of `settings`; two parameters, so that the compiler sees that the opener fits. */
const openOne = <Kind extends ChannelOptions['kind']>(
  kind: Kind,
  settings: OptionsOf<Kind>,
  setup: ChannelSetup,
): Promise<OpenChannel> => openers[kind](settings, setup);

export interface Channels {
  readonly byId: ReadonlyMap<string, Channel>;
  close(): void;
}

/** What all channels are given alike; a channel's own id and first recipient are found for it. */
export type ChannelsSetup = Omit<ChannelSetup, 'id' | 'recipient'> & { readonly recipients: readonly Recipient[] };

/** Opens one channel: reads its secrets, connects nowhere yet. GatewayError `config.secret-missing`. */
export function openChannel(id: string, settings: ChannelOptions, given: ChannelsSetup): Promise<OpenChannel> {
  const recipient = given.recipients.find(({ channel }) => channel === id)?.id ?? null;
  return openOne(settings.kind, settings, { ...given, id, recipient });
}

/** Opens every configured channel. GatewayError `config.secret-missing`, and then none is left open. */
export async function openChannels(options: ChannelsOptions, given: ChannelsSetup): Promise<Channels> {
  const open = new Map<string, OpenChannel>();
  const close = (): void => open.forEach((channel) => channel.close());
  try {
    for (const [id, settings] of Object.entries(options)) open.set(id, await openChannel(id, settings, given));
  } catch (error) {
    close();
    throw error;
  }
  return { byId: new Map([...open].map(([id, { channel }]) => [id, channel])), close };
}
