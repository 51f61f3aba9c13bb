import type { Component } from '../../lib/component.ts';
import type { DatabaseHealth, SqlValue, Statement } from '../../lib/database/index.ts';
import type { WireReport } from '../../lib/wire.ts';

export type { DatabaseHealth, SqlValue, Statement };

/** What is read of a desk's data. */
export interface DeskReads {
  readonly dialect: Dialect;
  /** Rows; sees every write that has resolved. SQL with `?` for values, in the subset that both dialects speak. */
  all<Row>(sql: string, ...params: SqlValue[]): Promise<Row[]>;
  /** First row, or undefined. */
  get<Row>(sql: string, ...params: SqlValue[]): Promise<Row | undefined>;
}

export type Dialect = 'sqlite' | 'postgres';

/**
 * The one data layer of the desk, over SQLite and PostgreSQL (`decisions/desk-data.md`). Writers never run at the same time,
 * whatever the dialect and however many processes: a statement may trust what an earlier one of its call has found.
 */
export interface DeskData extends DeskReads, Component {
  /**
   * Resolves when a commit that holds all these statements is on disk; rejects with none of them written:
   * `store.commit-failed` (retryable where the database is at fault) or `store.closed`. What waits goes into one commit.
   */
  write(statements: readonly Statement[]): Promise<void>;
  health(): DatabaseHealth;
  /** Gives up the reserve file, so that a little more can be written. False if there was none left to give. */
  releaseReserve(): Promise<boolean>;
  report(): WireReport;
}

const sizeFor = (count: number): number => [1, 4, 16, 64, 256, 1024].find((size) => size >= count) ?? count;

/** `(?, ?, ?)` for so many values; sizes are rounded up, so that few different texts are ever prepared. */
export function inList(values: readonly SqlValue[]): { readonly sql: string; readonly params: readonly SqlValue[] } {
  const size = sizeFor(values.length);
  // A value twice changes nothing; none at all matches nothing.
  const filler = values[0] ?? null;
  const params = [...values, ...Array.from({ length: size - values.length }, () => filler)];
  return { sql: `(${params.map(() => '?').join(', ')})`, params };
}

/** The same for keys of two columns: `(a, b) IN (VALUES (?, ?), …)`. */
export function inPairs(pairs: readonly (readonly [SqlValue, SqlValue])[]): {
  readonly sql: string;
  readonly params: readonly SqlValue[];
} {
  const filler = pairs[0] ?? ([null, null] as const);
  const all = [...pairs, ...Array.from({ length: sizeFor(pairs.length) - pairs.length }, () => filler)];
  return { sql: `(VALUES ${all.map(() => '(?, ?)').join(', ')})`, params: all.flat() };
}
