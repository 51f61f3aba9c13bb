import { openConnection, type PreparedStatement, type SqlValue } from './sqlite.ts';

export interface Reader {
  all<Row>(sql: string, params: readonly SqlValue[]): Row[];
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names the row that its SQL makes
  get<Row>(sql: string, params: readonly SqlValue[]): Row | undefined;
  close(): void;
}

/** Statements kept prepared; more than any room has, so that only generated SQL is ever thrown out. */
const keptStatements = 500;

/** A read-only connection for the calling thread. In WAL mode it never waits for the writer. */
export async function openReader(file: string): Promise<Reader> {
  const connection = await openConnection(file, { readOnly: true });
  connection.exec('PRAGMA cache_size = -8000');
  const prepared = new Map<string, PreparedStatement>();
  const statement = (sql: string): PreparedStatement => {
    const known = prepared.get(sql);
    if (known) return known;
    if (prepared.size >= keptStatements) prepared.clear();
    const made = connection.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  return {
    all: <Row>(sql: string, params: readonly SqlValue[]) => statement(sql).all(...params) as Row[],
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as above
    get: <Row>(sql: string, params: readonly SqlValue[]) => statement(sql).get(...params) as Row | undefined,
    close: () => {
      prepared.clear();
      connection.close();
    },
  };
}
