/** Backtest: what rules would have raised on the record, against what was raised. Runs in threads of its own. */
import { Worker } from 'node:worker_threads';
import type { Alert } from '../domain/alert.ts';
import type { BacktestLine, BacktestReport, BacktestSummary } from '../domain/rule-report.ts';
import { tierRank } from '../domain/tier.ts';
import { GatewayError } from '../lib/errors.ts';
import { workerUrl } from '../lib/worker-url.ts';
import { planBacktest, type BacktestRules } from '../rules/index.ts';
import { openRecordedEvents, type RecordedShare } from '../store/index.ts';
import type { BacktestJob, BacktestPart, SlimMatch } from './backtest-worker.ts';

export interface BacktestRequest {
  readonly database: string;
  readonly rules: BacktestRules;
  readonly fromMs: number;
  readonly toMs: number;
  /** Threads; two for a box of two cores. */
  readonly threads: number;
  /** Matches of one key that are further apart than this would have been two alerts. */
  readonly joinMs?: number;
  readonly signal?: AbortSignal;
}

/** In life an alert stays open until somebody answers; a cause that is quiet for half a day would have been answered. */
const defaultJoinMs = 12 * 3_600_000;

/** Runs the rules over the record. Throws 'rules.invalid' for a wrong set. */
export async function backtest(request: BacktestRequest): Promise<BacktestReport> {
  const startedMs = performance.now();
  const { database, rules, fromMs, toMs, threads } = request;
  const passes = planBacktest(rules);
  const { alerts, areas } = await lookInto(request);
  const jobs = passes.flatMap((pass): BacktestJob[] => {
    const shares = pass.split === 'area' ? sharesOf(areas, threads) : [null];
    return shares.map((share) => ({ database, rules, pass, share, fromMs, toMs }));
  });
  const parts: BacktestPart[] = [];
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job; job = jobs.shift()) parts.push(await runJob(job, request.signal));
  };
  await Promise.all(Array.from({ length: Math.max(1, threads) }, work));
  const ids = passes.flatMap((pass) => pass.rules);
  const matches = parts.flatMap((part) => part.matches).sort((a, b) => a.at - b.at);
  const lines = compare(matches, alerts, new Set(ids), request.joinMs ?? defaultJoinMs);
  return {
    fromMs,
    toMs,
    events: parts.reduce((sum, { events }) => sum + events, 0),
    elapsedMs: Math.round(performance.now() - startedMs),
    rules: ids.sort().map((rule) => summaryOf(rule, lines, parts)),
    lines,
  };
}

function runJob(job: BacktestJob, signal: AbortSignal | undefined): Promise<BacktestPart> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(import.meta.url, 'backtest-worker'), {
      workerData: job,
      // A page's events are garbage together: with room for some pages they are never moved.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    });
    const abort = (): void => void worker.terminate();
    signal?.addEventListener('abort', abort, { once: true });
    let part: BacktestPart | null = null;
    worker.once('message', (message: BacktestPart) => {
      part = message;
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      signal?.removeEventListener('abort', abort);
      if (part) resolve(part);
      else reject(new GatewayError('rules.backtest-failed', 'the backtest ended before it had read the record'));
    });
  });
}

/** Alerts that were raised, and how the record is spread over areas. */
async function lookInto({ database, fromMs, toMs }: BacktestRequest): Promise<{
  readonly alerts: readonly Alert[];
  readonly areas: ReadonlyMap<string, number>;
}> {
  const recorded = await openRecordedEvents(database);
  try {
    return { alerts: recorded.alerts(fromMs, toMs), areas: recorded.areas({ fromMs, toMs }) };
  } finally {
    recorded.close();
  }
}

