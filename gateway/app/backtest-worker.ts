/** Worker thread of a backtest: reads its share of the record over a connection of its own and runs rules on it. */
import { parentPort, workerData } from 'node:worker_threads';
import { runBacktest, type BacktestPass, type BacktestRules, type BacktestRun } from '../rules/index.ts';
import { openRecordedEvents, type RecordedShare } from '../store/index.ts';

/** One pass, or one share of it. */
export interface BacktestJob {
  readonly database: string;
  readonly rules: BacktestRules;
  readonly pass: BacktestPass;
  /** Null: the whole record. */
  readonly share: RecordedShare | null;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is sent back: of each match only what a comparison needs. */
export interface BacktestPart {
  readonly matches: readonly SlimMatch[];
  readonly events: number;
  readonly counters: BacktestRun['counters'];
}
export interface SlimMatch {
  readonly rule: string;
  readonly key: string;
  readonly tier: BacktestRun['matches'][number]['tier'];
  readonly at: number;
  readonly source: string | null;
  readonly area: string | null;
  readonly message: BacktestRun['matches'][number]['message'];
}

const job = workerData as BacktestJob;
const { pass, share, fromMs, toMs } = job;
const recorded = await openRecordedEvents(job.database);
try {
  const events = recorded.read({
    fromMs: fromMs - pass.reachMs,
    toMs,
    kinds: pass.kinds,
    ...(share && { share }),
  });
  const run = runBacktest({ ...job.rules, only: pass.rules }, events, { fromMs, toMs });
  const part: BacktestPart = {
    matches: run.matches.map(({ rule, key, tier, at, source, area, message }) => ({
      ...{ rule, key, tier, at, source, area, message },
    })),
    events: run.events,
    counters: run.counters,
  };
  parentPort?.postMessage(part);
} finally {
  recorded.close();
}
