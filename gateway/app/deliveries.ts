/** What people may do about deliveries: look at them, and have them sent once more. */
import type { Change, Commit } from '../domain/change.ts';
import type { DeliveryId, RecipientId } from '../domain/ids.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Store } from '../store/index.ts';

/** Deliveries in one commit: about 10 ms of the writer's time, so that an alarm does not wait behind a thousand. */
const bite = 200;

export interface ResendRequest {
  readonly by: string;
  readonly which:
    | { readonly kind: 'ids'; readonly ids: readonly DeliveryId[] }
    | {
        readonly kind: 'recipient';
        readonly recipient: RecipientId;
        /** `dead`: dead letters; `delivered`: what was received and has been lost there since. */
        readonly state: 'dead' | 'delivered';
        readonly since: EpochMs | null;
      };
}

export interface DeliveryDesk {
  /** How many are on their way again. Those that wait already, canaries and what is not there are passed over. */
  resend(request: ResendRequest): Promise<number>;
}

export function createDeliveryDesk(given: {
  readonly store: Pick<Store, 'deliveryRecord' | 'deliveriesOfRecipient'>;
  readonly commit: Commit;
  /** Wakes the outbox. */
  readonly wake: () => void;
  readonly clock: Pick<Clock, 'now'>;
}): DeliveryDesk {
  const { store, commit, clock } = given;
  const again = async (
    found: readonly { readonly id: DeliveryId; readonly from: 'dead' | 'delivered' }[],
    by: string,
    subject: string,
  ): Promise<number> => {
    if (found.length === 0) return 0;
    const at = clock.now();
    const changes: Change[] = found.map(({ id, from }) => ({ kind: 'delivery-resent', id, from, at, by }));
    await commit([...changes, { kind: 'audited', at, by, action: 'deliveries-resent', subject }]);
    return found.length;
  };
  return {
    resend: async ({ by, which }) => {
      let count = 0;
      if (which.kind === 'ids') {
        const found = which.ids.flatMap((id) => {
          const record = store.deliveryRecord(id);
          return !record || record.state === 'pending' || record.item === 'canary' ? [] : [{ id, from: record.state }];
        });
        count = await again(found, by, found.map(({ id }) => id).join(' '));
      } else {
        const { recipient, state, since } = which;
        for (let after = -1; ;) {
          const rows = store.deliveriesOfRecipient({ recipient, state, since, after, limit: bite });
          const subject = `${rows.length} ${state} of ${recipient}`;
          count += await again(
            rows.map(({ id }) => ({ id, from: state })),
            by,
            subject,
          );
          const last = rows.at(-1);
          if (!last || rows.length < bite) break;
          after = last.sequence;
        }
      }
      if (count > 0) given.wake();
      return count;
    },
  };
}
