import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';

export type SqlValue = string | number | bigint | Uint8Array | null;
export type Connection = DatabaseSyncInstance;
export type PreparedStatement = StatementSyncInstance;

/** What both libraries throw: SQLite's (extended) result code stands in `errcode`. */
interface SqliteError extends Error {
  readonly errcode: number;
}

export interface ConnectionOptions {
  readonly readOnly: boolean;
}

type Constructor = new (file: string, options: { readOnly: boolean }) => Connection;

/**
 * Node 22.13 and later carry SQLite themselves (`node:sqlite`), Node 20 does not: there `@photostructure/sqlite` gives the
 * same API (it is the same code, built as an addon with prebuilt binaries). We use what Node brings where it is there,
 * because an addon must be rebuilt for new platforms and Node's own must not. Loaded dynamically, so that neither needs
 * the other.
 */
async function loadConstructor(): Promise<Constructor> {
  const builtIn = 'node:sqlite';
  try {
    // The name stands in a variable because Node 20's type definitions do not know the module.
    const module = (await import(builtIn)) as { DatabaseSync: Constructor };
    return module.DatabaseSync;
  } catch {
    const module = await import('@photostructure/sqlite');
    return module.DatabaseSync;
  }
}

/** Opens a connection; 5 s of patience with another process that writes (the command line tool may). */
export async function openConnection(file: string, options: ConnectionOptions): Promise<Connection> {
  const Database = await loadConstructor();
  const connection = new Database(file, { readOnly: options.readOnly });
  connection.exec('PRAGMA busy_timeout = 5000');
  return connection;
}

/** SQLite's primary result code of an error, or null if it is none of SQLite's. */
export function sqliteCodeOf(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof (error as SqliteError).errcode === 'number'
    ? (error as SqliteError).errcode & 0xff
    : null;
}

export const sqliteFull = 13;

/** Result codes that speak of the disk or the file, not of the statement (https://sqlite.org/rescode.html). */
const diskCodes: ReadonlyMap<number, string> = new Map([
  [5, 'SQLITE_BUSY'],
  [7, 'SQLITE_NOMEM'],
  [8, 'SQLITE_READONLY'],
  [10, 'SQLITE_IOERR'],
  [11, 'SQLITE_CORRUPT'],
  [sqliteFull, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [26, 'SQLITE_NOTADB'],
]);

/** The name of the result code if it means that writing itself does not work now; null for a fault of one statement. */
export function diskFaultOf(error: unknown): string | null {
  const code = sqliteCodeOf(error);
  return code === null ? null : (diskCodes.get(code) ?? null);
}

/** Damage that no retry mends. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === 11 || code === 26;
}
