import type { Migration } from '../../lib/database/index.ts';

export const digestTables: Migration = {
  version: 4,
  name: 'notices that wait for the daily digest, proposed changes of rules',
  sql: `
-- delivery is null while the notice waits; of one alert and recipient only the newest waits.
CREATE TABLE digest_items (
  notice TEXT PRIMARY KEY,
  alert_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  body TEXT NOT NULL,
  delivery TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX digest_items_waiting ON digest_items (alert_id, recipient) WHERE delivery IS NULL;
CREATE INDEX digest_items_due ON digest_items (due_at) WHERE delivery IS NULL;
CREATE INDEX digest_items_sent ON digest_items (alert_id) WHERE delivery IS NOT NULL;

CREATE TABLE proposals (
  id TEXT PRIMARY KEY,
  alert_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX proposals_of_alert ON proposals (alert_id);
CREATE INDEX proposals_newest ON proposals (made_at, id);
`,
};
