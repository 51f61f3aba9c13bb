// Question: when each delivery is sent three times and all of them in any order, is anything shown twice or out of order?
import { noticeTypes, type NoticeEvent } from '../../gateway/domain/notice.ts';
import { tierRank, type Tier } from '../../gateway/domain/tier.ts';
import { createRandom } from '../support/simulators/random.ts';
import { benchAlert, makeBenchDesk } from './desk-process.ts';
import { percentiles, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

const gateways = 20;
const copies = 3;
const atOnce = 40;

interface Shown {
  readonly id: string;
  readonly tier: Tier;
  readonly count: number;
  readonly occurredAt: string;
}

async function run({ full, seed, settings, say }: BenchmarkOptions): Promise<Finding> {
  const database = settings['database'] === 'postgres' ? 'postgres' : 'sqlite';
  const alerts = full ? 600 : 120;
  const versions = 5;
  const desk = await makeBenchDesk(gateways, database);
  const watching = new AbortController();
  try {
    await desk.start();
    const firstSeen = new Map<string, number>();
    const wentBack: string[] = [];
    const newest = new Map<string, number>();
    await desk.watch((name, text) => {
      if (name !== 'alert') return;
      const alert = JSON.parse(text) as Shown;
      firstSeen.set(alert.id, (firstSeen.get(alert.id) ?? 0) + 1);
      // `count` is the version here: what is on screen must never become older.
      if (alert.count < (newest.get(alert.id) ?? 0)) wentBack.push(alert.id);
      newest.set(alert.id, Math.max(alert.count, newest.get(alert.id) ?? 0));
    }, watching.signal);
    const begin = Date.now() - 600_000;
    const planned: { readonly gateway: string; readonly event: NoticeEvent }[] = [];
    for (let n = 0; n < alerts; n += 1) {
      const first = benchAlert(n, { at: begin + n * 1000 });
      for (let version = 1; version <= versions; version += 1) {
        const event: NoticeEvent = {
          ...first,
          id: `${first.data.alertId}-${version}`,
          time: new Date(begin + n * 1000 + version).toISOString(),
          type: version === 1 ? noticeTypes.raised : noticeTypes.updated,
          data: {
            ...first.data,
            ...{ version, count: version },
            news: { ...first.data.news, kind: version === 1 ? 'raised' : 'repeated' },
          },
        };
        for (let copy = 0; copy < copies; copy += 1) {
          planned.push({ gateway: desk.gateways[n % gateways] ?? '', event });
        }
      }
    }
    const deliveries = createRandom(seed).shuffle(planned);
    say(`${deliveries.length} deliveries of ${alerts} alerts in ${versions} versions, ${copies} times each`);
    const took: number[] = [];
    let refused = 0;
    let next = 0;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let mine = deliveries[next++]; mine; mine = deliveries[next++]) {
          const from = performance.now();
          const { status } = await desk.send(mine.gateway, mine.event);
          took.push(performance.now() - from);
          if (status !== 200) refused += 1;
        }
      }),
    );
    const shown: Shown[] = [];
    for (let before = ''; ;) {
      const page = (await desk.ask(`/api/alerts?state=open&limit=200${before}`)).json as {
        items: Shown[];
        next: string | null;
      };
      shown.push(...page.items);
      if (page.next === null) break;
      before = `&before=${encodeURIComponent(page.next)}`;
    }
    const twice = shown.length - new Set(shown.map(({ id }) => id)).size;
    const lost = alerts - new Set(shown.map(({ id }) => id)).size;
    const old = shown.filter(({ count }) => count !== versions).length;
    const right = [...shown].sort(
      (a, b) =>
        tierRank(a.tier) - tierRank(b.tier) || a.occurredAt.localeCompare(b.occurredAt) || (a.id < b.id ? -1 : 1),
    );
    const outOfOrder = shown.filter(({ id }, index) => right[index]?.id !== id).length;
    const health = (await desk.ask('/health')).json as { notices: { stored: number; repeats: number } };
    const stored = health.notices.stored;
    // Each delivery is stored once: more would be one that was taken for new again.
    const storedTwice = Math.max(0, stored - alerts * versions);
    const faults = twice + lost + old + outOfOrder + wentBack.length + storedTwice;
    const extra = {
      ...{ database, deliveries: deliveries.length, alerts, versions, twice, lost, old, outOfOrder, storedTwice },
      ...{ wentBackOnScreen: wentBack.length, stored, repeats: health.notices.repeats, refused },
    };
    const common = { unit: 'shown twice, lost or out of order', baseline: null, ...percentiles(took), extra };
    if (refused > 0) return { ...common, value: null, void: `${refused} deliveries were refused` };
    return { ...common, value: faults };
  } finally {
    watching.abort();
    await desk.stop();
  }
}

export const deskRepeat: Benchmark = {
  name: 'desk-repeat',
  question:
    'each delivery three times, all in random order: what the desk shows twice or out of order (--database postgres)',
  run,
};
