import type { Migration } from '../../lib/database/index.ts';
import { alertTables } from './alerts.ts';
import { deliveryTries } from './deliveries.ts';
import { digestTables } from './digest.ts';
import { digestsInOrder } from './digests-in-order.ts';
import { eventTables } from './events.ts';
import { outboxIndexes } from './outbox.ts';
import { peopleTables } from './people.ts';
import { receiptNumbers } from './receipts.ts';

/** In order; what was ever released is never changed, only followed by another. */
export const migrations: readonly Migration[] = [
  eventTables,
  alertTables,
  peopleTables,
  digestTables,
  outboxIndexes,
  deliveryTries,
  digestsInOrder,
  receiptNumbers,
];
