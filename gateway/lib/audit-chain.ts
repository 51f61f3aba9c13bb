import { createHash } from 'node:crypto';
import type { EpochMs } from './clock.ts';

/** What somebody did: a line of an audit log before it is chained. */
export interface AuditEntry {
  readonly at: EpochMs;
  readonly by: string;
  readonly action: string;
  readonly subject: string;
}

/** One line of the audit log. */
export interface AuditRow extends AuditEntry {
  readonly seq: number;
  readonly previousHash: string;
  readonly hash: string;
}

export type AuditVerdict =
  /** `lastHash` is worth keeping elsewhere: with it, rows cut off at the end are noticed too. */
  | { readonly kind: 'intact'; readonly rows: number; readonly lastHash: string }
  | { readonly kind: 'broken'; readonly seq: number; readonly why: string };

/** Stands where a first row's predecessor would. */
export const firstAuditHash = '0'.repeat(64);

/**
 * What is hashed of a row, behind the hash of the row before and a line break. Lengths stand before the texts, so that no
 * two rows have the same.
 */
export function auditContent(row: AuditEntry): string {
  const texts = [row.by, row.action, row.subject];
  return [row.at, ...texts.map((text) => text.length), ...texts].join('\n');
}

/** Goes along a chain, bite by bite. `anchor`: the hash that the first row must name as the one before. */
export function createAuditCheck(anchor: string) {
  let previous = anchor;
  let rows = 0;
  return {
    /** The first fault of these rows, which follow those given before; null if there is none. */
    next(bite: readonly AuditRow[]): Extract<AuditVerdict, { kind: 'broken' }> | null {
      for (const row of bite) {
        if (row.previousHash !== previous)
          return { kind: 'broken', seq: row.seq, why: 'the row before it is not the one it followed' };
        const hash = createHash('sha256')
          .update(`${previous}\n${auditContent(row)}`)
          .digest('hex');
        if (row.hash !== hash) return { kind: 'broken', seq: row.seq, why: 'its content is not what was written' };
        previous = hash;
        rows += 1;
      }
      return null;
    },
    intact: (): Extract<AuditVerdict, { kind: 'intact' }> => ({ kind: 'intact', rows, lastHash: previous }),
  };
}
