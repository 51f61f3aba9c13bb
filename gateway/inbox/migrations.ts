import type { Migration } from '../lib/database/index.ts';

/**
 * Tables of desk.sqlite. Times are epoch milliseconds.
 * `alert` holds the newest version told and what this desk has answered; `notice` every version in the order received.
 */
export const inboxMigrations: readonly Migration[] = [
  {
    version: 1,
    name: 'inbox',
    sql: `
CREATE TABLE alert (
  id TEXT PRIMARY KEY,
  gateway TEXT NOT NULL,
  -- rises with every write; a writer names the one it has read, and loses if another came first
  revision INTEGER NOT NULL,
  -- newest version told, when the gateway made it, and its data without the bytes of its evidence
  version INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  data TEXT NOT NULL,
  -- when a version first told that it has ended
  told_ended_at INTEGER,
  tier TEXT NOT NULL,
  tier_rank INTEGER NOT NULL,
  kind TEXT NOT NULL,
  -- how it stands: what was told, and on top of it the answers given here that the gateway does not know of yet
  state TEXT NOT NULL,
  owner TEXT,
  acknowledged_at INTEGER,
  ended_at INTEGER,
  open INTEGER NOT NULL,
  occurred_at INTEGER NOT NULL,
  raised_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL
);
CREATE INDEX alert_open ON alert (tier_rank, occurred_at, id) WHERE open = 1;
CREATE INDEX alert_open_gateway ON alert (gateway) WHERE open = 1;
CREATE INDEX alert_received ON alert (received_at, id);
CREATE INDEX alert_tier_received ON alert (tier, received_at, id);

CREATE TABLE notice (
  gateway TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  alert_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  change TEXT NOT NULL,
  tier TEXT NOT NULL,
  news_kind TEXT NOT NULL,
  news_by TEXT NOT NULL,
  news_at INTEGER NOT NULL,
  news_text TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  -- 1 where the alert entered the inbox as new with this delivery
  entered INTEGER NOT NULL,
  PRIMARY KEY (gateway, delivery_id)
) WITHOUT ROWID;
CREATE INDEX notice_alert ON notice (alert_id, version);

CREATE TABLE evidence (
  position INTEGER PRIMARY KEY,
  alert_id TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  media_type TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  captured_at INTEGER,
  camera TEXT,
  url TEXT,
  -- 0 not here, 1 damaged on the way, 2 kept as a file
  arrived INTEGER NOT NULL,
  UNIQUE (alert_id, id)
);

-- Answers on their way to the gateway. sequence is the cursor of its poll.
CREATE TABLE feedback (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  gateway TEXT NOT NULL,
  alert_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  by_name TEXT NOT NULL,
  at INTEGER NOT NULL,
  text TEXT NOT NULL,
  outcome TEXT,
  sent_at INTEGER,
  received_at INTEGER
);
CREATE INDEX feedback_waiting ON feedback (gateway, sequence) WHERE received_at IS NULL;
CREATE INDEX feedback_alert ON feedback (alert_id, sequence);

-- What a gateway sent that this version has nothing to show for.
CREATE TABLE unread (
  gateway TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  type TEXT NOT NULL,
  body BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (gateway, delivery_id)
);
CREATE INDEX unread_received ON unread (received_at);

CREATE TABLE gateway_word (
  gateway TEXT PRIMARY KEY,
  last_heard_at INTEGER NOT NULL,
  last_notice_at INTEGER
);

CREATE TABLE user (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE TABLE session (
  token_sha256 TEXT PRIMARY KEY,
  user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
`,
  },
  {
    version: 2,
    name: 'marks of answers',
    sql: `
-- What an answer says beyond its kind (steady, handed-over, unsolved), and to whom it is transferred or handed over.
ALTER TABLE feedback ADD COLUMN mark TEXT;
ALTER TABLE feedback ADD COLUMN to_name TEXT;
`,
  },
];
