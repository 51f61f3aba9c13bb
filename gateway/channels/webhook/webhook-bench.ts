import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecipientId } from '../../domain/ids.ts';
import { systemClock, type Clock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { systemRandom } from '../../lib/random.ts';
import type { ChannelHarness } from '../contract.ts';
import { openChannels, type ChannelSetup } from '../index.ts';
import { channelsOptions } from '../options.ts';
import { openFarSide, type FarSide } from './far-side.ts';

export const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
export const otherSecret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

export interface WebhookBench extends ChannelHarness {
  readonly far: FarSide;
  /** What came back and was not taken: `<reason> <subject>`. */
  readonly refused: readonly string[];
  /** Parsed lines of the log. */
  logged(): Record<string, unknown>[];
}

/** A webhook channel made from a configuration on disk, and a far side that the reference library speaks for. */
export async function openWebhookBench(
  setup: {
    readonly options?: Record<string, unknown>;
    readonly evidence?: ChannelSetup['evidence'];
    readonly farSecret?: string;
    readonly tls?: { readonly key: string; readonly cert: string };
    readonly feedbackPath?: string;
    readonly clock?: Clock;
  } = {},
): Promise<WebhookBench> {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-webhook-'));
  writeFileSync(join(folder, 'station.secret'), `${secret}\n`);
  writeFileSync(join(folder, 'old.secret'), otherSecret);
  if (setup.tls) writeFileSync(join(folder, 'ca.pem'), setup.tls.cert);
  const far = await openFarSide(setup.farSecret ?? secret, setup.tls);
  const lines: string[] = [];
  const refused: string[] = [];
  writeFileSync(join(folder, 'proxy.password'), 'proxy-word\n');
  const channels = await openChannels(
    channelsOptions.parse({
      desk: {
        kind: 'webhook',
        url: `${far.origin}/notices?from=gw-1`,
        feedbackUrl: `${far.origin}${setup.feedbackPath ?? '/feedback'}`,
        secretFile: 'station.secret',
        timeout: '500ms',
        ...setup.options,
      },
    }),
    {
      baseDir: folder,
      source: '/community/nb-0231/gateway/gw-1',
      timeZone: 'Asia/Shanghai',
      recipients: [
        { id: 'station' as RecipientId, name: '派出所', role: 'station', grid: null, channel: 'desk' },
        { id: 'property' as RecipientId, name: '物业', role: 'community', grid: null, channel: 'desk' },
      ],
      evidence: setup.evidence ?? { read: () => Promise.resolve(null) },
      refused: (_channel, reason, subject) => refused.push(`${reason} ${subject}`),
      clock: setup.clock ?? systemClock,
      random: systemRandom,
      logger: createLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } }),
    },
  );
  const channel = channels.byId.get('desk');
  if (!channel) throw new Error('the channel was not opened');
  return {
    channel,
    far,
    refused,
    items: far.items,
    behave: (behaviour) => far.behave(behaviour),
    answer: (item) => far.answer(item),
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    close: async () => {
      channels.close();
      await far.close();
      rmSync(folder, { recursive: true });
    },
  };
}
