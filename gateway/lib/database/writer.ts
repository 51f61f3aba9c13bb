/** The writer thread: the one place that writes. It answers every message once, in order. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../errors.ts';
import { passSteeredDisk } from '../steering.ts';
import { createGroupRunner } from './group.ts';
import { migrate, TooNewError } from './migrate.ts';
import type { GroupAnswer, GroupMessage, OpenAnswer, WriterData } from './protocol.ts';
import { isDamage, openConnection, type Connection } from './sqlite.ts';

/** Above this the check would hold up the start (about 400 MB/s from the page cache, 100 MB/s from eMMC). */
const checkedWholeBytes = 256_000_000;

async function open(data: WriterData): Promise<Connection> {
  const connection = await openConnection(data.file, { readOnly: false });
  connection.exec('PRAGMA journal_mode = WAL');
  // FULL: the WAL is synced at every commit, so what was acknowledged survives a power cut (NORMAL syncs only at checkpoints).
  connection.exec('PRAGMA synchronous = FULL');
  connection.exec('PRAGMA foreign_keys = ON');
  // 16 MB: the hot leaves of the indexes of 2 200 devices stay in memory.
  connection.exec('PRAGMA cache_size = -16000');
  // Pages touched again and again are copied back once per 16 MB of WAL; 4 MB (the default) doubled the copying.
  connection.exec('PRAGMA wal_autocheckpoint = 4000');
  connection.exec('PRAGMA journal_size_limit = 32000000');
  if (data.maxPages !== null) connection.exec(`PRAGMA max_page_count = ${data.maxPages}`);
  if (statSync(data.file).size < checkedWholeBytes) {
    const row = connection.prepare('PRAGMA quick_check(1)').get() as { quick_check: string } | undefined;
    if (row?.quick_check !== 'ok')
      throw new Error(`integrity check: ${row?.quick_check ?? 'no answer'}`, { cause: 'damage' });
  }
  // For hash chains: only inside the transaction is it known which row is the one before.
  connection.function('sha256', { deterministic: true }, (text: string) =>
    createHash('sha256').update(text).digest('hex'),
  );
  migrate(connection, data.migrations, Date.now());
  return connection;
}

function refusal(error: unknown): OpenAnswer {
  const damaged = isDamage(error) || (error instanceof Error && (error.cause === 'damage' || isDamage(error.cause)));
  const code =
    error instanceof TooNewError ? 'store.too-new' : damaged ? 'store.corrupt' : ('store.commit-failed' as const);
  return { kind: 'refused', code, message: messageOf(error) };
}

async function run(): Promise<void> {
  const port = parentPort;
  if (!port) throw new Error('the writer runs only as a worker thread');
  const data = workerData as WriterData;
  let connection: Connection;
  try {
    connection = await open(data);
  } catch (error) {
    port.postMessage(refusal(error) satisfies OpenAnswer);
    port.close();
    return;
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const groups = createGroupRunner(connection, () => {
    if (data.steering !== null) passSteeredDisk(data.steering);
    if (data.fsyncDelayMs > 0) Atomics.wait(pause, 0, 0, data.fsyncDelayMs);
  });
  port.on('message', (message: GroupMessage | 'close') => {
    if (message === 'close') {
      connection.close();
      port.close();
      return;
    }
    groups.learn(message.newSql);
    port.postMessage(groups.run(message.calls) satisfies GroupAnswer);
  });
  port.postMessage({ kind: 'open' } satisfies OpenAnswer);
}

await run();
