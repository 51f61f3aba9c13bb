import type { Delivery } from '../domain/alert.ts';
import type { EpochMs } from '../lib/clock.ts';

/** A stored value as JSON: what this program wrote is not checked again when it is read. */
export interface BodyRow {
  readonly body: string;
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names what its table holds
export function fromBody<Value>(row: BodyRow): Value {
  return JSON.parse(row.body) as Value;
}

export type DeliveryRow = Omit<Delivery, 'data'> & { readonly data: string };

export const deliveryColumns = `id, item, notice, alert_id AS alertId, recipient, channel, tier, sequence, type, data,
  created_at AS createdAt, state, attempts, next_attempt_at AS nextAttemptAt, last_error AS lastError,
  delivered_at AS deliveredAt`;

export function deliveryOf(row: DeliveryRow): Delivery {
  return { ...row, data: JSON.parse(row.data) as Delivery['data'] };
}

/** Keyset position: rows strictly after this one, newest first. */
export interface Cursor {
  readonly at: EpochMs;
  readonly id: string;
}

export interface PageQuery {
  /** Null for the newest. */
  readonly before: Cursor | null;
  readonly limit: number;
}
