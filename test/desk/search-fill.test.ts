/** A desk whose database is older than its search: everything that was there is found, in its order, while work goes on. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 } from 'uuid';
import { migrationsFor } from '../../gateway/inbox/data/migrations.ts';
import { createPostgresData } from '../../gateway/inbox/data/postgres-data.ts';
import { createSqliteData } from '../../gateway/inbox/data/sqlite-data.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { openConnection } from '../../gateway/lib/database/sqlite.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import pg from 'pg';
import { startPostgres, type Postgres } from '../support/postgres.ts';
import { deskFolder, noticeEvent, startDesk, until, type Json } from './fixture.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 120_000);
afterAll(() => postgres.stop());

const dayMs = 86_400_000;
const firstAt = Date.now() - 40 * dayMs;
/** More than one batch, so that the filling has to go on from where it was. */
const count = 700;

/** Rows as the first version of the desk wrote them: no search, no areas, nothing but what was told and answered. */
function oldRows(): { readonly sql: string; readonly params: (string | number | null)[] }[] {
  return Array.from({ length: count }, (_, n) => {
    const at = firstAt + n * 60_000;
    const id = `old-${String(n).padStart(4, '0')}`;
    const { data } = noticeEvent('raised', {
      ...{ alertId: id, version: 1, at: new Date(at), state: 'closed' },
      title: { zh: `${n}号楼烟感`, en: `Smoke in house ${n}` },
    });
    return [
      {
        sql: `INSERT INTO alert (id, gateway, revision, version, told_at, data, tier, tier_rank, kind, state, ended_at,
                open, occurred_at, raised_at, received_at, last_at)
              VALUES (?, 'east', 1, 1, ?, ?, 'red', 0, 'fire.smoke', 'closed', ?, 0, ?, ?, ?, ?)`,
        params: [id, at, JSON.stringify(data), at, at, at, at, at],
      },
      // Told to two recipients of this desk: one note all the same.
      ...[0, 1].map((to) => ({
        sql: `INSERT INTO notice (gateway, delivery_id, alert_id, version, change, tier, news_kind, news_by, news_at,
                news_text, received_at, entered) VALUES ('east', ?, ?, 2, 'updated', 'red', 'outcome', '赵六', ?, ?, ?, 0)`,
        params: [`d-${n}-${to}`, id, at + 2000, `电池起火第${n}起`, at + 2000],
      })),
      {
        sql: `INSERT INTO feedback (id, gateway, alert_id, kind, by_name, at, text, sent_at, received_at)
              VALUES (?, 'east', ?, 'progress', '李警官', ?, ?, ?, ?)`,
        params: [`f-${n}`, id, at + 1000, `已到现场第${n}次`, at + 1000, at + 1000],
      },
    ];
  }).flat();
}

/** A database as it was left at version 2, in the file or on the server. */
async function leaveOld(dialect: 'sqlite' | 'postgres', where: string): Promise<void> {
  const steps = migrationsFor(dialect).filter(({ version }) => version <= 2);
  const noted =
    'CREATE TABLE applied_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)';
  if (dialect === 'sqlite') {
    const old = await openConnection(where, { readOnly: false });
    old.exec(noted.replaceAll('BIGINT', 'INTEGER'));
    for (const { version, name, sql } of steps) {
      old.exec(sql);
      old.prepare('INSERT INTO applied_migrations VALUES (?, ?, 0)').run(version, name);
    }
    old.exec('BEGIN');
    for (const { sql, params } of oldRows()) old.prepare(sql).run(...params);
    old.exec('COMMIT');
    old.close();
    return;
  }
  const old = new pg.Client({ connectionString: where });
  await old.connect();
  await old.query(noted);
  for (const { version, name, sql } of steps) {
    await old.query(sql);
    await old.query('INSERT INTO applied_migrations VALUES ($1, $2, 0)', [version, name]);
  }
  for (const { sql, params } of oldRows()) {
    let number = 0;
    await old.query(
      sql.replace(/\?/g, () => `$${(number += 1)}`),
      params,
    );
  }
  await old.end();
}

describe.each(['sqlite', 'postgres'] as const)('a desk upgraded from before there was a search, on %s', (dialect) => {
  it('finds all that was there, newest first, beside what comes in; also when it was stopped in between', async () => {
    const folder = deskFolder(['east']);
    const file = join(folder.dir, 'data/desk.sqlite');
    let config = {};
    if (dialect === 'sqlite') {
      mkdirSync(join(folder.dir, 'data'));
      await leaveOld('sqlite', file);
    } else {
      const url = await postgres.database();
      writeFileSync(join(folder.dir, 'database-url'), url);
      config = { database: { kind: 'postgres', urlFile: join(folder.dir, 'database-url') } };
      await leaveOld('postgres', url);
    }
    // Only as far as the tables: nothing is indexed yet, as when the power fails right after the upgrade.
    const common = { clock: systemClock, logger: silentLogger };
    const tables =
      dialect === 'sqlite'
        ? createSqliteData({ ...common, file })
        : createPostgresData({ ...common, url: readFileSync(join(folder.dir, 'database-url'), 'utf8') });
    await tables.start(new AbortController().signal);
    expect(await tables.get('SELECT count(*) AS n FROM entry')).toEqual({ n: 3 * count });
    await tables.stop();

    const desk = await startDesk({ folder, config });
    const officer = await desk.addUser('李警官', 'duty');
    // What comes in meanwhile stands above all that was there.
    const alertId = v7();
    const told = noticeEvent('raised', { alertId, version: 1, title: { zh: '新的1号楼烟感', en: 'New' } });
    expect((await desk.gateway('east').send(told)).status).toBe(200);
    const found = async (text: string, more = {}): Promise<Json> =>
      (await officer.post('/api/search', { text, limit: 100, ...more })).json;
    await until(async () => !(await found('号楼')).indexing);

    const all: string[] = [];
    for (let before: string | undefined; ;) {
      const page = await found('号楼', { kinds: ['alert'], ...(before === undefined ? {} : { before }) });
      all.push(...(page.items as Json[]).map(({ alert }) => alert.id as string));
      if (page.next === null) break;
      before = page.next;
    }
    expect(all).toEqual([
      alertId,
      ...Array.from({ length: count }, (_, n) => `old-${String(count - 1 - n).padStart(4, '0')}`),
    ]);
    // Notes: what was written here, and what somebody elsewhere wrote, once though two were told.
    expect((await found('现场第699次')).items).toMatchObject([{ kind: 'note', by: '李警官', alertId: 'old-0699' }]);
    expect((await found('起火第0起')).items).toMatchObject([{ kind: 'note', by: '赵六', alertId: 'old-0000' }]);
    expect((await found('赵六', { kinds: ['note'] })).items).toHaveLength(100);
    // By time and gateway, too.
    const end = new Date(firstAt + 30_000).toISOString();
    expect((await found('号楼', { kinds: ['alert'], to: end })).items).toMatchObject([{ alert: { id: 'old-0000' } }]);
    expect((await found('号楼', { gateway: 'west' })).items).toEqual([]);
  }, 120_000);
});
