import type { DeskMigration } from './migrations.ts';

/** In SQLite any integer type is 64 bits wide; only a key that counts by itself is written differently. */
const tables = (counter: string, bytes: string): string => `
-- Of an alert: where it is, what has become of its deadlines, and whether this desk raised it itself.
ALTER TABLE alert ADD COLUMN own BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN area_id TEXT;
ALTER TABLE alert ADD COLUMN grid_id TEXT;
ALTER TABLE alert ADD COLUMN grid_name TEXT;
ALTER TABLE alert ADD COLUMN source TEXT;
ALTER TABLE alert ADD COLUMN deadline BIGINT;
ALTER TABLE alert ADD COLUMN acknowledge_by BIGINT;
ALTER TABLE alert ADD COLUMN outcome_by BIGINT;
ALTER TABLE alert ADD COLUMN first_acknowledged_at BIGINT;
ALTER TABLE alert ADD COLUMN first_resolved_at BIGINT;
ALTER TABLE alert ADD COLUMN outcome TEXT;
ALTER TABLE alert ADD COLUMN transferred_to TEXT;
ALTER TABLE alert ADD COLUMN escalation BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alert_raised ON alert (raised_at);
CREATE INDEX alert_gateway_received ON alert (gateway, received_at, id);
CREATE INDEX alert_area ON alert (gateway, area_id, occurred_at);
CREATE INDEX alert_ended ON alert (ended_at) WHERE open = 0;

-- When bytes that were only named are fetched next, and how often that was tried.
ALTER TABLE evidence ADD COLUMN fetch_at BIGINT;
ALTER TABLE evidence ADD COLUMN fetch_tries BIGINT NOT NULL DEFAULT 0;
CREATE INDEX evidence_fetch ON evidence (fetch_at) WHERE fetch_at IS NOT NULL;
CREATE INDEX evidence_sha256 ON evidence (sha256);

-- Passages that gateways share with the station.
CREATE TABLE passage (
  gateway TEXT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  camera TEXT NOT NULL,
  place TEXT NOT NULL,
  direction TEXT NOT NULL,
  subject TEXT NOT NULL,
  plate TEXT,
  plate_color TEXT,
  plate_kind TEXT,
  accepted BIGINT NOT NULL DEFAULT 0,
  watch_title TEXT,
  watch_match TEXT,
  PRIMARY KEY (gateway, id)
);
CREATE INDEX passage_at ON passage (at);
CREATE INDEX passage_gateway_at ON passage (gateway, at);
-- Deliveries that were stored elsewhere than in notice and unread: a repeat is known by them.
CREATE TABLE delivery (
  gateway TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (gateway, delivery_id)
);
CREATE INDEX delivery_received ON delivery (received_at);

-- What can be searched, in the order it came; entry_text finds it by its words.
CREATE TABLE entry (
  number ${counter},
  kind TEXT NOT NULL,
  ref TEXT NOT NULL,
  gateway TEXT NOT NULL,
  alert_id TEXT,
  by_name TEXT,
  text TEXT NOT NULL,
  at BIGINT NOT NULL,
  UNIQUE (kind, ref)
);
CREATE INDEX entry_alert ON entry (alert_id);
CREATE INDEX entry_at ON entry (at);

-- People: their gateways as JSON (null: all), second factor sealed under the desk's key.
ALTER TABLE "user" ADD COLUMN gateways TEXT;
ALTER TABLE "user" ADD COLUMN totp TEXT;
ALTER TABLE "user" ADD COLUMN totp_offer TEXT;
ALTER TABLE "user" ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "user" ADD COLUMN last_login_at BIGINT;
UPDATE "user" SET role = 'duty' WHERE role = 'manager';
CREATE TABLE recovery_code (
  "user" TEXT NOT NULL REFERENCES "user" (name) ON DELETE CASCADE,
  sha256 TEXT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY ("user", sha256)
);
CREATE TABLE push_subscription (
  endpoint TEXT PRIMARY KEY,
  "user" TEXT NOT NULL REFERENCES "user" (name) ON DELETE CASCADE,
  p256dh TEXT NOT NULL,
  auth TEXT NOT NULL,
  tiers TEXT NOT NULL,
  language TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  failures BIGINT NOT NULL DEFAULT 0
);

-- Gateways: those that joined by a code, and what was changed of those in desk.yaml.
CREATE TABLE gateway (
  id TEXT PRIMARY KEY,
  name TEXT,
  joined_at BIGINT,
  keys_changed_at BIGINT,
  revoked_at BIGINT,
  changed_at BIGINT NOT NULL
);
CREATE TABLE gateway_key (
  id TEXT PRIMARY KEY,
  gateway TEXT NOT NULL,
  sealed TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  valid_until BIGINT
);
CREATE TABLE invite (
  invite TEXT PRIMARY KEY,
  gateway TEXT NOT NULL,
  name TEXT NOT NULL,
  sealed TEXT NOT NULL,
  by_name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  tries BIGINT NOT NULL DEFAULT 0,
  used_at BIGINT,
  cancelled_at BIGINT
);
ALTER TABLE gateway_word ADD COLUMN last_canary_at BIGINT;
ALTER TABLE gateway_word ADD COLUMN said TEXT;
ALTER TABLE gateway_word ADD COLUMN said_at BIGINT;

CREATE TABLE plan (
  gateway TEXT PRIMARY KEY,
  media_type TEXT,
  width_px BIGINT,
  height_px BIGINT,
  bytes ${bytes},
  changed_at BIGINT NOT NULL,
  points TEXT NOT NULL
);

CREATE TABLE duty (
  id TEXT PRIMARY KEY,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  people TEXT NOT NULL,
  leader TEXT,
  note TEXT NOT NULL
);
CREATE INDEX duty_ends ON duty (ends_at);
CREATE TABLE handover (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  from_name TEXT NOT NULL,
  to_name TEXT NOT NULL,
  note TEXT NOT NULL,
  open_count BIGINT NOT NULL,
  unanswered_count BIGINT NOT NULL
);
CREATE INDEX handover_at ON handover (at, id);

CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE audit (
  seq ${counter},
  at BIGINT NOT NULL,
  by_name TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
`;

export const stationMigration: DeskMigration = {
  version: 3,
  name: 'station: people, pairing, shift, search, push, audit',
  sqlite: `${tables('INTEGER PRIMARY KEY AUTOINCREMENT', 'BLOB')}
CREATE VIRTUAL TABLE entry_text USING fts5(body, tokenize = "unicode61 remove_diacritics 0");
UPDATE alert SET area_id = json_extract(data, '$.place.area.id'), grid_id = json_extract(data, '$.place.grid.id'),
  grid_name = json_extract(data, '$.place.grid.name'), source = json_extract(data, '$.source'),
  escalation = coalesce(json_extract(data, '$.escalation'), 0), first_acknowledged_at = acknowledged_at,
  first_resolved_at = CASE WHEN open = 0 THEN ended_at END,
  outcome = CASE WHEN state = 'false-alarm' THEN 'false-alarm' END;
`,
  postgres: `${tables('BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY', 'BYTEA')}
CREATE TABLE entry_text (number BIGINT PRIMARY KEY REFERENCES entry (number) ON DELETE CASCADE, body TSVECTOR NOT NULL);
CREATE INDEX entry_text_body ON entry_text USING gin (body);
-- SQLite's connections have this function; hash chains are made in SQL, where alone it is known which row is the last.
CREATE FUNCTION sha256(text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT encode(pg_catalog.sha256(convert_to($1, 'UTF8')), 'hex') $$;
`,
};
