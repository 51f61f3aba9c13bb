import { createHash } from 'node:crypto';
import type { Change } from '../domain/change.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database, Statement } from '../lib/database/index.ts';

/** One line of the audit log. */
export interface AuditRow {
  readonly seq: number;
  readonly at: EpochMs;
  readonly by: string;
  readonly action: string;
  readonly subject: string;
  readonly previousHash: string;
  readonly hash: string;
}

export type AuditVerdict =
  /** `lastHash` is worth keeping elsewhere: with it, rows cut off at the end are noticed too. */
  | { readonly kind: 'intact'; readonly rows: number; readonly lastHash: string }
  | { readonly kind: 'broken'; readonly seq: number; readonly why: string };

const firstHash = '0'.repeat(64);
const anchorName = 'audit-anchor';

/** What is hashed. Lengths stand before the texts, so that no two rows have the same. */
function contentOf(row: Omit<AuditRow, 'seq' | 'previousHash' | 'hash'>): string {
  const texts = [row.by, row.action, row.subject];
  return [row.at, ...texts.map((text) => text.length), ...texts].join('\n');
}

/**
 * Each row holds SHA-256(hash of the row before ‖ its own content). Which row is the one before is only known inside the
 * transaction (two processes may write), so SQL chains them; `sha256` is a function of the writer's connection.
 */
export function auditInsert(audited: Extract<Change, { kind: 'audited' }>): Statement {
  return {
    sql: `INSERT INTO audit (at, by, action, subject, previous_hash, hash)
          SELECT ?1, ?2, ?3, ?4, previous, sha256(previous || char(10) || ?5)
          FROM (SELECT coalesce(
            (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1),
            (SELECT position FROM positions WHERE name = '${anchorName}'),
            '${firstHash}') AS previous)`,
    params: [audited.at, audited.by, audited.action, audited.subject, contentOf(audited)],
  };
}

/** Deletes rows up to `seq` and keeps the last one's hash, so that the rest still verifies. */
export function auditSweep(seq: number): Statement[] {
  return [
    {
      sql: `INSERT INTO positions (name, position) SELECT '${anchorName}', hash FROM audit WHERE seq = ?
            ON CONFLICT (name) DO UPDATE SET position = excluded.position`,
      params: [seq],
    },
    { sql: 'DELETE FROM audit WHERE seq <= ?', params: [seq] },
  ];
}

export const auditColumns = 'seq, at, by, action, subject, previous_hash AS previousHash, hash';

const biteRows = 1000;

/** Reads the whole log and says whether any row was altered, added or taken out since it was written. */
export function verifyAudit(database: Pick<Database, 'all' | 'get'>): AuditVerdict {
  const anchor = database.get<{ position: string }>('SELECT position FROM positions WHERE name = ?', anchorName);
  let previous = anchor?.position ?? firstHash;
  let rows = 0;
  let after = 0;
  for (;;) {
    const bite = database.all<AuditRow>(
      `SELECT ${auditColumns} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`,
      after,
      biteRows,
    );
    for (const row of bite) {
      if (row.previousHash !== previous)
        return { kind: 'broken', seq: row.seq, why: 'the row before it is not the one it followed' };
      const hash = createHash('sha256')
        .update(`${previous}\n${contentOf(row)}`)
        .digest('hex');
      if (row.hash !== hash) return { kind: 'broken', seq: row.seq, why: 'its content is not what was written' };
      previous = hash;
      rows += 1;
      after = row.seq;
    }
    if (bite.length < biteRows) return { kind: 'intact', rows, lastHash: previous };
  }
}
