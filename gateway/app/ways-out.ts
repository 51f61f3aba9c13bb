/** Opens the channels with what they ask of the rest: pictures, cameras, the audit log, the list of watched plates. */
import { join } from 'node:path';
import { openChannels, type Channels, type WatchList } from '../channels/index.ts';
import type { GatewayConfiguration } from '../config/index.ts';
import type { Delivery } from '../domain/alert.ts';
import type { Commit } from '../domain/change.ts';
import type { DeliveryId, EvidenceId } from '../domain/ids.ts';
import type { NoticeReceipt } from '../domain/notice.ts';
import type { Evidence } from '../evidence/index.ts';
import type { Clock } from '../lib/clock.ts';
import { rfc3339 } from '../lib/local-time.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { Perception } from '../perceive/index.ts';
import type { Store } from '../store/index.ts';
import type { Sharing } from './sharing.ts';

/** Throws what `openChannels` throws. */
export function openWaysOut(given: {
  readonly configuration: GatewayConfiguration;
  readonly store: Pick<Store, 'deliveries' | 'evidenceRow' | 'receivedBy'>;
  readonly evidence: Pick<Evidence, 'read'>;
  readonly perception: Pick<Perception, 'cameras'>;
  readonly watchList: WatchList;
  readonly sharing: Sharing;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Promise<Channels> {
  const { configuration, store, evidence, sharing, commit, clock } = given;
  const { site, gateway, dataDir } = configuration;
  const picture = async (id: EvidenceId, unblurred: boolean) => {
    const row = store.evidenceRow(id);
    return row?.mediaKind === 'picture' ? { jpeg: await evidence.read(row, { unblurred }) } : null;
  };
  const audit = (action: string, subject: string): Promise<void> =>
    commit([{ kind: 'audited', at: clock.now(), by: 'gateway', action, subject }]);
  return openChannels(configuration.channels, {
    ...{ clock, random: given.random, logger: given.logger, audit, watchList: given.watchList },
    refused: (channel, reason, subject) => sharing.refusals.note(`answer ${channel}`, reason, channel, subject),
    receipts: (channel) => ({
      latest: (limit) => store.receivedBy(channel, limit),
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
    recipients: configuration.recipients,
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
      told: (sent) => (sent.alertId === null ? [] : receiptsOf(store.deliveries(sent.alertId), sent, configuration)),
    },
  });
}

/** The latest that each recipient was sent, in the order of the configuration. */
function receiptsOf(
  deliveries: readonly Delivery[],
  sent: Pick<Delivery, 'id'>,
  { recipients, alerts }: Pick<GatewayConfiguration, 'recipients' | 'alerts'>,
): NoticeReceipt[] {
  const latest = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    const known = latest.get(delivery.recipient);
    if (!known || known.sequence < delivery.sequence) latest.set(delivery.recipient, delivery);
  }
  return recipients.flatMap(({ id, name, role }) => {
    const delivery = latest.get(id);
    if (!delivery) return [];
    const { channel, deliveredAt } = delivery;
    const state = delivery.id === sent.id ? ('delivered' as const) : delivery.state;
    return [{ name, role, channel, state, at: deliveredAt === null ? null : rfc3339(deliveredAt, alerts.timeZone) }];
  });
}
