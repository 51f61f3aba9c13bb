import type { Change } from '../domain/change.ts';
import {
  auditContent,
  createAuditCheck,
  firstAuditHash,
  type AuditRow,
  type AuditVerdict,
} from '../lib/audit-chain.ts';
import type { Database, Statement } from '../lib/database/index.ts';

export type { AuditRow, AuditVerdict };

const anchorName = 'audit-anchor';

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
            '${firstAuditHash}') AS previous)`,
    params: [audited.at, audited.by, audited.action, audited.subject, auditContent(audited)],
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
  const check = createAuditCheck(anchor?.position ?? firstAuditHash);
  let after = 0;
  for (;;) {
    const bite = database.all<AuditRow>(
      `SELECT ${auditColumns} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`,
      after,
      biteRows,
    );
    const fault = check.next(bite);
    if (fault) return fault;
    after = bite.at(-1)?.seq ?? after;
    if (bite.length < biteRows) return check.intact();
  }
}
