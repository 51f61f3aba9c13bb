import {
  auditContent,
  createAuditCheck,
  firstAuditHash,
  type AuditEntry,
  type AuditRow,
  type AuditVerdict,
} from '../lib/audit-chain.ts';
import type { Clock } from '../lib/clock.ts';
import type { DeskAuditAction } from './audit-actions.ts';
import type { DeskData, DeskReads, SqlValue, Statement } from './data/desk-data.ts';

type DeskAuditEntry = AuditEntry & { readonly action: DeskAuditAction };

/** Under this name the hash of the last row that was swept stands in `setting`. */
const anchorName = 'audit-anchor';
const biteRows = 1000;

/**
 * One line more in the chain: each row holds SHA-256(hash of the row before ‖ its own content). Which row is the one before
 * is only known inside the transaction, so SQL chains them. `guard`: only where this holds.
 */
export function auditStatement(
  entry: DeskAuditEntry,
  guard: { readonly sql: string; readonly params: readonly SqlValue[] } | null = null,
): Statement {
  return {
    sql: `INSERT INTO audit (at, by_name, action, subject, previous_hash, hash)
          SELECT CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), previous, sha256(previous || ?)
          FROM (SELECT coalesce(
            (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1),
            (SELECT value FROM setting WHERE name = '${anchorName}'),
            '${firstAuditHash}') AS previous) AS last
          ${guard ? `WHERE ${guard.sql}` : ''}`,
    params: [
      entry.at,
      entry.by,
      entry.action,
      entry.subject,
      `\n${auditContent(entry)}`,
      ...(guard ? guard.params : []),
    ],
  };
}

export interface Audit {
  /** Writes one line down; rejects when it cannot be stored. */
  note(by: string, action: DeskAuditAction, subject: string): Promise<void>;
  list(query: {
    readonly by: string | null;
    /** Whole, or up to a dot. */
    readonly action: string | null;
    readonly before: number | null;
    readonly limit: number;
  }): Promise<AuditRow[]>;
  verify(): Promise<AuditVerdict>;
  /** Whether a row of this hash is in the log. */
  has(hash: string): Promise<boolean>;
}

const columns = 'seq, at, by_name AS "by", action, subject, previous_hash AS "previousHash", hash';

export function createAudit(data: DeskData, clock: Clock): Audit {
  return {
    note: (by, action, subject) => data.write([auditStatement({ at: clock.now(), by, action, subject })]),
    list: ({ by, action, before, limit }) => {
      const conditions = ['1 = 1'];
      const params: SqlValue[] = [];
      if (by !== null) {
        conditions.push('by_name = ?');
        params.push(by);
      }
      if (action !== null) {
        conditions.push('(action = ? OR substr(action, 1, ?) = ?)');
        params.push(action, action.length + 1, `${action}.`);
      }
      if (before !== null) {
        conditions.push('seq < ?');
        params.push(before);
      }
      return data.all<AuditRow>(
        `SELECT ${columns} FROM audit WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
        ...params,
        limit,
      );
    },
    verify: () => verifyAudit(data),
    has: async (hash) => (await data.get('SELECT 1 AS here FROM audit WHERE hash = ?', hash)) !== undefined,
  };
}

/** Reads the whole log and says whether any row was altered, added or taken out since it was written. */
export async function verifyAudit(reads: DeskReads): Promise<AuditVerdict> {
  const anchor = await reads.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', anchorName);
  const check = createAuditCheck(anchor?.value ?? firstAuditHash);
  let after = 0;
  for (;;) {
    const bite = await reads.all<AuditRow>(
      `SELECT ${columns} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`,
      after,
      biteRows,
    );
    const fault = check.next(bite);
    if (fault) return fault;
    after = bite.at(-1)?.seq ?? after;
    if (bite.length < biteRows) return check.intact();
  }
}

/** Deletes rows before `at` and keeps the last one's hash, so that the rest still verifies. */
export function auditSweep(at: number): Statement[] {
  return [
    {
      sql: `INSERT INTO setting (name, value)
            SELECT '${anchorName}', hash FROM audit WHERE seq = (SELECT max(seq) FROM audit WHERE at < ?)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      params: [at],
    },
    { sql: 'DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit WHERE at < ?)', params: [at] },
  ];
}
