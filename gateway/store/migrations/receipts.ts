import type { Migration } from '../../lib/database/index.ts';

export const receiptNumbers: Migration = {
  version: 8,
  name: 'receipts in the order in which they came',
  sql: `
-- What a far side that was restored from a backup may have lost. What was received before has the order of its making.
ALTER TABLE deliveries ADD COLUMN receipt_number INTEGER;
UPDATE deliveries SET receipt_number = sequence WHERE state = 'delivered' AND item IN ('notice', 'digest');
DROP INDEX deliveries_received;
CREATE INDEX deliveries_receipts ON deliveries (channel, receipt_number) WHERE receipt_number IS NOT NULL;
`,
};
