/**
 * A desk's data in PostgreSQL. Writes go through one connection, what waits in one transaction (group commit), and under one
 * advisory lock: so writers of several processes never overlap, as with SQLite, and what a statement has read still holds
 * at the next. READ COMMITTED is enough then, and no call ever has to be tried again for another's sake.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { repeat, type Clock, type Timer } from '../../lib/clock.ts';
import { codeOf, GatewayError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { createRepeatedFault } from '../../lib/repeated-fault.ts';
import { createWireMeter } from '../../lib/wire.ts';
import type { DeskData, SqlValue, Statement } from './desk-data.ts';
import { migrationsFor } from './migrations.ts';

/** Any number, the same for all desks: "kanmen d" as ASCII. */
const writeLock = '7737577236044918884';
const probeMs = 1000;
/** Enough for a page's queries side by side; a district's server has other users too. */
const readers = 6;

/** PostgreSQL's int8, numeric: all of ours fit a double (times, counts, bytes). */
const numberTypes = new Set<number>([20, 1700]);
const types: pg.CustomTypesConfig = {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- pg's own signature
  getTypeParser: (id: number, format?: 'text' | 'binary'): any =>
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- pg calls this with numbers, its types say otherwise
    numberTypes.has(id) ? Number : (pg.types.getTypeParser(id, format) as unknown),
};

/** `$1, $2, …` for `?, ?, …`. Our texts have no `?` but placeholders. */
function numbered(sql: string): string {
  let count = 0;
  return sql.replace(/\?/g, () => {
    count += 1;
    return `$${count}`;
  });
}

interface Prepared {
  readonly name: string;
  readonly text: string;
}

function createTexts() {
  const known = new Map<string, Prepared>();
  return (sql: string): Prepared => {
    const found = known.get(sql);
    if (found) return found;
    const made = { name: createHash('sha256').update(sql).digest('hex').slice(0, 32), text: numbered(sql) };
    known.set(sql, made);
    return made;
  };
}

/** PostgreSQL keeps no NUL in texts; nobody has ever meant one. */
const valueOf = (value: SqlValue): unknown => {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '') : value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value;
};

