import type { EpochMs } from '../lib/clock.ts';
import type { Database, Statement } from '../lib/database/index.ts';
import { auditSweep } from './audit.ts';
import type { Retention } from './options.ts';

/** Rows in one bite: about 10 ms of the writer's time, so that an alarm never waits long behind the sweeper. */
const biteRows = 1000;

export interface SweepResult {
  /** Files of evidence rows that are gone now; the caller deletes them. */
  readonly evidencePaths: readonly string[];
  /** False: there is more that is too old; call again. */
  readonly done: boolean;
}

/** One kind of thing that grows old: finds a bite of it and says how to delete it; null when there is none. */
type Bite = (
  database: Database,
  cutoffMs: number,
) => { statements: Statement[]; paths: string[]; done: boolean } | null;

function positionOf(database: Database, name: string): string | null {
  return database.get<{ position: string }>('SELECT position FROM positions WHERE name = ?', name)?.position ?? null;
}

const setPosition = (name: string, position: string): Statement => ({
  sql: `INSERT INTO positions (name, position) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position`,
  params: [name, position],
});

/** `events` stands in order of arrival: one walk for readings, one for the rest, each from where it last came to. */
const eventsBite =
  (reading: 0 | 1): Bite =>
  (database, cutoffMs) => {
    const name = `sweep-events-${reading}`;
    const from = Number(positionOf(database, name) ?? '0');
    const rows = database.all<{ seq: number; receivedAt: number }>(
      'SELECT seq, received_at AS receivedAt FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
      from,
      biteRows,
    );
    const firstKept = rows.findIndex((row) => row.receivedAt >= cutoffMs);
    const old = firstKept === -1 ? rows : rows.slice(0, firstKept);
    const last = old.at(-1);
    if (!last) return null;
    return {
      statements: [
        { sql: 'DELETE FROM events WHERE seq > ? AND seq <= ? AND reading = ?', params: [from, last.seq, reading] },
        setPosition(name, String(last.seq)),
      ],
      paths: [],
      done: old.length < biteRows,
    };
  };

/** Rows with an id, found oldest first by an index. */
const tableBite =
  (table: string, id: string, age: string, condition = '1'): Bite =>
  (database, cutoffMs) => {
    const ids = database.all<{ id: string | number }>(
      `SELECT ${id} AS id FROM ${table} WHERE ${condition} AND ${age} < ? ORDER BY ${age} LIMIT ?`,
      cutoffMs,
      biteRows,
    );
    if (ids.length === 0) return null;
    return {
      statements: ids.map((row) => ({ sql: `DELETE FROM ${table} WHERE ${id} = ?`, params: [row.id] })),
      paths: [],
      done: ids.length < biteRows,
    };
  };

const passagesBite: Bite = (database, cutoffMs) => {
  const rows = database.all<{ id: string; plate: string | null }>(
    'SELECT id, plate FROM passages WHERE received_at < ? ORDER BY received_at LIMIT ?',
    cutoffMs,
    biteRows,
  );
  if (rows.length === 0) return null;
  const plates = [...new Set(rows.flatMap((row) => row.plate ?? []))];
  return {
    statements: [
      ...rows.map((row) => ({ sql: 'DELETE FROM passages WHERE id = ?', params: [row.id] })),
      ...plates.map((plate) => ({
        sql: 'DELETE FROM plates WHERE plate = ?1 AND NOT EXISTS (SELECT 1 FROM passages WHERE passages.plate = ?1)',
        params: [plate],
      })),
    ],
    paths: [],
    done: rows.length < biteRows,
  };
};

/** Evidence that belongs to no alert; that of an alert goes with it. */
const evidenceBite =
  (hasFaces: 0 | 1): Bite =>
  (database, cutoffMs) => {
    const rows = database.all<{ id: string; path: string }>(
      `SELECT id, path FROM evidence WHERE alert_id IS NULL AND has_faces = ? AND captured_at < ?
       ORDER BY captured_at LIMIT ?`,
      hasFaces,
      cutoffMs,
      biteRows,
    );
    if (rows.length === 0) return null;
    return {
      statements: rows.map((row) => ({ sql: 'DELETE FROM evidence WHERE id = ?', params: [row.id] })),
      paths: rows.map((row) => row.path),
      done: rows.length < biteRows,
    };
  };

const alertsAtOnce = 50;
const ofAlert = [
  'DELETE FROM transitions WHERE alert_id = ?',
  'DELETE FROM feedback WHERE alert_id = ?',
  'DELETE FROM notices WHERE alert_id = ?',
  'DELETE FROM deliveries WHERE alert_id = ?',
  'DELETE FROM evidence WHERE alert_id = ?',
  'DELETE FROM digest_items WHERE alert_id = ?',
  'DELETE FROM proposals WHERE alert_id = ?',
  'DELETE FROM alerts WHERE id = ?',
];

