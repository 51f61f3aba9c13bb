/** Worker thread of a backtest: reads its share of the record over a connection of its own and runs rules on it. */
import { parentPort, workerData } from 'node:worker_threads';
import { runBacktest, type BacktestPass, type BacktestRules, type BacktestRun } from '../rules/index.ts';
import { openRecordedEvents } from '../store/index.ts';

/** One pass, or one share of it. */
export interface BacktestJob {
  readonly database: string;
  readonly rules: BacktestRules;
  readonly pass: BacktestPass;
  readonly share: number;
  readonly shares: number;
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

/** Which share an area belongs to; the same in every thread. */
function shareOf(name: string, shares: number): number {
  let hash = 0;
  for (let index = 0; index < name.length; index += 1) hash = (hash * 31 + name.charCodeAt(index)) | 0;
  return Math.abs(hash) % shares;
}

const job = workerData as BacktestJob;
const { pass, share, shares, fromMs, toMs } = job;
/** Areas are few and asked for at every row. */
const known = new Map<string, boolean>();
const isMine = (name: string): boolean => {
  const answer = known.get(name);
  if (answer !== undefined) return answer;
  const mine = shareOf(name, shares) === share;
  known.set(name, mine);
  return mine;
};
const recorded = await openRecordedEvents(job.database);
try {
  const events = recorded.read({
    fromMs: fromMs - pass.reachMs,
    toMs,
    kinds: pass.kinds,
    ...(shares > 1 && { wants: (area, source) => isMine(area ?? source) }),
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
