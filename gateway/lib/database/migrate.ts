import { messageOf } from '../errors.ts';
import { probeTable } from './probe.ts';
import type { Connection } from './sqlite.ts';

/** One numbered step of the schema. Numbers rise by one from 1; a step that was ever released is never changed. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Thrown when the file was written by a newer version of the program. */
export class TooNewError extends Error {}

const table = `CREATE TABLE IF NOT EXISTS applied_migrations (
  version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`;

/**
 * Brings the schema up to date, each step in a transaction of its own together with its row in `applied_migrations`.
 * Two processes that open the database at once do it one after the other. Answers the versions applied now.
 */
export function migrate(connection: Connection, migrations: readonly Migration[], nowMs: number): number[] {
  connection.exec(table);
  connection.exec(probeTable);
  const applied: number[] = [];
  for (const migration of migrations) {
    connection.exec('BEGIN IMMEDIATE');
    try {
      if (highestVersion(connection) < migration.version) {
        connection.exec(migration.sql);
        connection
          .prepare('INSERT INTO applied_migrations (version, name, applied_at) VALUES (?, ?, ?)')
          .run(migration.version, migration.name, nowMs);
        applied.push(migration.version);
      }
      connection.exec('COMMIT');
    } catch (error) {
      connection.exec('ROLLBACK');
      throw new Error(`migration ${migration.version} (${migration.name}): ${messageOf(error)}`, { cause: error });
    }
  }
  const known = migrations.at(-1)?.version ?? 0;
  const found = highestVersion(connection);
  if (found > known)
    throw new TooNewError(`the database has schema version ${found}, this program knows up to ${known}`);
  return applied;
}

function highestVersion(connection: Connection): number {
  const row = connection.prepare('SELECT max(version) AS version FROM applied_migrations').get() as
    { version: number | null } | undefined;
  return row?.version ?? 0;
}
