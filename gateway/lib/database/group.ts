import { messageOf } from '../errors.ts';
import { callHead, chainFault, type Fault, type GroupAnswer } from './protocol.ts';
import { diskFaultOf, type Connection, type PreparedStatement, type SqlValue } from './sqlite.ts';

/** Runs groups of calls (`GroupMessage.calls`) on one connection, each group in one transaction. */
export function createGroupRunner(connection: Connection, beforeCommit: () => void) {
  const statements: PreparedStatement[] = [];
  const sqlTexts: string[] = [];
  const begin = connection.prepare('BEGIN IMMEDIATE');
  const commit = connection.prepare('COMMIT');
  const save = connection.prepare('SAVEPOINT call');
  const undo = connection.prepare('ROLLBACK TO call');
  const release = connection.prepare('RELEASE call');

  const statement = (index: number): PreparedStatement => {
    const known = statements[index];
    if (known) return known;
    // Prepared on first use, so that bad SQL is the fault of the call that brought it.
    const text = sqlTexts[index];
    if (text === undefined) throw new Error(`statement ${index} was never sent`);
    const prepared = connection.prepare(text);
    statements[index] = prepared;
    return prepared;
  };

  /** Runs the statements of the call that begins at `at`; answers where the next one begins. */
  const runCall = (calls: readonly SqlValue[], at: number): void => {
    let position = at + 1;
    for (let left = callHead.statements(calls[at]); left > 0; left -= 1) {
      const index = calls[position] as number;
      const end = position + 2 + (calls[position + 1] as number);
      statement(index).run(...calls.slice(position + 2, end));
      position = end;
    }
  };

  return {
    learn(texts: readonly string[]): void {
      sqlTexts.push(...texts);
    },
    /** Commits everything that can be, answers what could not. Leaves no transaction open. */
    run(calls: readonly SqlValue[]): GroupAnswer {
      const failed: [number, Fault][] = [];
      try {
        begin.run();
        let call = 0;
        let chainBroken = false;
        for (let at = 0; at < calls.length; at = endOfCall(calls, at)) {
          // A statement undoes itself when it fails; only a call of several needs a savepoint (1 µs).
          const several = callHead.statements(calls[at]) > 1;
          const chained = callHead.chained(calls[at]);
          if (chained && chainBroken) {
            failed.push([call, chainFault]);
          } else {
            if (several) save.run();
            try {
              runCall(calls, at);
            } catch (error) {
              if (diskFaultOf(error) !== null) throw error;
              if (several) undo.run();
              failed.push([call, faultOf(error)]);
              chainBroken ||= chained;
            }
            if (several) release.run();
          }
          call += 1;
        }
        beforeCommit();
        commit.run();
      } catch (error) {
        rollBack(connection);
        return { kind: 'all-failed', fault: faultOf(error) };
      }
      return failed.length === 0 ? null : { kind: 'some-failed', failed };
    },
  };
}

function endOfCall(calls: readonly SqlValue[], at: number): number {
  let position = at + 1;
  for (let left = callHead.statements(calls[at]); left > 0; left -= 1) position += 2 + (calls[position + 1] as number);
  return position;
}

function rollBack(connection: Connection): void {
  try {
    connection.exec('ROLLBACK');
  } catch {
    // After SQLITE_FULL or IOERR SQLite has often rolled back already; then there is nothing left to undo.
  }
}

function faultOf(error: unknown): Fault {
  return { message: messageOf(error), chain: false, disk: diskFaultOf(error) };
}
