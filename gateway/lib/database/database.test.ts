import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { isGatewayError } from '../errors.ts';
import { silentLogger } from '../logger.ts';
import { workerUrl } from '../worker-url.ts';
import { createDatabase, type Database, type DatabaseSettings, type Migration } from './index.ts';

const migrations: readonly Migration[] = [
  { version: 1, name: 'numbers', sql: 'CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT' },
];
const insert = 'INSERT INTO numbers (n, text) VALUES (?, ?)';
const put = (n: number, text: string | null = 'x') => ({ sql: insert, params: [n, text] });

let folder = '';
let file = '';
const open: Database[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kanmen-database-'));
  file = join(folder, 'kanmen.db');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(open.splice(0).map((database) => database.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function started(settings: Partial<DatabaseSettings> = {}): Promise<Database> {
  const database = createDatabase({ file, migrations, clock: systemClock, logger: silentLogger, ...settings });
  open.push(database);
  await database.start(new AbortController().signal);
  return database;
}

const numbersIn = (database: Database): number[] =>
  database.all<{ n: number }>('SELECT n FROM numbers ORDER BY n').map((row) => row.n);

/** A second process that writes first, first+1, … and prints each number when its write has resolved. */
function writingProcess(first: number, count: number): { child: ChildProcess; resolved: AsyncIterable<string> } {
  const url = new URL('./index.js', workerUrl(import.meta.url, 'writer')).href;
  const child = spawn(
    'node',
    [
      '--input-type=module',
      '-e',
      `import { createDatabase } from ${JSON.stringify(url)};
       const migrations = ${JSON.stringify(migrations)};
       const clock = { now: () => Date.now(), monotonic: () => performance.now(), after: () => ({ cancel() {} }) };
       const logger = { info() {}, error() {} };
       const database = createDatabase({ file: ${JSON.stringify(file)}, migrations, clock, logger });
       await database.start(new AbortController().signal);
       const one = async (n) => { await database.write([{ sql: ${JSON.stringify(insert)}, params: [n, 'child'] }]); console.log(n); };
       for (let n = ${first}; n < ${first + count}; n += 4) await Promise.all([one(n), one(n + 1), one(n + 2), one(n + 3)]);
       await database.stop();`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  return { child, resolved: createInterface({ input: child.stdout }) };
}

describe('database', () => {
  it('shows a write to reads as soon as it has resolved', async () => {
    const database = await started();
    await database.write([put(1, 'one'), put(2, 'two')]);
    expect(database.all('SELECT n, text FROM numbers ORDER BY n')).toEqual([
      { n: 1, text: 'one' },
      { n: 2, text: 'two' },
    ]);
    expect(database.get<{ text: string }>('SELECT text FROM numbers WHERE n = ?', 2)?.text).toBe('two');
    expect(database.get('SELECT text FROM numbers WHERE n = ?', 3)).toBeUndefined();
  });

  it('takes every kind of value', async () => {
    const database = await started({
      migrations: [{ version: 1, name: 'any', sql: 'CREATE TABLE any_value (i INTEGER, r REAL, t TEXT, b BLOB, n)' }],
    });
    await database.write([
      {
        sql: 'INSERT INTO any_value VALUES (?, ?, ?, ?, ?)',
        params: [12345678901234n, 0.5, '门', new Uint8Array([0, 255]), null],
      },
    ]);
    expect(database.get('SELECT * FROM any_value')).toEqual({
      i: 12345678901234,
      r: 0.5,
      t: '门',
      b: new Uint8Array([0, 255]),
      n: null,
    });
  });

  it('writes all statements of a call or none, and fails only the call that is wrong', async () => {
    const database = await started();
    const outcomes = await Promise.allSettled([
      database.write([put(1)]),
      database.write([put(2), put(3), put(3)]),
      database.write([put(4, null)]),
      database.write([{ sql: 'INSERT INTO nowhere VALUES (1)', params: [] }]),
      database.write([put(5), put(6)]),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(numbersIn(database)).toEqual([1, 5, 6]);
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(reasons.every((reason) => isGatewayError(reason, 'store.commit-failed') && !reason.retryable)).toBe(true);
    expect(database.health()).toEqual({ healthy: true, fault: null, spaceShort: false });
    expect(database.report()).toMatchObject({ name: 'store', depth: 0, passed: 5, dropped: 3 });
  });

  it('writes many rows of one insert together, in their order, and still fails only the one that is wrong', async () => {
    const database = await started();
    const numbers = Array.from({ length: 300 }, (_, n) => n + 1);
    await Promise.all(numbers.map((n) => database.write([put(n, `row ${n}`)])));
    expect(numbersIn(database)).toEqual(numbers);
    expect(database.get<{ text: string }>('SELECT text FROM numbers WHERE n = ?', 177)?.text).toBe('row 177');

    // One that is there already in the middle of a hundred others.
    const more = Array.from({ length: 100 }, (_, n) => (n === 50 ? 7 : 1000 + n));
    const outcomes = await Promise.allSettled(more.map((n) => database.write([put(n)])));
    expect(outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([50]);
    expect(numbersIn(database)).toHaveLength(399);

    // Chained: those after it rest on what was not written.
    const chained = Array.from({ length: 100 }, (_, n) => (n === 40 ? 7 : 2000 + n));
    const ends = await Promise.allSettled(chained.map((n) => database.write([put(n)], { chained: true })));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(40);
    expect(numbersIn(database)).toHaveLength(439);
  });

  it('fails every chained write that was made before the failure of another was known', async () => {
    const database = await started({ fsyncDelayMs: 30 });
    const order: string[] = [];
    database.onChainBroken(() => order.push(`broken with ${numbersIn(database).join()} on disk`));
    const chained = (n: number, text: string | null = 'x') =>
      database.write([put(n, text)], { chained: true }).then(
        () => order.push(`${n} written`),
        (error: unknown) => order.push(`${n} ${isGatewayError(error) && error.facts['chain'] ? 'chain' : 'failed'}`),
      );
    const group = [chained(1), chained(2, null), chained(3), database.write([put(4)])];
    // While those are on their way:
    await new Promise(setImmediate);
    const next = [chained(5), database.write([put(6)])];
    await Promise.all(group);
    const later = chained(7);
    await Promise.all([...next, later]);
    expect(order).toEqual(['broken with 1,4 on disk', '1 written', '2 failed', '3 chain', '5 chain', '7 written']);
    expect(numbersIn(database)).toEqual([1, 4, 6, 7]);
  });

  it('keeps what was committed over a restart and applies only new migrations', async () => {
    const first = await started();
    await first.write([put(1)]);
    await first.stop();
    const second = await started({
      migrations: [...migrations, { version: 2, name: 'colour', sql: 'ALTER TABLE numbers ADD COLUMN colour TEXT' }],
    });
    expect(second.all('SELECT * FROM numbers')).toEqual([{ n: 1, text: 'x', colour: null }]);
    expect(second.all('SELECT version, name FROM applied_migrations')).toEqual([
      { version: 1, name: 'numbers' },
      { version: 2, name: 'colour' },
    ]);
  });

  it('leaves the schema as it was when a migration is wrong', async () => {
    await (await started()).stop();
    const wrong = [...migrations, { version: 2, name: 'wrong', sql: 'CREATE TABLE extra (x); CREATE TABLE extra (y)' }];
    await expect(started({ migrations: wrong })).rejects.toMatchObject({
      code: 'store.commit-failed',
      message: expect.stringContaining('migration 2 (wrong)') as string,
    });
    expect((await started()).all("SELECT name FROM sqlite_master WHERE name = 'extra'")).toEqual([]);
  });

  it('refuses a database that a newer version wrote', async () => {
    const newer = await started({ migrations: [...migrations, { version: 2, name: 'later', sql: 'SELECT 1' }] });
    await newer.stop();
    await expect(started()).rejects.toMatchObject({ code: 'store.too-new' });
  });

  it('refuses a damaged file and says so', async () => {
    writeFileSync(file, 'this is no database, but it is long enough to be read as a header'.repeat(100));
    await expect(started()).rejects.toMatchObject({ code: 'store.corrupt' });
  });

  it('commits what it accepted before a stop and nothing after', async () => {
    const database = await started({ fsyncDelayMs: 20 });
    const writes = Array.from({ length: 50 }, (_, n) => database.write([put(n)]));
    const stopping = database.stop();
    await expect(database.write([put(99)])).rejects.toMatchObject({ code: 'store.closed' });
    await stopping;
    await Promise.all(writes);
    await database.stop();
    expect(numbersIn(await started())).toHaveLength(50);
  });

  it('groups what is written while a commit runs, without waiting for more', async () => {
    const database = await started({ fsyncDelayMs: 50 });
    const startedMs = performance.now();
    await database.write([put(0)]);
    const single = performance.now() - startedMs;
    const groupMs = performance.now();
    await Promise.all(Array.from({ length: 500 }, (_, n) => database.write([put(n + 1)])));
    // One group of 500 takes about as long as one call; 500 commits would take 25 s.
    expect(single).toBeGreaterThanOrEqual(50);
    expect(performance.now() - groupMs).toBeLessThan(2500);
    expect(numbersIn(database)).toHaveLength(501);
  });

  it('does not hold up the event loop on a slow disk', async () => {
    const database = await started({ fsyncDelayMs: 200 });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedMs = performance.now();
    for (let n = 0; n < 3; n += 1) await database.write([put(n)]);
    delay.disable();
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(600);
    // The loop's mean delay stays near the probe's own 1 ms; held up by the disk it would be near 200.
    expect(delay.mean / 1e6).toBeLessThan(50);
  });
});

describe('database on a full disk', () => {
  it('rejects the whole group, says so, and recovers by itself', async () => {
    const database = await started({ maxPages: 40 });
    const big = 'y'.repeat(100_000);
    await database.write([put(1)]);
    const outcomes = await Promise.allSettled([database.write([put(2)]), database.write([put(3, big), put(4, big)])]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    await expect(database.write([put(5, big + big)])).rejects.toMatchObject({
      code: 'store.commit-failed',
      retryable: true,
      facts: { disk: 'SQLITE_FULL' },
    });
    expect(database.health()).toMatchObject({ healthy: false, spaceShort: true });
    expect(numbersIn(database)).toEqual([1]);
    await vi.waitFor(
      () => expect(database.health()).toEqual({ healthy: true, fault: null, spaceShort: false }),
      10_000,
    );
    await database.write([put(6)]);
    expect(numbersIn(database)).toEqual([1, 6]);
  });

  it('makes a reserve file and gives it up once', async () => {
    const database = await started({ reserveBytes: 5_000_000 });
    const reserve = `${file}.reserve`;
    await vi.waitFor(() => expect(statSync(reserve).size).toBe(5_000_000), 10_000);
    expect(await database.releaseReserve()).toBe(true);
    expect(existsSync(reserve)).toBe(false);
    expect(database.health().spaceShort).toBe(true);
    expect(await database.releaseReserve()).toBe(false);
    // There is room here, so it comes back.
    await vi.waitFor(() => expect(statSync(reserve).size).toBe(5_000_000), 10_000);
    await vi.waitFor(() => expect(database.health().spaceShort).toBe(false), 10_000);
  });
});

describe('database and other processes', () => {
  it('loses nothing that resolved when the process is killed in the middle of writes', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { child, resolved } = writingProcess(round * 1_000_000, 1_000_000);
      const seen: number[] = [];
      for await (const line of resolved) {
        seen.push(Number(line));
        if (seen.length === 200 + round * 37) child.kill('SIGKILL');
      }
      const database = await started();
      const kept = new Set(numbersIn(database));
      expect(seen.length).toBeGreaterThanOrEqual(200);
      expect(seen.filter((n) => !kept.has(n))).toEqual([]);
      await database.stop();
    }
  });

  it('lets two processes write at the same time', async () => {
    const database = await started();
    const { resolved } = writingProcess(1_000_000, 400);
    let theirs = 0;
    let ours = 0;
    const other = (async () => {
      for await (const line of resolved) theirs += Number(line) > 0 ? 1 : 0;
    })();
    let running = true;
    void other.then(() => {
      running = false;
    });
    while (running) {
      await database.write([put(ours)]);
      ours += 1;
    }
    expect(theirs).toBe(400);
    expect(numbersIn(database)).toHaveLength(400 + ours);
  });
});
