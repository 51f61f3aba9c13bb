import type { Migration } from '../../lib/database/index.ts';

export const digestsInOrder: Migration = {
  version: 7,
  name: "a recipient's digests leave in order",
  sql: `
DROP INDEX deliveries_alone;
CREATE INDEX deliveries_alone ON deliveries (channel, tier_rank, sequence, attempts, next_attempt_at)
  WHERE state = 'pending' AND alert_id IS NULL AND item <> 'digest';
CREATE INDEX deliveries_digests ON deliveries (channel, recipient, sequence) WHERE state = 'pending' AND item = 'digest';
`,
};
