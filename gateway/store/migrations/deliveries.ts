import type { Migration } from '../../lib/database/index.ts';

export const deliveryTries: Migration = {
  version: 6,
  name: 'what came of the last tries of a delivery; deliveries by recipient',
  sql: `
-- JSON, oldest first: [{"at","state","result"}]; null in rows of before.
ALTER TABLE deliveries ADD COLUMN tries TEXT;
CREATE INDEX deliveries_newest ON deliveries (created_at, id) WHERE item <> 'canary';
CREATE INDEX deliveries_of_state ON deliveries (state, created_at, id) WHERE item <> 'canary';
CREATE INDEX deliveries_of_recipient ON deliveries (recipient, created_at, id) WHERE item <> 'canary';
`,
};
