import type { Migration } from '../../lib/database/index.ts';

export const alertTables: Migration = {
  version: 2,
  name: 'alerts with their notices, deliveries and answers, evidence',
  sql: `
CREATE TABLE alerts (
  id TEXT PRIMARY KEY,
  tier TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  ended INTEGER NOT NULL,
  area TEXT,
  raised_at INTEGER NOT NULL,
  closed_at INTEGER,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_newest ON alerts (raised_at, id);
CREATE INDEX alerts_by_end ON alerts (ended, raised_at, id);
CREATE INDEX alerts_by_tier ON alerts (tier, raised_at, id);
CREATE INDEX alerts_by_kind ON alerts (kind, raised_at, id);
CREATE INDEX alerts_of_area ON alerts (area, raised_at, id);

CREATE TABLE transitions (
  seq INTEGER PRIMARY KEY,
  alert_id TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX transitions_of_alert ON transitions (alert_id, seq);

CREATE TABLE feedback (
  id TEXT PRIMARY KEY,
  alert_id TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX feedback_of_alert ON feedback (alert_id, received_at, id);

CREATE TABLE notices (
  id TEXT PRIMARY KEY,
  alert_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX notices_of_alert ON notices (alert_id, created_at, id);

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  item TEXT NOT NULL,
  notice TEXT,
  alert_id TEXT,
  recipient TEXT NOT NULL,
  channel TEXT NOT NULL,
  tier TEXT NOT NULL,
  tier_rank INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  last_error TEXT,
  receipt TEXT,
  delivered_at INTEGER
) STRICT;
CREATE INDEX deliveries_of_alert ON deliveries (alert_id, sequence);
CREATE INDEX deliveries_sequence ON deliveries (sequence);
CREATE INDEX deliveries_state ON deliveries (state, created_at);
CREATE INDEX deliveries_pending ON deliveries
  (channel, alert_id, recipient, sequence, id, attempts, next_attempt_at, tier_rank) WHERE state = 'pending';

CREATE TABLE evidence (
  id TEXT PRIMARY KEY,
  alert_id TEXT,
  camera TEXT NOT NULL,
  media_kind TEXT NOT NULL,
  captured_at INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  path TEXT NOT NULL,
  faces TEXT NOT NULL,
  has_faces INTEGER NOT NULL
) STRICT;
CREATE INDEX evidence_of_alert ON evidence (alert_id, id) WHERE alert_id IS NOT NULL;
CREATE INDEX evidence_loose ON evidence (has_faces, captured_at) WHERE alert_id IS NULL;
`,
};
