import type { Migration } from '../../lib/database/index.ts';

export const peopleTables: Migration = {
  version: 3,
  name: 'devices, quarantine, users, web sessions, audit',
  sql: `
CREATE TABLE devices (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Rises whenever devices come, go or get a new password, by whatever process: asked every second.
CREATE TABLE devices_version (only_row INTEGER PRIMARY KEY CHECK (only_row = 0), version INTEGER NOT NULL) STRICT;
INSERT INTO devices_version VALUES (0, 0);
CREATE TRIGGER devices_added AFTER INSERT ON devices BEGIN UPDATE devices_version SET version = version + 1; END;
CREATE TRIGGER devices_changed AFTER UPDATE ON devices BEGIN UPDATE devices_version SET version = version + 1; END;
CREATE TRIGGER devices_removed AFTER DELETE ON devices BEGIN UPDATE devices_version SET version = version + 1; END;
CREATE TABLE device_status (
  device TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  last_heard_at INTEGER,
  last_fault TEXT,
  last_fault_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL,
  topic TEXT NOT NULL,
  payload BLOB NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_newest ON quarantine (at, seq);
CREATE INDEX quarantine_of_device ON quarantine (device, at, seq);
-- Bounded: a device that sends nothing but rubbish fills no disk.
CREATE TRIGGER quarantine_bound AFTER INSERT ON quarantine
BEGIN
  DELETE FROM quarantine WHERE seq <= new.seq - 10000;
END;

CREATE TABLE users (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE web_sessions (
  token_sha256 TEXT PRIMARY KEY, user TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX web_sessions_of_user ON web_sessions (user);
CREATE INDEX web_sessions_expiry ON web_sessions (expires_at);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_newest ON audit (at, seq);
`,
};
