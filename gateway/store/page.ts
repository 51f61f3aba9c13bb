import type { Database, SqlValue } from '../lib/database/index.ts';
import type { PageQuery } from './rows.ts';

/** A condition with its value, where null stands for "not asked for"; or one without a value, always asked. */
export type Condition = readonly [sql: string, value: SqlValue | null] | readonly [sql: string];

/**
 * One page, newest first, by keyset: the page after a million rows costs what the first one costs. `keys` are the two
 * columns of the order; every index of `table` ends with them, so whichever filter leads, the rows come sorted.
 */
export function readPage<Row>(
  database: Pick<Database, 'all'>,
  request: {
    readonly columns: string;
    readonly table: string;
    readonly keys: readonly [at: string, id: string];
    readonly conditions: readonly Condition[];
    readonly page: PageQuery;
    /** What the id column holds: `before.id` is always text. */
    readonly idOf?: (id: string) => SqlValue;
  },
): Row[] {
  const [at, id] = request.keys;
  const asked = request.conditions.filter(([, value]) => value !== null);
  const where = asked.map(([sql]) => sql);
  const params = asked.flatMap(([, value]) => (value === undefined ? [] : [value]));
  const { before, limit } = request.page;
  if (before) {
    where.push(`(${at}, ${id}) < (?, ?)`);
    params.push(before.at, request.idOf ? request.idOf(before.id) : before.id);
  }
  const condition = where.length > 0 ? `WHERE ${where.join(' AND ')}` : '';
  return database.all<Row>(
    `SELECT ${request.columns} FROM ${request.table} ${condition} ORDER BY ${at} DESC, ${id} DESC LIMIT ?`,
    ...params,
    limit,
  );
}
