import { repeat, type Clock, type EpochMs, type Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { verifyWebhook } from '../lib/standard-webhooks.ts';
import { auditStatement } from './audit.ts';
import type { DeskData, Statement } from './data/desk-data.ts';
import type { DeskKeys } from './desk-key.ts';
import type { Delivered, GatewayLookup, KnownGateway } from './receiver.ts';

/*
 * Ids of keys are UUIDv7: they rise with time, also where the clock stands still or is set back.
 */

/** How long the old key of a gateway is still good once the new one has been seen in use. */
export const overlapMs = 24 * 3_600_000;
/** How soon a change made by another process (`kanmen desk revoke`) is in force. */
const lookMs = 1000;

export interface GatewayEntry {
  readonly id: string;
  readonly name: string;
  /** By desk.yaml, or by a code. */
  readonly joined: 'file' | 'paired';
  readonly joinedAt: EpochMs | null;
  readonly keysChangedAt: EpochMs | null;
  readonly revokedAt: EpochMs | null;
  /** Two keys are good. */
  readonly rotating: boolean;
  /** The newest first; none where it has been revoked. */
  readonly keys: readonly Uint8Array[];
}

/** Which gateways may send here: those of desk.yaml, those paired by a code, less those revoked. */
export interface GatewayBook extends GatewayLookup {
  /** Revoked ones too: their alerts are still here. By name. */
  all(): readonly GatewayEntry[];
  entry(id: string): GatewayEntry | undefined;
  nameOf(id: string): string;
  /** Reads the tables; called once before anything else. */
  load(): Promise<void>;
  start(): void;
  stop(): void;
  /** False where there is no such gateway. */
  rename(id: string, name: string, actor: string): Promise<boolean>;
  revoke(id: string, reason: string, actor: string): Promise<boolean>;
  /** What makes a gateway known, or known anew, under one key: older ones end at once. */
  joinStatements(gateway: { readonly id: string; readonly name: string; readonly key: Uint8Array }): Statement[];
  /** What adds a key beside those in use. */
  addKeyStatements(id: string, key: Uint8Array): Statement[];
  /** A delivery was verified: a new key that is seen in use for the first time starts the end of the old ones. */
  verified(delivered: Delivered): Promise<void>;
}

interface GatewayRow {
  readonly id: string;
  readonly name: string | null;
  readonly joined_at: EpochMs | null;
  readonly keys_changed_at: EpochMs | null;
  readonly revoked_at: EpochMs | null;
}
interface KeyRow {
  readonly id: string;
  readonly gateway: string;
  readonly sealed: string;
  readonly created_at: EpochMs;
  readonly valid_until: EpochMs | null;
}

const byName = new Intl.Collator('zh-CN');

export const keySealName = (gateway: string): string => `key of gateway ${gateway}`;

export function createGatewayBook(options: {
  readonly data: DeskData;
  readonly fromFile: readonly KnownGateway[];
  readonly keys: DeskKeys;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  /** Called when anything of the book has changed. */
  readonly onChange: () => void;
}): GatewayBook {
  const { data, fromFile, keys: deskKeys, clock, logger, newId, onChange } = options;
  let entries = new Map<string, GatewayEntry>();
  let sorted: readonly GatewayEntry[] = [];
  let stamp = '';
  let timer: Timer | null = null;

  async function load(): Promise<void> {
    const [rows, keyRows] = await Promise.all([
      data.all<GatewayRow>('SELECT id, name, joined_at, keys_changed_at, revoked_at FROM gateway'),
      data.all<KeyRow>('SELECT * FROM gateway_key ORDER BY id DESC'),
    ]);
    const now = clock.now();
    const good = keyRows.filter(({ valid_until: until }) => until === null || until > now);
    const keysOf = (id: string): Uint8Array[] =>
      good
        .filter(({ gateway }) => gateway === id)
        .map(({ sealed }) => new Uint8Array(deskKeys.openText(sealed, keySealName(id))));
    const files = new Map(fromFile.map((gateway) => [gateway.id, gateway]));
    const byId = new Map(rows.map((row) => [row.id, row]));
    const next = new Map<string, GatewayEntry>();
    for (const id of new Set([...files.keys(), ...byId.keys()])) {
      const row = byId.get(id);
      const file = files.get(id);
      // One that was paired is known by its own key; what desk.yaml still says of it counts no more.
      const paired = row?.joined_at != null;
      const keys = row?.revoked_at != null ? [] : paired ? keysOf(id) : [...keysOf(id), ...(file?.keys ?? [])];
      next.set(id, {
        id,
        name: row?.name ?? file?.name ?? id,
        joined: paired ? 'paired' : 'file',
        joinedAt: row?.joined_at ?? null,
        keysChangedAt: row?.keys_changed_at ?? null,
        revokedAt: row?.revoked_at ?? null,
        rotating: keys.length > 1 && row?.keys_changed_at != null,
        keys,
      });
    }
    entries = next;
    sorted = [...next.values()].sort((a, b) => byName.compare(a.name, b.name));
  }

  const stampNow = async (): Promise<string> => {
    const row = await data.get<{ stamp: number | null; count: number; ends: number | null }>(
      `SELECT max(changed_at) AS stamp, count(*) AS count,
         (SELECT min(valid_until) FROM gateway_key WHERE valid_until > ?) AS ends FROM gateway`,
      clock.now(),
    );
    return `${row?.stamp ?? 0} ${row?.count ?? 0} ${row?.ends ?? 0}`;
  };

  async function reload(): Promise<void> {
    const before = stamp;
    stamp = await stampNow();
    await load();
    if (before !== '') onChange();
  }
  async function look(): Promise<void> {
    try {
      if ((await stampNow()) !== stamp) await reload();
    } catch (error) {
      logger.debug({ reason: messageOf(error) }, 'gateways could not be looked up');
    }
  }

  /** A row for what is changed of a gateway, also of one in desk.yaml. */
  const touched = (
    id: string,
    column: 'name' | 'revoked_at' | 'keys_changed_at',
    value: string | number,
  ): Statement => ({
    sql: `INSERT INTO gateway (id, ${column}, changed_at) VALUES (?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET ${column} = excluded.${column}, changed_at = excluded.changed_at`,
    params: [id, value, clock.now()],
  });

  return {
    get: (id) => {
      const entry = entries.get(id);
      return entry && entry.keys.length > 0 ? entry : undefined;
    },
    entry: (id) => entries.get(id),
    all: () => sorted,
    nameOf: (id) => entries.get(id)?.name ?? id,
    load: reload,
    start: () => {
      timer = repeat(clock, lookMs, look);
    },
    stop: () => timer?.cancel(),
    rename: async (id, name, actor) => {
      if (!entries.has(id)) return false;
      await data.write([
        touched(id, 'name', name),
        auditStatement({ at: clock.now(), by: actor, action: 'gateway.renamed', subject: `${id} ${name}` }),
      ]);
      await reload();
      return true;
    },
    revoke: async (id, reason, actor) => {
      if (!entries.has(id)) return false;
      await data.write([
        touched(id, 'revoked_at', clock.now()),
        { sql: 'DELETE FROM gateway_key WHERE gateway = ?', params: [id] },
        auditStatement({ at: clock.now(), by: actor, action: 'gateway.revoked', subject: `${id} ${reason}` }),
      ]);
      await reload();
      return true;
    },
    joinStatements: ({ id, name, key }) => {
      const now = clock.now();
      return [
        { sql: 'DELETE FROM gateway_key WHERE gateway = ?', params: [id] },
        {
          sql: `INSERT INTO gateway (id, name, joined_at, keys_changed_at, revoked_at, changed_at)
                VALUES (?, ?, ?, NULL, NULL, ?)
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, joined_at = excluded.joined_at,
                  keys_changed_at = NULL, revoked_at = NULL, changed_at = excluded.changed_at`,
          params: [id, name, now, now],
        },
        keyStatement(id, key, now),
      ];
    },
    addKeyStatements: (id, key) => {
      const now = clock.now();
      return [
        // A key that was made and never seen in use (the gateway crashed over it) makes room for this one.
        {
          sql: `DELETE FROM gateway_key WHERE gateway = ? AND valid_until IS NULL AND id >
                  (SELECT min(id) FROM gateway_key WHERE gateway = ? AND valid_until IS NULL)`,
          params: [id, id],
        },
        keyStatement(id, key, now),
        touched(id, 'keys_changed_at', now),
      ];
    },
    verified: async ({ gateway, header, body }) => {
      const entry = entries.get(gateway.id);
      const newest = entry?.rotating === true ? entry.keys[0] : undefined;
      if (newest === undefined) return;
      const rows = await data.all<KeyRow>('SELECT * FROM gateway_key WHERE gateway = ? ORDER BY id DESC', gateway.id);
      // The old ones are on their way out already, or there is none but the file's.
      const [first, ...older] = rows;
      if (!first || older.length === 0 || older.every(({ valid_until: until }) => until !== null)) return;
      if (verifyWebhook({ keys: [newest], header, body, nowMs: clock.now() }).kind !== 'valid') return;
      await data.write([
        {
          sql: 'UPDATE gateway_key SET valid_until = ? WHERE gateway = ? AND id <> ? AND valid_until IS NULL',
          params: [clock.now() + overlapMs, gateway.id, first.id],
        },
        touched(gateway.id, 'keys_changed_at', clock.now()),
        auditStatement({ at: clock.now(), by: 'desk', action: 'gateway.key-in-use', subject: gateway.id }),
      ]);
      await reload();
    },
  };

  function keyStatement(id: string, key: Uint8Array, now: EpochMs): Statement {
    return {
      sql: 'INSERT INTO gateway_key (id, gateway, sealed, created_at) VALUES (?, ?, ?, ?)',
      params: [newId(), id, deskKeys.sealText(key, keySealName(id)), now],
    };
  }
}