/** Areas dealt out, the busiest first, each to the thread that has least; the first thread takes what nobody else has. */
function sharesOf(areas: ReadonlyMap<string, number>, threads: number): readonly (RecordedShare | null)[] {
  const hands = Array.from({ length: Math.max(1, threads) }, () => ({ weight: 0, areas: [] as string[] }));
  for (const [area, weight] of [...areas].sort((a, b) => b[1] - a[1])) {
    const lightest = hands.reduce((least, hand) => (hand.weight < least.weight ? hand : least));
    lightest.weight += weight;
    lightest.areas.push(area);
  }
  const others = hands.slice(1).filter((hand) => hand.areas.length > 0);
  if (others.length === 0) return [null];
  return [
    { of: 'others', areas: others.flatMap((hand) => hand.areas) },
    ...others.map((hand): RecordedShare => ({ of: 'these', areas: hand.areas })),
  ];
}

type Raised = NonNullable<BacktestLine['would']> & { readonly rule: string };

/** Matches of one key joined as alerts join them, then paired with the alerts of that key. */
function compare(
  matches: readonly SlimMatch[],
  alerts: readonly Alert[],
  rules: ReadonlySet<string>,
  joinMs: number,
): readonly BacktestLine[] {
  const would = new Map<string, Raised[]>();
  for (const { rule, key, tier, at, message } of matches) {
    const runs = would.get(key) ?? [];
    const last = runs.at(-1);
    if (last && at - last.lastAt <= joinMs) {
      const worse = tierRank(tier) < tierRank(last.tier);
      runs[runs.length - 1] = { ...last, lastAt: at, matches: last.matches + 1, tier: worse ? tier : last.tier };
    } else runs.push({ rule, at, lastAt: at, tier, matches: 1, message });
    would.set(key, runs);
  }
  const was = new Map<string, Alert[]>();
  for (const alert of alerts) {
    // What these rules never had to do with is no line of theirs.
    if (rules.has(alert.rule) || would.has(alert.key)) was.set(alert.key, [...(was.get(alert.key) ?? []), alert]);
  }
  const lines: BacktestLine[] = [];
  for (const key of new Set([...would.keys(), ...was.keys()])) {
    const left = [...(was.get(key) ?? [])];
    for (const { rule, ...run } of would.get(key) ?? []) {
      const index = left.findIndex(
        ({ occurredAt, lastAt }) => occurredAt <= run.lastAt + joinMs && lastAt >= run.at - joinMs,
      );
      const [alert] = index === -1 ? [] : left.splice(index, 1);
      lines.push({ rule, key, would: run, was: alert ? wasOf(alert) : null });
    }
    for (const alert of left) lines.push({ rule: alert.rule, key, would: null, was: wasOf(alert) });
  }
  const timeOf = ({ would: run, was: alert }: BacktestLine): number => run?.at ?? alert?.at ?? 0;
  return lines.sort((a, b) => timeOf(a) - timeOf(b));
}

const wasOf = (alert: Alert): NonNullable<BacktestLine['was']> => ({
  alertId: alert.id,
  rule: alert.rule,
  at: alert.occurredAt,
  tier: alert.tier,
  state: alert.state,
  matches: alert.count,
});

function summaryOf(rule: string, lines: readonly BacktestLine[], parts: readonly BacktestPart[]): BacktestSummary {
  const mine = lines.filter((line) => line.rule === rule);
  const both = mine.filter(({ would, was }) => would && was).length;
  const wouldRaise = mine.filter(({ would }) => would).length;
  const wasRaised = mine.filter(({ was }) => was).length;
  const total = (what: 'matched' | 'suppressed' | 'silenced' | 'absent' | 'failed'): number =>
    parts.reduce((sum, { counters }) => sum + (counters[rule]?.[what] ?? 0), 0);
  return {
    rule,
    wouldRaise,
    wasRaised,
    both,
    onlyWould: wouldRaise - both,
    onlyWas: wasRaised - both,
    matches: total('matched'),
    suppressed: total('suppressed'),
    silenced: total('silenced'),
    absent: total('absent'),
    failed: total('failed'),
  };
}
