// Question: with 200 gateways and 100 000 alerts of history, how long does the slowest view of the desk take, and how soon
// is each of 50 alerts that arrive at once on screen?
import { setMaxListeners } from 'node:events';
import { fillHistory } from './desk-history.ts';
import { benchAlert, makeBenchDesk, type BenchDesk } from './desk-process.ts';
import { openDeskScreen } from './desk-screen.ts';
import { percentile, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

const gateways = 200;
const arriving = 50;
const onScreenWithinMs = 1000;

interface Page {
  readonly items: readonly { readonly id: string }[];
  readonly next: string | null;
}

interface View {
  readonly name: string;
  readonly path: string;
  readonly body?: unknown;
  /** Asked for by somebody who sees a tenth of the gateways. */
  readonly narrow?: boolean;
}

/** Every view that the page opens, by the requests that it makes. */
async function views(desk: BenchDesk): Promise<readonly View[]> {
  const first = (await desk.ask('/api/alerts?state=all&limit=200')).json as Page;
  const id = first.items[0]?.id ?? '';
  const month = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 7);
  const search = (name: string, text: string, more = {}): View => ({
    ...{ name: `search, ${name}`, path: '/api/search', body: { text, ...more } },
  });
  const yearAgo = new Date(Date.now() - 360 * 86_400_000).toISOString();
  const wide: View[] = [
    { name: 'inbox', path: '/api/alerts?state=open&limit=200' },
    { name: 'all', path: '/api/alerts?state=all&limit=50' },
    { name: 'all, next page', path: `/api/alerts?state=all&limit=50&before=${encodeURIComponent(first.next ?? '')}` },
    { name: 'all red', path: '/api/alerts?state=all&tier=red&limit=50' },
    { name: 'of one gateway', path: '/api/alerts?state=all&gateway=gw-007&limit=50' },
    { name: 'red of one gateway', path: '/api/alerts?state=all&gateway=gw-008&tier=red&limit=50' },
    { name: 'one alert', path: `/api/alerts/${id}` },
    { name: 'around it', path: `/api/alerts/${id}/around` },
    { name: 'gateways', path: '/api/gateways' },
    { name: 'shift', path: '/api/shift' },
    { name: 'figures', path: `/api/figures?month=${month}` },
    search('common', '号楼'),
    search('one character', '烟'),
    search('a plate', 'B10777'),
    search('nothing there', '没有这样的词'),
    search('rare among common', '号楼 浙B99998'),
    search('one gateway', '过温', { gateway: 'gw-011' }),
    search('one tier', '号楼', { tier: 'red' }),
    search('only notes', '号', { kinds: ['note'] }),
    search('a day a year ago', '号楼', { to: yearAgo }),
    search('passages', 'B1', { kinds: ['passage'], reason: 'bench 4711' }),
    { name: 'plan', path: '/api/plans/gw-007' },
    { name: 'officers', path: '/api/officers' },
    { name: 'audit', path: '/api/audit' },
    { name: 'audit, one action', path: '/api/audit?action=gateway' },
    { name: 'audit, one person', path: `/api/audit?by=${encodeURIComponent('管理员')}` },
    { name: 'duty', path: '/api/duty' },
  ];
  const narrow = wide.filter(({ name }) =>
    ['inbox', 'all', 'all red', 'gateways', 'shift', 'figures', 'search, common', 'search, nothing there'].includes(
      name,
    ),
  );
  return [...wide, ...narrow.map((view) => ({ ...view, name: `${view.name} (20 gateways)`, narrow: true }))];
}

/** What a round of arrivals cost, per alert: ms from stored to the event in a client, and to its row on a screen. */
interface Arrivals {
  readonly told: readonly number[];
  readonly seen: readonly number[];
}

