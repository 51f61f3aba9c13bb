/** Backtest: what rules would have raised on the record, against what was raised. Runs in threads of its own. */
import { Worker } from 'node:worker_threads';
import type { Alert } from '../domain/alert.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import type { Bilingual } from '../domain/text.ts';
import { GatewayError } from '../lib/errors.ts';
import { workerUrl } from '../lib/worker-url.ts';
import { planBacktest, type BacktestRules } from '../rules/index.ts';
import { openRecordedEvents } from '../store/index.ts';
import type { BacktestJob, BacktestPart, SlimMatch } from './backtest-worker.ts';

/** One cause: what the rules would have made of it, and what was made of it. At least one of the two is there. */
export interface BacktestLine {
  readonly rule: string;
  readonly key: string;
  /** Would be raised then, at this tier at worst, with so many matches joined in it. */
  readonly would: {
    readonly at: number;
    readonly lastAt: number;
    readonly tier: Tier;
    readonly matches: number;
    readonly message: Bilingual;
  } | null;
  /** Was raised then. */
  readonly was: {
    readonly alertId: string;
    readonly rule: string;
    readonly at: number;
    readonly tier: Tier;
    readonly state: Alert['state'];
    readonly matches: number;
  } | null;
}

export interface BacktestSummary {
  readonly rule: string;
  readonly wouldRaise: number;
  readonly wasRaised: number;
  readonly both: number;
  readonly onlyWould: number;
  readonly onlyWas: number;
  readonly matches: number;
  readonly suppressed: number;
  readonly silenced: number;
  readonly absent: number;
  readonly failed: number;
}

export interface BacktestReport {
  readonly fromMs: number;
  readonly toMs: number;
  /** Recorded events that the rules were run on. */
  readonly events: number;
  readonly elapsedMs: number;
  readonly rules: readonly BacktestSummary[];
  /** By time. */
  readonly lines: readonly BacktestLine[];
}

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
  const jobs = passes.flatMap((pass): BacktestJob[] => {
    const shares = pass.split === 'area' ? threads : 1;
    return Array.from({ length: shares }, (_, share) => ({ database, rules, pass, share, shares, fromMs, toMs }));
  });
  const parts: BacktestPart[] = [];
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job; job = jobs.shift()) parts.push(await runJob(job, request.signal));
  };
  await Promise.all(Array.from({ length: Math.max(1, threads) }, work));
  const ids = passes.flatMap((pass) => pass.rules);
  const matches = parts.flatMap((part) => part.matches).sort((a, b) => a.at - b.at);
  const alerts = await raisedBetween(request);
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
    const worker = new Worker(workerUrl(import.meta.url, 'backtest-worker'), { workerData: job });
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

async function raisedBetween({ database, fromMs, toMs }: BacktestRequest): Promise<readonly Alert[]> {
  const recorded = await openRecordedEvents(database);
  try {
    return recorded.alerts(fromMs, toMs);
  } finally {
    recorded.close();
  }
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
