import type { Migration } from './migrate.ts';
import type { SqlValue } from './sqlite.ts';

/** What the writer thread is started with. */
export interface WriterData {
  readonly file: string;
  readonly migrations: readonly Migration[];
  /** Test: what an fsync of a slow disk would add to every commit. */
  readonly fsyncDelayMs: number;
  /** Test: file that says what the disk is like (lib/steering.ts). */
  readonly steering: string | null;
  /** Test: `PRAGMA max_page_count`, a disk of that many pages. */
  readonly maxPages: number | null;
}

/**
 * One group of calls that shares a transaction. SQL text crosses once and is known by its number afterwards.
 * `calls` is flat, because cloning nested objects cost more than the inserts (14 µs against 5 µs for a telemetry event):
 * for each call its head (`callHead`), then for each statement its number, the count of its values, its values.
 */
export interface GroupMessage {
  readonly newSql: readonly string[];
  readonly calls: readonly SqlValue[];
}

/** Count of a call's statements, and whether it is chained, in one number. */
export const callHead = {
  of: (statements: number, chained: boolean): number => statements * 2 + (chained ? 1 : 0),
  statements: (head: SqlValue | undefined): number => (head as number) >> 1,
  chained: (head: SqlValue | undefined): boolean => ((head as number) & 1) === 1,
};

export interface Fault {
  readonly message: string;
  /** True: nothing was wrong with this call but a chained one before it. */
  readonly chain: boolean;
  /** `SQLITE_FULL` and the like where the disk is at fault; null where the statement is. */
  readonly disk: string | null;
}

export const chainFault: Fault = { message: 'a write that this one builds on failed', chain: true, disk: null };

/** The writer's one answer to a group: null when everything is on disk. */
export type GroupAnswer =
  | null
  /** The calls with these positions failed alone; the others are on disk. */
  | { readonly kind: 'some-failed'; readonly failed: readonly (readonly [call: number, fault: Fault])[] }
  /** Nothing of the group is on disk. */
  | { readonly kind: 'all-failed'; readonly fault: Fault };

/** First message of the writer: whether the database could be opened. */
export type OpenAnswer =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'refused';
      readonly code: 'store.too-new' | 'store.corrupt' | 'store.commit-failed';
      readonly message: string;
    };
