import type { Migration } from '../../lib/database/index.ts';
import type { Dialect } from './desk-data.ts';
import { fastViewsMigration } from './migration-fast-views.ts';
import { firstMigrations } from './migrations-first.ts';
import { stationMigration } from './migration-station.ts';

/** One numbered step in both dialects. A step that was ever released is never changed. */
export interface DeskMigration {
  readonly version: number;
  readonly name: string;
  readonly sqlite: string;
  readonly postgres: string;
}

const all: readonly DeskMigration[] = [...firstMigrations, stationMigration, fastViewsMigration];

/** The steps of one dialect, in order. */
export const migrationsFor = (dialect: Dialect): readonly Migration[] =>
  all.map((step) => ({ version: step.version, name: step.name, sql: step[dialect] }));
