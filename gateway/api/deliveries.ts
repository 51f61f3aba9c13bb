import type { Delivery, DeliveryState } from '../domain/alert.ts';
import type { DeliveryId, RecipientId } from '../domain/ids.ts';
import type { Bilingual } from '../domain/text.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Awaitable, Cursor } from './collaborators.ts';

/** A delivery as people follow it: not what it carries. */
export interface DeliveryRecord extends Omit<Delivery, 'data'> {
  readonly receipt: string | null;
  readonly tries: readonly {
    readonly at: EpochMs;
    readonly state: DeliveryState | 'resent';
    readonly result: string;
  }[];
  readonly title: Bilingual | null;
}

/** Deliveries of the running gateway, and the way to send one again. */
export interface ApiDeliveries {
  /** By (createdAt, id), newest first. */
  page(query: {
    readonly state: DeliveryState | null;
    readonly recipient: RecipientId | null;
    readonly channel: string | null;
    readonly before: Cursor | null;
    readonly limit: number;
  }): Awaitable<readonly DeliveryRecord[]>;
  find(id: DeliveryId): Awaitable<DeliveryRecord | undefined>;
  /** How many are on their way again. */
  resend(request: {
    readonly by: string;
    readonly which:
      | { readonly kind: 'ids'; readonly ids: readonly DeliveryId[] }
      | {
          readonly kind: 'recipient';
          readonly recipient: RecipientId;
          readonly state: 'dead' | 'delivered';
          readonly since: EpochMs | null;
        };
  }): Promise<number>;
}
