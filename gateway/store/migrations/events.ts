import type { Migration } from '../../lib/database/index.ts';

/**
 * `events` only ever grows at its end: any index in another order than arrival costs a page of WAL an event (8 µs of CPU
 * each, measured with 2 200 devices; the whole insert costs 10). So readings have no index by device, times are found by
 * bisection over `seq`, and the ids by which repeats are known are moved to `message_keys` in sorted batches.
 */
export const eventTables: Migration = {
  version: 1,
  name: 'events, passages, charging sessions, rule state',
  sql: `
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  source TEXT,
  reading INTEGER NOT NULL,
  message_hash TEXT,
  body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_id ON events (id);
CREATE INDEX events_of_source ON events (source, at, id) WHERE reading = 0;

CREATE TABLE message_keys (hash TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- How far a walk along a table has come.
CREATE TABLE positions (name TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE passages (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  camera TEXT NOT NULL,
  subject TEXT NOT NULL,
  direction TEXT NOT NULL,
  plate TEXT,
  evidence TEXT,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX passages_newest ON passages (at, id);
-- The columns behind the order are for filters: without them each row that does not fit is fetched to learn that.
CREATE INDEX passages_of_camera ON passages (camera, at, id, subject, direction, plate);
CREATE INDEX passages_of_subject ON passages (subject, at, id, direction, plate);
CREATE INDEX passages_of_direction ON passages (direction, at, id, plate);
CREATE INDEX passages_of_plate ON passages (plate, at, id) WHERE plate IS NOT NULL;
CREATE INDEX passages_received ON passages (received_at, id);
-- Every plate once, to look for a part of one without reading every passage.
CREATE TABLE plates (plate TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  device TEXT NOT NULL,
  port INTEGER NOT NULL,
  area TEXT,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  running INTEGER NOT NULL GENERATED ALWAYS AS (ended_at IS NULL) STORED,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_newest ON sessions (started_at, id);
CREATE INDEX sessions_of_device ON sessions (device, started_at, id);
CREATE INDEX sessions_of_area ON sessions (area, started_at, id, running);
CREATE INDEX sessions_running ON sessions (started_at, id) WHERE running = 1;

CREATE TABLE rule_state (
  rule TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (rule, key)
) STRICT, WITHOUT ROWID;
`,
};
