/** A year of a district's alerts where a desk finds them, written in bulk, for the benchmarks of the desk. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDesk } from '../../gateway/config/index.ts';
import type { PassageData } from '../../gateway/domain/notice.ts';
import { createPostgresData, createSqliteData, type DeskData } from '../../gateway/inbox/index.ts';
import { noticeStatements } from '../../gateway/inbox/notice-statements.ts';
import { passageStatements } from '../../gateway/inbox/passages.ts';
import { systemClock, type EpochMs } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { benchAlert, type BenchDesk } from './desk-process.ts';

/** Of the history, so many are still open: a bad week. */
const stillOpen = 300;
const yearMs = 365 * 86_400_000;
const hourMs = 3_600_000;
/** Calls that go into one commit. */
const together = 4000;
/** Every so many alerts one passage is shared, too. */
const alertsAPassage = 5;
const common = { clock: systemClock, logger: silentLogger };

const copied = [
  ...['alert', 'notice', 'feedback', 'entry', 'entry_text', 'gateway_word', 'passage', 'audit', 'setting'],
] as const;
const counted = { feedback: 'sequence', entry: 'number', audit: 'seq' } as const;

function benchPassage(n: number, gateway: string, at: string): PassageData {
  const place = { site: { id: 'bench', name: '东苑小区' }, area: { id: 'gate', name: '东门' }, name: '东门' };
  const plate = {
    text: `浙B${10_000 + n}`,
    kind: 'small',
    color: 'blue',
    confidence: 0.98,
    characters: [0.98],
  } as const;
  return {
    ...{ passageId: `p-${n}`, at, startedAt: at, endedAt: at, camera: 'gate-1', place, gateway, evidence: [] },
    ...{ direction: 'in', subject: 'vehicle', plate: { ...plate, characters: [0.98], accepted: true }, boxPx: null },
  };
}

/** Alerts and passages through the very statements that receiving writes; answers and their audit in one statement each. */
async function fillSqlite(data: DeskData, gateways: readonly string[], count: number): Promise<void> {
  const now = Date.now();
  for (let from = 0; from < count; from += together) {
    await Promise.all(
      Array.from({ length: Math.min(together, count - from) }, (_, index) => {
        const n = from + index;
        const at = now - yearMs + Math.floor((n / count) * (yearMs - hourMs));
        const answered = new Date(at + hourMs).toISOString();
        const gateway = gateways[n % gateways.length] ?? '';
        const closed = {
          state: 'closed' as const,
          ...{ owner: '王', acknowledgedAt: new Date(at + 60_000).toISOString() },
          news: { kind: 'outcome' as const, by: '李', at: answered, text: `已处置，第${n}号` },
        };
        const event = benchAlert(n, { at, ...(n >= count - stillOpen ? {} : closed) });
        return data.write([
          ...noticeStatements({
            ...{ dialect: data.dialect, gateway, own: false, event },
            ...{ now: at as EpochMs, before: undefined, answers: [], arrivals: [] },
          }),
          ...(n % alertsAPassage === 0
            ? passageStatements(data.dialect, {
                ...{ gateway, data: benchPassage(n, gateway, event.time), now: at as EpochMs },
              })
            : []),
        ]);
      }),
    );
  }
  const answers = [
    ['acknowledged', 'NULL', 60_000],
    ['outcome', `CASE WHEN tier_rank = 3 THEN 'false-alarm' ELSE 'true' END`, hourMs],
  ] as const;
  await data.write([
    ...answers.map(([kind, outcome, after]) => ({
      sql: `INSERT INTO feedback (id, gateway, alert_id, kind, by_name, at, text, outcome, sent_at, received_at)
            SELECT id || '-${kind}', gateway, id, '${kind}', '王', received_at + ${after}, '', ${outcome},
              received_at + ${after}, received_at + ${after + 1000} FROM alert WHERE open = 0`,
      params: [],
    })),
    {
      sql: `INSERT INTO audit (at, by_name, action, subject, previous_hash, hash)
            SELECT at, by_name, 'alert.' || kind, alert_id || ' ' || id, id, id FROM feedback ORDER BY at`,
      params: [],
    },
    // One thing of each sort that is as old as can be: it is found last.
    {
      sql: `UPDATE audit SET action = 'gateway.revoked', by_name = '管理员' WHERE seq = (SELECT min(seq) FROM audit)`,
      params: [],
    },
  ]);
}

/** Rows of one table as JSON, some thousand at a time in the order in which a table that stands still is read, into the same columns of the other database. */
async function copyTable(from: DeskData, to: DeskData, table: string): Promise<void> {
  const step = 2000;
  const key = table === 'entry_text' ? 'rowid' : null;
  for (let after = 0; ; after += step) {
    const rows =
      key === null
        ? await from.all<Record<string, unknown>>(`SELECT * FROM ${table} LIMIT ? OFFSET ?`, step, after)
        : (
            await from.all<{ number: number; body: string }>(
              `SELECT rowid AS number, body FROM entry_text ORDER BY rowid LIMIT ? OFFSET ?`,
              step,
              after,
            )
          ).map(({ number, body }) => ({
            number,
            body: body
              .split(' ')
              .map((word, index) => `'${word}':${index + 1}`)
              .join(' '),
          }));
    if (rows.length === 0) return;
    await to.write([
      {
        sql: `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, CAST(? AS json))
              ON CONFLICT DO NOTHING`,
        params: [JSON.stringify(rows)],
      },
    ]);
  }
}

/** Puts `count` alerts of a year where the desk will find them; PostgreSQL gets the rows that SQLite has made. */
export async function fillHistory(desk: BenchDesk, count: number): Promise<void> {
  const loaded = loadDesk(desk.config);
  if (!loaded.ok) throw new Error('the configuration of the bench is wrong');
  const { database, dataDir } = loaded.value;
  const toPostgres = database.kind === 'postgres';
  const folder = toPostgres ? mkdtempSync(join(tmpdir(), 'kanmen-bench-history-')) : dataDir;
  const lite = createSqliteData({ ...common, file: join(folder, 'desk.sqlite') });
  const ending = new AbortController().signal;
  await lite.start(ending);
  await fillSqlite(lite, desk.gateways, count);
  if (toPostgres) {
    const data = createPostgresData({ ...common, url: readFileSync(database.urlFile, 'utf8') });
    await data.start(ending);
    for (const table of copied) await copyTable(lite, data, table);
    await data.write(
      Object.entries(counted).map(([table, column]) => ({
        sql: `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), (SELECT max(${column}) FROM ${table}))`,
        params: [],
      })),
    );
    await data.write([{ sql: 'ANALYZE', params: [] }]);
    await data.stop();
  }
  await lite.stop();
  if (toPostgres) rmSync(folder, { recursive: true, force: true });
}
