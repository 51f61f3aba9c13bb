import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { isGatewayError } from '../../lib/errors.ts';
import { silentLogger } from '../../lib/logger.ts';
import { startPostgres, type Postgres } from '../../../test/support/postgres.ts';
import { auditStatement, auditSweep, verifyAudit } from '../audit.ts';
import type { EpochMs } from '../../lib/clock.ts';
import { inList, type DeskData } from './desk-data.ts';
import { createPostgresData } from './postgres-data.ts';
import { indexStatements, matchOf } from './search-index.ts';
import { createSqliteData } from './sqlite-data.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 120_000);
afterAll(() => postgres.stop());

const common = { clock: systemClock, logger: silentLogger };

async function open(dialect: 'sqlite' | 'postgres', where: string): Promise<DeskData> {
  const data =
    dialect === 'sqlite' ? createSqliteData({ ...common, file: where }) : createPostgresData({ ...common, url: where });
  await data.start(new AbortController().signal);
  onTestFinished(() => data.stop());
  return data;
}
async function place(dialect: 'sqlite' | 'postgres'): Promise<string> {
  if (dialect === 'postgres') return postgres.database();
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-desk-data-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'desk.sqlite');
}

const put = (name: string, value: string) => ({
  sql: 'INSERT INTO setting (name, value) VALUES (?, ?)',
  params: [name, value],
});
const at = (value: number) => value as EpochMs;

