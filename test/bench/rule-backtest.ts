// Question: how long does `kanmen rules backtest` take over 30 days of a busy estate (5 million events), on two cores?
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backtest } from '../../gateway/app/backtest.ts';
import { sourceOf } from '../../gateway/domain/event.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { openConnection } from '../../gateway/lib/database/sqlite.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { readRuleTexts, rulesOptions } from '../../gateway/rules/index.ts';
import { createStore } from '../../gateway/store/index.ts';
import { projectRoot } from '../support/kanmen-process.ts';
import { round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';
import { mixedEvents } from './rule-events.ts';

const dayMs = 86_400_000;

/** A gateway's own database with the events in it, written as the store writes them, only faster. */
async function record(
  file: string,
  count: number,
  fromMs: number,
  seed: number,
  say: (line: string) => void,
): Promise<void> {
  const store = createStore({ file, clock: systemClock, logger: silentLogger, reserveBytes: 0 });
  await store.start(new AbortController().signal);
  await store.stop();
  const connection = await openConnection(file, { readOnly: false });
  connection.exec('PRAGMA synchronous = OFF');
  const event = connection.prepare(
    'INSERT INTO events (id, kind, at, received_at, source, reading, message_hash, body) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)',
  );
  const passage = connection.prepare(
    `INSERT INTO passages (id, at, received_at, camera, subject, direction, plate, evidence, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)`,
  );
  let written = 0;
  connection.exec('BEGIN');
  for (const one of mixedEvents(count, { fromMs, spanMs: 30 * dayMs, seed })) {
    const body = JSON.stringify(one);
    if (one.kind === 'passage') {
      passage.run(
        one.id,
        one.at,
        one.receivedAt,
        one.camera,
        one.subject,
        one.direction,
        one.plate?.text ?? null,
        body,
      );
    } else {
      const reading = one.kind === 'charging' || one.kind === 'fire-telemetry' ? 1 : 0;
      event.run(one.id, one.kind, one.at, one.receivedAt, sourceOf(one), reading, body);
    }
    written += 1;
    // In bites: one transaction of millions of rows would be held twice on disk.
    if (written % 100_000 === 0) connection.exec('COMMIT; BEGIN');
    if (written % 500_000 === 0) say(`${written} events recorded`);
  }
  connection.exec('COMMIT');
  connection.close();
}

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const count = Number(settings['events'] ?? (full ? 5_000_000 : 300_000));
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-backtest-'));
  try {
    const database = join(dir, 'kanmen.sqlite');
    const toMs = Date.UTC(2026, 10, 1);
    const fromMs = toMs - 30 * dayMs;
    await record(database, count, fromMs, seed, say);
    const texts = readRuleTexts(join(projectRoot, 'rules'));
    const options = rulesOptions.parse({});
    const timed = async (only: readonly string[] | null) => {
      const before = process.cpuUsage();
      const report = await backtest({
        ...{ database, fromMs, toMs, threads: 2 },
        rules: { texts, timeZone: 'Asia/Shanghai', options, only },
      });
      const used = process.cpuUsage(before);
      return { report, seconds: report.elapsedMs / 1000, cpuSeconds: (used.user + used.system) / 1e6 };
    };
    say('the whole pack');
    const whole = await timed(null);
    say('a draft that reads only passages');
    const draft = await timed(['unknown-vehicle-at-night']);
    const raised = whole.report.rules.reduce((sum, { wouldRaise }) => sum + wouldRaise, 0);
    const missing = whole.report.events < count * 0.6 || raised === 0;
    return {
      value: missing ? null : round(whole.seconds, 1),
      unit: `s for ${count} events on two threads`,
      baseline: null,
      n: count,
      ...{ p50: null, p95: null, p99: null },
      extra: {
        cpuSeconds: round(whole.cpuSeconds, 1),
        perSecond: Math.round(count / whole.seconds),
        eventsSeen: whole.report.events,
        wouldRaise: raised,
        matches: whole.report.rules.reduce((sum, { matches }) => sum + matches, 0),
        draft: { seconds: round(draft.seconds, 1), eventsSeen: draft.report.events },
        inFullEstimateS: round((whole.seconds * 5_000_000) / count, 1),
      },
      ...(missing && { void: 'the rules did not see the record' }),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const ruleBacktest: Benchmark = {
  name: 'rule-backtest',
  question: 'seconds for a backtest of the standard pack over 30 days of a busy estate (--full: 5 million events)',
  run,
};