/** Only alerts that have ended, however old the open ones are. */
const alertsBite: Bite = (database, cutoffMs) => {
  const ids = database.all<{ id: string }>(
    'SELECT id FROM alerts WHERE ended = 1 AND raised_at < ?1 AND coalesce(closed_at, raised_at) < ?1 ORDER BY raised_at LIMIT ?2',
    cutoffMs,
    alertsAtOnce,
  );
  if (ids.length === 0) return null;
  return {
    statements: ids.flatMap((row) => ofAlert.map((sql) => ({ sql, params: [row.id] }))),
    paths: ids.flatMap((row) =>
      database
        .all<{ path: string }>('SELECT path FROM evidence WHERE alert_id = ?', row.id)
        .map((evidence) => evidence.path),
    ),
    done: ids.length < alertsAtOnce,
  };
};

const auditBite: Bite = (database, cutoffMs) => {
  const rows = database.all<{ seq: number; at: number }>('SELECT seq, at FROM audit ORDER BY seq LIMIT ?', biteRows);
  const firstKept = rows.findIndex((row) => row.at >= cutoffMs);
  const old = firstKept === -1 ? rows : rows.slice(0, firstKept);
  const last = old.at(-1);
  return last ? { statements: auditSweep(last.seq), paths: [], done: old.length < biteRows } : null;
};

/** A passage whose own record is gone need not be sent any more: it is a dead letter, so a dead line fills no disk. */
const waitingPassagesBite: Bite = (database, cutoffMs) => {
  const rows = database.all<{ id: string }>(
    `SELECT id FROM deliveries WHERE state = 'pending' AND created_at < ? AND item = 'passage' AND alert_id IS NULL
     ORDER BY created_at LIMIT ?`,
    cutoffMs,
    biteRows,
  );
  if (rows.length === 0) return null;
  return {
    statements: rows.map(({ id }) => ({
      sql: `UPDATE deliveries SET state = 'dead', last_error = 'expired: its passage is kept no longer'
            WHERE id = ? AND state = 'pending'`,
      params: [id],
    })),
    paths: [],
    done: rows.length < biteRows,
  };
};

/** How much longer than what was received dead letters can be looked at. */
const deadLongerMs = 7 * 86_400_000;

/** `message_keys` is in order of its hashes, so the walk goes round and round: a bite a sweep, everything in a day. */
const messageKeysBite: Bite = (database, cutoffMs) => {
  const name = 'sweep-message-keys';
  const from = positionOf(database, name) ?? '';
  const to = database.get<{ hash: string }>(
    'SELECT hash FROM message_keys WHERE hash > ? ORDER BY hash LIMIT 1 OFFSET ?',
    from,
    biteRows * 4,
  )?.hash;
  return {
    statements: [
      to === undefined
        ? { sql: 'DELETE FROM message_keys WHERE hash > ? AND at < ?', params: [from, cutoffMs] }
        : { sql: 'DELETE FROM message_keys WHERE hash > ? AND hash <= ? AND at < ?', params: [from, to, cutoffMs] },
      setPosition(name, to ?? ''),
    ],
    paths: [],
    done: true,
  };
};

/** Deletes one bite of each kind that has outlived its retention. Called about once a minute, and again while not done. */
export async function sweep(database: Database, retention: Retention, nowMs: EpochMs): Promise<SweepResult> {
  const plan: readonly (readonly [Bite, number])[] = [
    [eventsBite(1), retention.readings],
    [eventsBite(0), retention.events],
    [passagesBite, retention.passages],
    [evidenceBite(0), retention.passages],
    [evidenceBite(1), Math.min(retention.faces, retention.passages)],
    [tableBite('sessions', 'id', 'started_at', 'ended_at IS NOT NULL'), retention.sessions],
    [alertsBite, retention.alerts],
    // Canaries and the like; a notice's deliveries go with their alert.
    [tableBite('deliveries', 'id', 'created_at', "alert_id IS NULL AND state = 'delivered'"), retention.readings],
    [
      tableBite('deliveries', 'id', 'created_at', "alert_id IS NULL AND state = 'dead'"),
      Math.max(retention.readings, retention.passages) + deadLongerMs,
    ],
    [waitingPassagesBite, retention.passages],
    [auditBite, retention.audit],
    [tableBite('quarantine', 'seq', 'at'), retention.quarantine],
    [tableBite('web_sessions', 'token_sha256', 'expires_at'), 0],
    [messageKeysBite, retention.messageIds],
  ];
  const evidencePaths: string[] = [];
  let done = true;
  for (const [bite, keptMs] of plan) {
    const found = bite(database, nowMs - keptMs);
    if (!found) continue;
    await database.write(found.statements);
    evidencePaths.push(...found.paths);
    done &&= found.done;
  }
  return { evidencePaths, done };
}