describe.each(['sqlite', 'postgres'] as const)('the data of a desk in %s', (dialect) => {
  it('keeps what was written when it is opened again', async () => {
    const where = await place(dialect);
    const first = await open(dialect, where);
    await first.write([put('a', '派出所'), put('b', '2')]);
    await first.stop();
    const second = await open(dialect, where);
    expect(await second.all('SELECT name, value FROM setting ORDER BY name')).toEqual([
      { name: 'a', value: '派出所' },
      { name: 'b', value: '2' },
    ]);
    expect(await second.get('SELECT value FROM setting WHERE name = ?', 'c')).toBeUndefined();
  });

  it('writes all of a call or none of it, and a call that fails takes no other with it', async () => {
    const data = await open(dialect, await place(dialect));
    const results = await Promise.allSettled([
      data.write([put('a', '1')]),
      data.write([put('b', '1'), put('a', 'again')]),
      data.write([put('c', '1')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const reason: unknown = results[1].status === 'rejected' ? results[1].reason : null;
    expect(isGatewayError(reason, 'store.commit-failed')).toBe(true);
    expect(await data.all('SELECT name FROM setting ORDER BY name')).toEqual([{ name: 'a' }, { name: 'c' }]);
  });

  it('never lets two writers overlap, in one process or two', async () => {
    const where = await place(dialect);
    const both = [await open(dialect, where), await open(dialect, where)];
    await both[0]!.write([put('count', '0')]);
    const step = {
      sql: `UPDATE setting SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = ?`,
      params: ['count'],
    };
    await Promise.all(Array.from({ length: 60 }, (_, index) => both[index % 2]!.write([step])));
    expect(await both[0]!.get('SELECT value FROM setting')).toEqual({ value: '60' });
  });

  it('gives numbers as numbers and bytes as bytes', async () => {
    const data = await open(dialect, await place(dialect));
    await data.write([
      {
        sql: 'INSERT INTO unread (gateway, delivery_id, type, body, received_at) VALUES (?, ?, ?, ?, ?)',
        params: ['g', 'd', 't', Buffer.from([0, 255]), 1_900_000_000_123],
      },
    ]);
    const row = await data.get<{ body: Uint8Array; received_at: number; n: number; s: number }>(
      'SELECT body, received_at, (SELECT count(*) FROM unread) AS n, (SELECT sum(received_at) FROM unread) AS s FROM unread',
    );
    expect({ ...row, body: [...(row?.body ?? [])] }).toEqual({
      ...{ body: [0, 255], received_at: 1_900_000_000_123, n: 1, s: 1_900_000_000_123 },
    });
    const { sql, params } = inList(['g', 'x']);
    expect(await data.all(`SELECT gateway FROM unread WHERE gateway IN ${sql}`, ...params)).toHaveLength(1);
  });

  it('chains the audit log, and notices an altered, a missing and a cut-off row', async () => {
    const data = await open(dialect, await place(dialect));
    const note = (n: number) =>
      auditStatement({ at: at(n), by: '李警官', action: 'alert.progress', subject: `a ${n}` });
    await Promise.all([1, 2, 3, 4, 5].map((n) => data.write([note(n)])));
    expect(await verifyAudit(data)).toMatchObject({ kind: 'intact', rows: 5 });
    // What retention takes away leaves an anchor, and the rest still holds.
    await data.write(auditSweep(3));
    expect(await verifyAudit(data)).toMatchObject({ kind: 'intact', rows: 3 });
    await data.write([{ sql: `UPDATE audit SET subject = 'b' WHERE at = ?`, params: [4] }]);
    expect(await verifyAudit(data)).toMatchObject({ kind: 'broken', why: 'its content is not what was written' });
    await data.write([{ sql: 'DELETE FROM audit WHERE at = ?', params: [4] }]);
    expect(await verifyAudit(data)).toMatchObject({ kind: 'broken', why: expect.stringContaining('before it') });
  });

  it('finds any part of a text in either script, and only where its parts stand together', async () => {
    const data = await open(dialect, await place(dialect));
    const where = (index: number) => ({ sql: 'kind = ? AND ref = ?', params: ['note', String(index)] });
    const texts = [
      '东苑小区 3号楼充电棚 烟感报警',
      '浙B·12345 逗留',
      'Smoke in the shed of house 3',
      '张建国 已到现场',
    ];
    await data.write(
      texts.flatMap((text, index) => [
        {
          sql: `INSERT INTO entry (kind, ref, gateway, text, at) VALUES ('note', ?, 'g', ?, ?)`,
          params: [String(index), text, index],
        },
        ...indexStatements(dialect, { text, marks: ['odd', 'even'].slice(index % 2, (index % 2) + 1) }, where(index)),
      ]),
    );
    const found = async (typed: string, marks: string[][] = []) => {
      const match = matchOf(dialect, typed, marks);
      if (match === null || match === 'nothing') return match;
      const rows = await data.all<{ ref: string }>(
        `SELECT ref FROM entry WHERE number IN (SELECT ${match.number} FROM entry_text WHERE ${match.sql}) ORDER BY ref`,
        match.param,
      );
      return rows.map(({ ref }) => Number(ref));
    };
    expect(await found('充电')).toEqual([0]);
    expect(await found('楼充电棚 东苑')).toEqual([0]);
    expect(await found('电充')).toEqual([]);
    expect(await found('123')).toEqual([1]);
    expect(await found('B·12')).toEqual([1]);
    expect(await found('SHED')).toEqual([2]);
    expect(await found('3')).toEqual([0, 1, 2]);
    expect(await found('浙b123')).toEqual([1]);
    expect(await found('国')).toEqual([3]);
    expect(await found(`"'); DROP TABLE entry`)).toEqual([]);
    expect(await found('·—')).toBe('nothing');
    expect(await found('')).toBeNull();
    // What an entry is marked with narrows what is found, and finds by itself.
    expect(await found('3', [['even']])).toEqual([1]);
    expect(await found('3', [['even', 'odd']])).toEqual([0, 1, 2]);
    expect(await found('', [['even']])).toEqual([1, 3]);
    expect(await found('3', [['even'], ['odd']])).toEqual([]);
    expect([await found('odd'), await found('dd')]).toEqual([[], []]);
    // Said anew, it is found by what it says now.
    await data.write(indexStatements(dialect, { text: '李四', marks: [] }, where(3)));
    expect([await found('张建'), await found('李四')]).toEqual([[], [3]]);
  });
});

describe('PostgreSQL that goes away', () => {
  it('refuses what cannot be stored, says so, and takes writes again once it is back', async () => {
    const own = await startPostgres();
    onTestFinished(() => own.stop());
    const data = await open('postgres', await own.database());
    await data.write([put('a', '1')]);
    await own.kill();
    const refused = await data.write([put('b', '1')]).catch((error: unknown) => error);
    expect(isGatewayError(refused, 'store.commit-failed')).toBe(true);
    expect(data.health()).toMatchObject({ healthy: false });
    await own.start();
    for (;;) {
      const done = await data.write([put('c', '1')]).then(
        () => true,
        () => false,
      );
      if (done) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(data.health()).toMatchObject({ healthy: true, fault: null });
    expect(await data.all('SELECT name FROM setting ORDER BY name')).toEqual([{ name: 'a' }, { name: 'c' }]);
  }, 60_000);
});