/** Each round begins when the last one is on screen; while it lasts, one officer's Chromium and one plain client look on. */
async function arrive(desk: BenchDesk, rounds: number): Promise<Arrivals> {
  const ending = new AbortController();
  const toldAt = new Map<string, number>();
  const storedAt = new Map<string, number>();
  await desk.watch((name, text, at) => {
    if (name !== 'alert') return;
    const alert = JSON.parse(text) as { id: string; receivedAt: string };
    if (toldAt.has(alert.id)) return;
    toldAt.set(alert.id, at);
    storedAt.set(alert.id, Date.parse(alert.receivedAt));
  }, ending.signal);
  const screen = await openDeskScreen(desk.url(), desk.officer.name, desk.officer.password);
  const ids: string[] = [];
  try {
    for (let round_ = 0; round_ < rounds; round_ += 1) {
      const events = Array.from({ length: arriving }, (_, index) =>
        benchAlert(1_000_000 + round_ * arriving + index, { at: Date.now() }),
      );
      ids.push(...events.map((event) => event.data.alertId));
      const replies = await Promise.all(
        events.map((event, index) => desk.send(desk.gateways[(index * 3) % gateways] ?? '', event)),
      );
      if (replies.some(({ status }) => status !== 200)) throw new Error('a notice was refused');
      const until = Date.now() + 20_000;
      while (Date.now() < until) {
        // Seldom: asking the page costs it time.
        await new Promise((done) => setTimeout(done, 1000));
        const shown = await screen.shown();
        if (ids.every((id) => toldAt.has(id) && shown.has(id))) break;
      }
    }
    const shown = await screen.shown();
    const waits = (at: ReadonlyMap<string, number>): number[] =>
      ids.map((id) => (at.get(id) ?? Number.POSITIVE_INFINITY) - (storedAt.get(id) ?? 0));
    return { told: waits(toldAt), seen: waits(shown) };
  } finally {
    ending.abort();
    await screen.close();
  }
}

const summary = (waits: readonly number[]) => ({
  p50: percentile(waits, 0.5),
  p95: percentile(waits, 0.95),
  max: waits.every(Number.isFinite) ? Math.max(...waits) : null,
});

async function run({ full, settings, say }: BenchmarkOptions): Promise<Finding> {
  const database = settings['database'] === 'postgres' ? 'postgres' : 'sqlite';
  const history = Number(settings['history'] ?? 100_000);
  const times = full ? 200 : 25;
  const desk = await makeBenchDesk(gateways, database);
  const polling = new AbortController();
  // One poll a gateway.
  setMaxListeners(0, polling.signal);
  try {
    say(`writing ${history} alerts of ${gateways} gateways into ${database}`);
    const from = performance.now();
    await fillHistory(desk, history);
    const fillS = (performance.now() - from) / 1000;
    await desk.start();
    // Every gateway holds its poll open, as in life.
    for (const gateway of desk.gateways) {
      void (async () => {
        while (!polling.signal.aborted) await desk.poll(gateway, polling.signal);
      })();
    }
    const all = await views(desk);
    const found: Record<string, { p50: number | null; p95: number | null }> = {};
    const everything: number[] = [];
    for (const { name, path, body, narrow } of all) {
      const took: number[] = [];
      for (let time = 0; time < times + 3; time += 1) {
        const reply = await desk.ask(path, body, narrow === true ? 'narrow' : 'wide');
        if (reply.status !== 200) throw new Error(`${name}: status ${reply.status}`);
        if (time >= 3) took.push(reply.ms);
      }
      everything.push(...took);
      const { p50, p95 } = percentiles(took);
      found[name] = { p50, p95 };
      say(`${name}: p50 ${p50} ms, p95 ${p95} ms`);
    }
    const { told, seen } = await arrive(desk, full ? 20 : 4);
    const lost = seen.filter((ms) => !Number.isFinite(ms)).length;
    const worst = Object.entries(found).sort((a, b) => (b[1].p95 ?? 0) - (a[1].p95 ?? 0))[0];
    const extra = {
      ...{ database, history, gateways, worstView: worst?.[0], views: found, arrivingAtOnce: arriving },
      ...{ toldMs: summary(told), onScreenMs: summary(seen), onScreenTargetMs: onScreenWithinMs },
      fillS: round(fillS, 1),
    };
    const common = { unit: 'ms, p95 of the slowest view', baseline: null, ...percentiles(everything), extra };
    if (lost > 0) return { ...common, value: null, void: `${lost} alerts never came on screen` };
    return { ...common, value: worst?.[1].p95 ?? null };
  } finally {
    polling.abort();
    await desk.stop();
  }
}

export const deskMany: Benchmark = {
  name: 'desk-many',
  question:
    'the slowest view of a desk with 200 gateways and 100 000 alerts, and how soon 50 that arrive at once are on screen (--database postgres, --history N)',
  run,
};
