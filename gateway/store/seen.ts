import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Change } from '../domain/change.ts';
import type { Database } from '../lib/database/index.ts';
import { createKeyFilter, type KeyFilter } from './key-filter.ts';

/** Keys that wait in memory before they are moved to `message_keys`; more than these and a batch is moved. */
const batchKeys = 10_000;

/**
 * How a repeat is known: 132 bits of SHA-256, because a device that could make another's key would silence its alarm.
 */
export function messageHash(messageKey: string): string {
  const known = hashes.get(messageKey);
  if (known !== undefined) return known;
  if (hashes.size >= 2 * batchKeys) hashes.clear();
  const made = hash('sha256', messageKey, 'base64url').slice(0, 22);
  hashes.set(messageKey, made);
  return made;
}

/** A key is looked up, written and noted as written within milliseconds: hashed once (1.3 µs), not three times. */
const hashes = new Map<string, string>();

/** The ids of messages that are on disk. */
export interface SeenMessages {
  has(messageKey: string): boolean;
  /** Notes the keys of changes that have been committed. */
  committed(changes: readonly Change[]): void;
  /** Moves keys from where events were appended into the table that is looked up. */
  merge(): Promise<void>;
}

const positionName = 'message-keys';
/** Keys read in one turn while the filter is filled: about 3 ms. */
const fillRows = 2000;
/** Twice what the filter is made for; it also holds keys that were swept, so it is made anew then. */
const filterKeys = 12_000_000;

/**
 * New keys stand in their event's row, at the end of `events`, and in memory; in batches they are moved, sorted, into
 * `message_keys`. Writing that table at every message would touch a page in a random place each time, which costs more
 * than the event itself (8 µs against 5).
 */
export function createSeenMessages(database: Database): SeenMessages & { load(): void; stop(): Promise<void> } {
  let recent = new Set<string>();
  let moving = new Set<string>();
  let merging: Promise<void> | null = null;
  /** What `message_keys` holds, and perhaps more; null until it has been read. */
  let filter: KeyFilter | null = null;
  let nextFilter: KeyFilter | null = null;
  let inFilter = 0;
  let filling: Promise<void> = Promise.resolve();
  let stopped = false;

  const addToFilter = (hash: string): void => {
    filter?.add(hash);
    nextFilter?.add(hash);
    inFilter += 1;
  };

  /** Reads all keys into a new filter, a bite a turn; the old one (or the table itself) answers meanwhile. */
  const fill = async (): Promise<void> => {
    const made = createKeyFilter();
    nextFilter = made;
    let after = '';
    let count = 0;
    for (let bite = fillRows; bite === fillRows && !stopped;) {
      const rows = database.all<{ hash: string }>(
        'SELECT hash FROM message_keys WHERE hash > ? ORDER BY hash LIMIT ?',
        after,
        fillRows,
      );
      for (const row of rows) made.add(row.hash);
      after = rows.at(-1)?.hash ?? after;
      bite = rows.length;
      count += bite;
      await nextTurn();
    }
    nextFilter = null;
    if (stopped) return;
    filter = made;
    inFilter = count;
  };
  const startFilling = (): void => {
    filling = fill().catch(() => {
      // The table itself answers then, only slower.
      nextFilter = null;
    });
  };

  const merge = async (): Promise<void> => {
    if (recent.size === 0) return;
    moving = recent;
    recent = new Set();
    try {
      // Every key in `moving` is on disk, so a transaction that begins now sees all of their rows.
      await database.write([
        {
          sql: `INSERT OR IGNORE INTO message_keys (hash, at)
                SELECT message_hash, received_at FROM events
                WHERE seq > coalesce((SELECT cast(position AS INTEGER) FROM positions WHERE name = '${positionName}'), 0)
                  AND message_hash IS NOT NULL ORDER BY message_hash`,
          params: [],
        },
        {
          sql: `INSERT INTO positions (name, position)
                VALUES ('${positionName}', cast(coalesce((SELECT max(seq) FROM events), 0) AS TEXT))
                ON CONFLICT (name) DO UPDATE SET position = excluded.position`,
          params: [],
        },
      ]);
      for (const hash of moving) addToFilter(hash);
      if (inFilter > filterKeys && nextFilter === null) startFilling();
    } catch (error) {
      for (const hash of recent) moving.add(hash);
      recent = moving;
      throw error;
    } finally {
      moving = new Set();
    }
  };
  const mergeOnce = (): Promise<void> => {
    merging ??= merge().finally(() => {
      merging = null;
    });
    return merging;
  };

  return {
    load: () => {
      const rows = database.all<{ hash: string }>(
        `SELECT message_hash AS hash FROM events
         WHERE seq > coalesce((SELECT cast(position AS INTEGER) FROM positions WHERE name = ?), 0)
           AND message_hash IS NOT NULL`,
        positionName,
      );
      recent = new Set(rows.map((row) => row.hash));
      startFilling();
    },
    stop: async () => {
      stopped = true;
      await filling;
    },
    has: (messageKey) => {
      const hash = messageHash(messageKey);
      return (
        recent.has(hash) ||
        moving.has(hash) ||
        (filter?.mayHave(hash) !== false &&
          database.get('SELECT 1 AS found FROM message_keys WHERE hash = ?', hash) !== undefined)
      );
    },
    committed: (changes) => {
      for (const change of changes) {
        if (change.kind !== 'event-recorded' || change.messageKey === null) continue;
        // A passage's key went into the table at once.
        if (change.event.kind === 'passage') addToFilter(messageHash(change.messageKey));
        else recent.add(messageHash(change.messageKey));
      }
      if (recent.size >= batchKeys && merging === null) {
        // Tried again with the next batch; until then the keys stay in memory and in their rows.
        mergeOnce().catch(() => undefined);
      }
    },
    merge: mergeOnce,
  };
}
