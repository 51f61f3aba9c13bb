import type { Clock } from '../../lib/clock.ts';
import { createDatabase } from '../../lib/database/index.ts';
import type { Logger } from '../../lib/logger.ts';
import type { DeskData } from './desk-data.ts';
import { migrationsFor } from './migrations.ts';

/** A desk's data in one SQLite file: writes in a thread of their own, reads on the calling one. */
export function createSqliteData(settings: {
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Given up for red and orange when the disk is full; 0 for none. */
  readonly reserveBytes?: number;
  /** Test: file that steers the disk (lib/steering.ts). */
  readonly steering?: string | null;
}): DeskData {
  const database = createDatabase({ ...settings, migrations: migrationsFor('sqlite') });
  return {
    name: 'desk data (SQLite)',
    dialect: 'sqlite',
    start: (signal) => database.start(signal),
    stop: () => database.stop(),
    write: (statements) => database.write(statements),
    // Reading takes microseconds to milliseconds; async only so that PostgreSQL can stand in the same place.
    all: async <Row>(sql: string, ...params: Parameters<typeof database.all>[1][]) =>
      Promise.resolve(database.all<Row>(sql, ...params)),
    get: async <Row>(sql: string, ...params: Parameters<typeof database.all>[1][]) =>
      Promise.resolve(database.get<Row>(sql, ...params)),
    health: () => database.health(),
    releaseReserve: () => database.releaseReserve(),
    report: () => database.report(),
  };
}
