import type { Statement } from './index.ts';

/** A row that is written only to learn whether writing works; `migrate` makes its table. */
export const probeTable = 'CREATE TABLE IF NOT EXISTS write_probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT';

export function writeProbe(nowMs: number): Statement {
  return { sql: 'INSERT OR REPLACE INTO write_probe (id, at) VALUES (1, ?)', params: [nowMs] };
}
