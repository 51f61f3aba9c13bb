import type { Migration } from '../../lib/database/index.ts';

export const outboxIndexes: Migration = {
  version: 5,
  name: 'indexes for long queues and for what was received',
  sql: `
-- Passages and canaries stand alone: read in the order in which they leave, however many wait.
CREATE INDEX deliveries_alone ON deliveries (channel, tier_rank, sequence, attempts, next_attempt_at)
  WHERE state = 'pending' AND alert_id IS NULL;
-- What a far side that was restored from a backup may have lost.
CREATE INDEX deliveries_received ON deliveries (channel, sequence)
  WHERE state = 'delivered' AND item IN ('notice', 'digest');
`,
};
