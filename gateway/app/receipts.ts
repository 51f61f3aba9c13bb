/** Who has received what: told in each notice as it stood then, and afterwards, with canaries, as it has become. */
import type { GatewayConfiguration } from '../config/index.ts';
import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertId, RecipientId } from '../domain/ids.ts';
import type { CanaryData, NoticeReceipt } from '../domain/notice.ts';
import { rfc3339 } from '../lib/local-time.ts';
import type { Store } from '../store/index.ts';

/** Alerts in one canary: some 40 kB with five recipients each. The others come with the next. */
const toldAtOnce = 50;

type Configured = Pick<GatewayConfiguration, 'recipients' | 'alerts'>;

/** The latest that each recipient was sent, in the order of the configuration; what is `sending` counts as arrived. */
export function receiptsOf(
  deliveries: readonly Delivery[],
  { recipients, alerts }: Configured,
  sending: Pick<Delivery, 'id'> | null = null,
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
    const state = delivery.id === sending?.id ? ('delivered' as const) : delivery.state;
    return [{ name, role, channel, state, at: deliveredAt === null ? null : rfc3339(deliveredAt, alerts.timeZone) }];
  });
}

export interface LateReceipts {
  /** A delivery was received. */
  received(delivery: Delivery): void;
  /** A commit was stored: a dead letter may be in it. */
  stored(changes: readonly Change[]): void;
  /** What a canary to this station brings along; `told` when it has arrived. Null: nothing new. */
  news(
    recipient: RecipientId,
  ): { readonly receipts: NonNullable<CanaryData['receipts']>; readonly told: () => void } | null;
}

/**
 * A notice tells who had received the alert when it was sent; a recipient whose line was away receives it later, and no notice
 * follows. So what was settled since goes along with the next canary to each station, once a minute, until one has arrived.
 * In memory: alerts, not receipts, which stand in the store.
 */
export function createLateReceipts(given: {
  readonly configuration: Configured;
  readonly store: Pick<Store, 'delivery' | 'deliveries' | 'openAlerts'>;
}): LateReceipts {
  const { configuration, store } = given;
  /** Of each station: alerts with something new, and how often that has changed. */
  const owed = new Map<RecipientId, Map<AlertId, number>>();
  const owedTo = (station: RecipientId): Map<AlertId, number> => {
    const known = owed.get(station);
    if (known) return known;
    const made = new Map<AlertId, number>();
    owed.set(station, made);
    return made;
  };
  const note = (alertId: AlertId, from: RecipientId | null): void => {
    // Looked up each time: recipients may change while the gateway runs.
    for (const { id, role } of configuration.recipients)
      if (role === 'station' && id !== from) owedTo(id).set(alertId, (owedTo(id).get(alertId) ?? 0) + 1);
  };
  const settled = (delivery: Delivery | undefined): void => {
    if (delivery?.item === 'notice' && delivery.alertId !== null) note(delivery.alertId, delivery.recipient);
  };
  let begun = false;

  return {
    received: settled,
    stored: (changes) => {
      for (const change of changes)
        if (change.kind === 'delivery-tried' && change.state === 'dead') settled(store.delivery(change.id));
    },
    news: (recipient) => {
      // After a start it is not known what was told: everything that is open is told once more.
      if (!begun) for (const { id } of store.openAlerts()) note(id, null);
      begun = true;
      const alerts = owedTo(recipient);
      if (alerts.size === 0) return null;
      const chosen = [...alerts].slice(0, toldAtOnce);
      return {
        receipts: chosen.flatMap(([alertId]) => {
          const deliveries = store.deliveries(alertId);
          // What this station was never told of is not its business.
          return deliveries.some((delivery) => delivery.recipient === recipient)
            ? [{ alertId, receipts: receiptsOf(deliveries, configuration) }]
            : [];
        }),
        told: () => {
          for (const [alertId, count] of chosen) if (alerts.get(alertId) === count) alerts.delete(alertId);
        },
      };
    },
  };
}