/**
 * Class 08, 53, 57, 58, XX and errors without a class speak of the server or the way to it, not of the statement
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
function serverFault(error: unknown): string | null {
  const code = codeOf(error);
  if (code === null || !/^[0-9A-Z]{5}$/.test(code)) return code ?? 'connection';
  return ['08', '53', '57', '58', 'XX', '25'].includes(code.slice(0, 2)) ? code : null;
}

interface Call {
  readonly statements: readonly Statement[];
  readonly resolve: () => void;
  readonly reject: (error: GatewayError) => void;
}

export function createPostgresData(settings: {
  /** `postgres://user:password@host:port/database`; never logged. */
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): DeskData {
  const { url, clock, logger } = settings;
  const meter = createWireMeter('store', null);
  const textOf = createTexts();
  let pool: pg.Pool | null = null;
  let writer: pg.Client | null = null;
  let waiting: Call[] = [];
  let running: Promise<void> | null = null;
  let accepting = false;
  let fault: string | null = null;
  let probe: Timer | null = null;
  const noteFault = createRepeatedFault(clock, (code, count, facts) =>
    logger.error({ code, count, ...facts }, 'database cannot be written'),
  );

  const run = (client: pg.Client, { sql, params }: Statement): Promise<pg.QueryResult> =>
    client.query({ ...textOf(sql), values: params.map(valueOf), types });

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url, types, keepAlive: true, application_name: 'kanmen desk' });
    // Without a listener a server that goes away would end the process.
    client.on('error', (error) => lose(client, error));
    await client.connect();
    writer = client;
    return client;
  }
  function lose(client: pg.Client, error: unknown): void {
    if (writer === client) writer = null;
    fault ??= messageOf(error);
    client.end().catch(() => undefined);
  }

  const failed = (error: unknown, retryable: boolean): GatewayError =>
    new GatewayError('store.commit-failed', `not written: ${messageOf(error)}`, {
      facts: { disk: codeOf(error) === '53100' ? 'SQLITE_FULL' : codeOf(error) },
      retryable,
      cause: error,
    });

  /** One transaction for all of them. A call that fails for its own sake fails alone. */
  async function commit(calls: readonly Call[]): Promise<void> {
    const client = writer ?? (await connect());
    const alone = new Map<Call, GatewayError>();
    try {
      await client.query('BEGIN');
      await client.query(`SELECT pg_advisory_xact_lock(${writeLock})`);
      for (const call of calls) {
        // In PostgreSQL a failed statement spoils the whole transaction, so even a single one needs a savepoint.
        await client.query('SAVEPOINT call');
        try {
          for (const statement of call.statements) await run(client, statement);
          await client.query('RELEASE SAVEPOINT call');
        } catch (error) {
          if (serverFault(error) !== null) throw error;
          await client.query('ROLLBACK TO SAVEPOINT call');
          alone.set(call, failed(error, false));
        }
      }
      await client.query('COMMIT');
    } catch (error) {
      lose(client, error);
      throw error;
    }
    for (const call of calls) {
      const error = alone.get(call);
      if (error) call.reject(error);
      else call.resolve();
    }
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const calls = waiting;
      waiting = [];
      try {
        await commit(calls);
        if (fault !== null) logger.info('database can be written again');
        fault = null;
      } catch (error) {
        fault = messageOf(error);
        noteFault(serverFault(error) ?? 'unknown', { reason: fault });
        for (const call of calls) call.reject(failed(error, true));
      }
    }
  }

  function pump(): void {
    running ??= drain().finally(() => {
      running = null;
      if (waiting.length > 0) pump();
    });
  }

  async function migrate(client: pg.Client): Promise<void> {
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(${writeLock})`);
    await client.query(
      'CREATE TABLE IF NOT EXISTS applied_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)',
    );
    const rows = await client.query<{ newest: number | null }>({
      text: 'SELECT max(version) AS newest FROM applied_migrations',
      types,
    });
    const newest = rows.rows[0]?.newest ?? 0;
    const migrations = migrationsFor('postgres');
    const last = migrations.at(-1)?.version ?? 0;
    if (newest > last) {
      throw new GatewayError('store.too-new', `the database is at version ${newest}, this program knows ${last}`);
    }
    for (const { version, name, sql } of migrations.filter((migration) => migration.version > newest)) {
      await client.query(sql);
      await client.query('INSERT INTO applied_migrations (version, name, applied_at) VALUES ($1, $2, $3)', [
        version,
        name,
        clock.now(),
      ]);
    }
    await client.query('COMMIT');
  }

  const opened = (): pg.Pool => {
    if (!pool) throw new GatewayError('store.closed', 'the database is not open');
    return pool;
  };
  const read = async <Row>(sql: string, params: readonly SqlValue[]): Promise<Row[]> => {
    const result = await opened().query({ ...textOf(sql), values: params.map(valueOf), types });
    return result.rows as Row[];
  };

  return {
    name: 'desk data (PostgreSQL)',
    dialect: 'postgres',
    start: async () => {
      try {
        await migrate(await connect());
      } catch (error) {
        await writer?.end().catch(() => undefined);
        writer = null;
        if (error instanceof GatewayError) throw error;
        throw new GatewayError('store.commit-failed', `PostgreSQL: ${messageOf(error)}`, { cause: error });
      }
      pool = new pg.Pool({ connectionString: url, max: readers, types, application_name: 'kanmen desk' });
      pool.on('error', (error) => logger.warn({ reason: messageOf(error) }, 'a reading connection was lost'));
      accepting = true;
      fault = null;
      probe = repeat(clock, probeMs, async () => {
        if (fault === null || running !== null) return;
        try {
          const client = writer ?? (await connect());
          await client.query('SELECT 1');
          fault = null;
          logger.info('database can be written again');
        } catch (error) {
          fault = messageOf(error);
        }
      });
    },
    stop: async () => {
      accepting = false;
      probe?.cancel();
      while (running) await running;
      const ending = writer;
      writer = null;
      await ending?.end().catch(() => undefined);
      await pool?.end();
      pool = null;
    },
    write: (statements) => {
      if (!accepting) {
        return Promise.reject(new GatewayError('store.closed', 'the database is stopping; nothing more is accepted'));
      }
      if (statements.length === 0) return Promise.resolve();
      meter.enter();
      return new Promise<void>((resolve, reject) => {
        waiting.push({
          statements,
          resolve: () => {
            meter.leave();
            resolve();
          },
          reject: (error) => {
            meter.leave();
            meter.drop();
            reject(error);
          },
        });
        pump();
      });
    },
    all: (sql, ...params) => read(sql, params),
    get: async <Row>(sql: string, ...params: SqlValue[]) => (await read<Row>(sql, params))[0],
    health: () => ({ healthy: fault === null, fault, spaceShort: false }),
    // The server's disk is the server's: there is nothing here to give up.
    releaseReserve: () => Promise.resolve(false),
    report: () => meter.report(),
  };
}
