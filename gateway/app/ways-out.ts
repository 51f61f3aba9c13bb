/**
 * Opens the channels with what they ask of the rest: pictures, cameras, the audit log, the list of watched plates; and takes
 * over what was changed of them and of the recipients while the gateway runs (`kanmen pair`).
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openChannel, type Channels, type ChannelsSetup, type OpenChannel, type WatchList } from '../channels/index.ts';
import type { GatewayConfiguration } from '../config/index.ts';
import type { Channel } from '../domain/delivery.ts';
import type { Commit } from '../domain/change.ts';
import type { DeliveryId, EvidenceId } from '../domain/ids.ts';
import type { Evidence } from '../evidence/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Perception } from '../perceive/index.ts';
import type { Store } from '../store/index.ts';
import { receiptsOf } from './receipts.ts';
import type { Sharing } from './sharing.ts';
import { createSwitchableChannel, type SwitchableChannel } from './switchable-channel.ts';

type Settings = Pick<GatewayConfiguration, 'channels' | 'recipients'>;

/** What a change of the configuration came to; ids of channels. */
export interface WaysTaken {
  readonly added: readonly string[];
  readonly renewed: readonly string[];
  /** Not in the configuration any more: what waits for them still goes there, until the gateway is started anew. */
  readonly removed: readonly string[];
}

export interface WaysOut extends Channels {
  /**
   * Takes recipients and channels as they stand in the configuration now: new ones are opened, and those whose settings have
   * changed or whose key has (`newKeys`). All or nothing: GatewayError `config.secret-missing` leaves everything as it was.
   */
  take(next: Settings, newKeys: readonly string[]): Promise<WaysTaken>;
  /** Called for each channel that was not there before. */
  onAdded(listener: (channel: Channel) => void): void;
}

/**
 * The parts of the configuration that may change while the gateway runs. Everybody who asks for recipients or channels looks
 * into these two, and only `WaysOut.take` writes them, both in one turn.
 */
export const changeable = <Configuration extends Settings>(configuration: Configuration): Configuration => ({
  ...configuration,
  recipients: [...configuration.recipients],
  channels: { ...configuration.channels },
});

/** `configuration`: as `changeable` gives it. Throws what `openChannel` throws. */
export async function openWaysOut(given: {
  readonly configuration: GatewayConfiguration;
  readonly store: Pick<Store, 'deliveries' | 'evidenceRow' | 'receipts'>;
  readonly evidence: Pick<Evidence, 'read'>;
  readonly perception: Pick<Perception, 'cameras'>;
  readonly watchList: WatchList;
  readonly sharing: Sharing;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Promise<WaysOut> {
  const { configuration, store, evidence, sharing, commit, clock } = given;
  const { site, gateway, dataDir } = configuration;
  const picture = async (id: EvidenceId, unblurred: boolean) => {
    const row = store.evidenceRow(id);
    return row?.mediaKind === 'picture' ? { jpeg: await evidence.read(row, { unblurred }) } : null;
  };
  const audit = (action: string, subject: string): Promise<void> =>
    commit([{ kind: 'audited', at: clock.now(), by: 'gateway', action, subject }]);
  const setup = (recipients: Settings['recipients']): ChannelsSetup => ({
    ...{ clock, random: given.random, logger: given.logger, audit, watchList: given.watchList },
    refused: (channel, reason, subject) => sharing.refusals.note(`answer ${channel}`, reason, channel, subject),
    receipts: (channel) => ({
      ...store.receipts(channel),
      confirm: (number) => commit([{ kind: 'receipts-confirmed', channel, number }]),
      lost: (ids) =>
        commit(
          ids.map((id) => ({
            kind: 'delivery-lost',
            id: id as DeliveryId,
            at: clock.now(),
            why: 'the far side has lost it: sent again',
          })),
        ),
    }),
    recipients,
    baseDir: dataDir,
    stateDir: join(dataDir, 'channels'),
    source: `/community/${site.id}/gateway/${gateway.id}`,
    timeZone: configuration.alerts.timeZone,
    cameras: () =>
      given.perception.cameras().map(({ id, name, state }) => ({ id, name, connected: state === 'connected' })),
    evidence: {
      read: (id) => picture(id, false),
      readOpen: async (id, why) => {
        const found = await picture(id, true);
        // Written before it leaves: a picture that nobody can account for is not handed over.
        if (found) await audit('evidence.unblurred', `${id} ${why}`);
        return found;
      },
      share: (piece, delivery) => sharing.share(store.evidenceRow(piece.id as EvidenceId), evidence, delivery),
      inlineUpToBytes: (recipient) => sharing.inlineUpToBytes(recipient),
      told: (sent) => (sent.alertId === null ? [] : receiptsOf(store.deliveries(sent.alertId), configuration, sent)),
    },
  });
  const ways = new Map<string, SwitchableChannel>();
  const byId = new Map<string, Channel>();
  const listeners: ((channel: Channel) => void)[] = [];
  const closeAll = (opened: ReadonlyMap<string, OpenChannel>): void => opened.forEach((channel) => channel.close());

  /** Those of them that are named; none is left open when one cannot be. */
  async function openSome(settings: Settings, ids: readonly string[]): Promise<Map<string, OpenChannel>> {
    const opened = new Map<string, OpenChannel>();
    try {
      for (const id of ids) {
        const own = settings.channels[id];
        if (own) opened.set(id, await openChannel(id, own, setup(settings.recipients)));
      }
      return opened;
    } catch (error) {
      closeAll(opened);
      throw error;
    }
  }
  const add = (id: string, opened: OpenChannel): Channel => {
    const way = createSwitchableChannel(opened);
    ways.set(id, way);
    byId.set(id, way.channel);
    return way.channel;
  };

  for (const [id, opened] of await openSome(configuration, Object.keys(configuration.channels))) add(id, opened);

  return {
    byId,
    close: () => ways.forEach((way) => way.close()),
    onAdded: (listener) => {
      listeners.push(listener);
    },
    take: async (next, newKeys) => {
      const ids = Object.keys(next.channels);
      const added = ids.filter((id) => !ways.has(id));
      const renewed = ids.filter(
        (id) =>
          ways.has(id) && (newKeys.includes(id) || !isDeepStrictEqual(next.channels[id], configuration.channels[id])),
      );
      const removed = [...ways.keys()].filter((id) => next.channels[id] === undefined);
      const opened = await openSome(next, [...added, ...renewed]);
      // From here on nothing fails, and nobody sees half of it.
      configuration.recipients.splice(0, configuration.recipients.length, ...next.recipients);
      Object.assign(configuration.channels, next.channels);
      for (const [id, channel] of opened) {
        const way = ways.get(id);
        if (way) {
          way.take(channel);
          continue;
        }
        const one = add(id, channel);
        for (const tell of listeners) tell(one);
      }
      return { added, renewed, removed };
    },
  };
}
