// Question: when every line has been away for four days, how soon is red told, and how fast does what has waited drain?
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPassageDeliveries } from '../../gateway/app/passages.ts';
import { recipientsOptions } from '../../gateway/alerts/options.ts';
import type { Change } from '../../gateway/domain/change.ts';
import type { PassageEvent } from '../../gateway/domain/event.ts';
import type { CameraId, EventId, SiteId } from '../../gateway/domain/ids.ts';
import { systemClock, type EpochMs } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import { createStore } from '../../gateway/store/index.ts';
import { collect } from '../chaos/collect.ts';
import { letPass } from '../chaos/faults.ts';
import { judge } from '../chaos/ledger.ts';
import { readLedgerFile } from '../chaos/ledger-file.ts';
import { createSetting, recipients, type Setting } from '../chaos/setting.ts';
import { createRandom } from '../support/simulators/random.ts';
import { cpuSecondsOf, percentiles, round, type Benchmark, type BenchmarkOptions, type Finding } from './harness.ts';

const dayMs = 86_400_000;
const days = 4;
/** Red has to be out this soon after the line is back. */
const redWithinMs = 5000;
const settleWithinMs = 300_000;

function sizeOf(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Lines of a file that only grows; one that is just being written does not count. */
function linesOf(path: string): number {
  const bytes = readFileSync(path);
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}

/**
 * Writes passages with their deliveries as the line writes them (`app/passages.ts`), straight into the store: no camera makes
 * 50 000 vehicles in a minute. Answers the ids of the deliveries.
 */
async function queuePassages(setting: Setting, count: number, fromMs: number): Promise<Set<string>> {
  const store = createStore({
    file: join(setting.folder.dir, 'gateway/data/kanmen.sqlite'),
    clock: systemClock,
    logger: silentLogger,
    reserveBytes: 0,
  });
  await store.start(new AbortController().signal);
  try {
    const passages = createPassageDeliveries({
      recipients: recipientsOptions.parse([
        { id: 'property', name: '物业', role: 'community', channel: 'property', passages: true },
      ]),
      channels: () => ({ byId: new Map() }),
      watchList: { hits: () => [] },
      places: { site: { id: 'dongyuan' as SiteId, name: '东苑小区' }, area: () => null, grid: () => null },
      gateway: 'gw-1',
      timeZone: 'Asia/Shanghai',
      pictureSha256: () => null,
      lastSequence: () => store.lastSequence(),
      random: systemRandom,
    });
    const ids = new Set<string>();
    const commits: Promise<void>[] = [];
    for (let from = 0; from < count; from += 500) {
      const changes: Change[] = [];
      for (let n = from; n < Math.min(count, from + 500); n += 1) {
        const at = Math.floor(fromMs + n) as EpochMs;
        const event: PassageEvent = {
          ...{ kind: 'passage', id: systemRandom.id() as EventId, at, receivedAt: at, area: null, late: false },
          ...{ camera: 'gate-in' as CameraId, subject: 'vehicle', direction: n % 2 === 0 ? 'in' : 'out' },
          ...{ startedAt: at, endedAt: at, registered: null, evidence: null, boxPx: [400, 300, 130, 40] },
          plate: {
            text: `浙B${String(10_000 + (n % 90_000))}`,
            kind: 'small',
            color: 'blue',
            accepted: true,
            confidenceRatio: 0.97,
            characterConfidenceRatios: [0.98, 0.97, 0.97, 0.98, 0.99, 0.97, 0.98],
          },
        };
        const deliveries = passages.deliveries(event, [], at);
        for (const change of deliveries) if (change.kind === 'delivery-created') ids.add(change.delivery.id);
        changes.push({ kind: 'event-recorded', event, messageKey: null }, ...deliveries);
      }
      commits.push(store.commit(changes));
      if (commits.length % 20 === 0) await Promise.all(commits);
    }
    await Promise.all(commits);
    return ids;
  } finally {
    await store.stop();
  }
}

async function run({ full, seed, say, settings }: BenchmarkOptions): Promise<Finding> {
  const alarms = full ? 200 : 40;
  const queued = Number(settings['passages'] ?? (full ? 50_000 : 5000));
  const random = createRandom(seed);
  const setting = await createSetting({ sensors: alarms, unit: () => random.next(), passages: true });
  const { actors, lines, sensors, steers, folder } = setting;
  const dataDir = join(folder.dir, 'gateway/data');
  try {
    for (const line of ['desk', 'receiver', 'broker'] as const) lines[line].set({ kind: 'cut' });
    const passages = await queuePassages(setting, queued, steers.world.now());
    say(`${queued} passages wait`);
    await Promise.all(Object.values(actors).map((actor) => actor.start()));
    for (let n = 0; n < alarms; n += 1) {
      sensors.raise((['smoke', 'water', 'heat', 'water', 'smoke'] as const)[n % 5] ?? 'smoke');
      await sleep(20);
    }
    while (sensors.waiting() > 0) await sleep(50);
    const beforeBytes = sizeOf(dataDir);
    let largestBytes = beforeBytes;
    const watching = setInterval(() => (largestBytes = Math.max(largestBytes, sizeOf(dataDir))), 500);
    say(`${alarms} alarms raised; four days without a line`);
    // Half of it refused, half of it silent: a dead peer looks like either.
    await letPass(setting, { drills: [], fast: false }, (days * dayMs) / 2);
    lines.receiver.set({ kind: 'half-open' });
    await letPass(setting, { drills: [], fast: false }, (days * dayMs) / 2);
    // Back at the pace of time itself, so that what waits has found its own pace too.
    await sleep(3000);
    const pid = actors.gateway.pid();
    const cpuBefore = cpuSecondsOf(pid);
    const backMs = Date.now();
    for (const line of ['desk', 'receiver', 'broker'] as const) lines[line].set({ kind: 'none' });
    say('the lines are back');
    const book = () => readLedgerFile(setting.ledgers.receiver);
    for (const deadlineMs = backMs + settleWithinMs; Date.now() < deadlineMs;) {
      await sleep(1000);
      // Counted in the file as it is: parsing it every second would take the processor from those that are measured.
      const taken = linesOf(setting.ledgers.receiver);
      say(`${((Date.now() - backMs) / 1000).toFixed(0)} s: ${taken} deliveries`);
      if (taken < passages.size || judge(await collect(setting, []), recipients).unfinished) continue;
      if (book().filter(({ id }) => passages.has(id)).length >= passages.size) break;
    }
    clearInterval(watching);
    const cpuSeconds = cpuSecondsOf(pid) - cpuBefore;
    const records = await collect(setting, []);
    const verdict = judge(records, recipients);
    const entries = book();
    const arrived = new Set(entries.map(({ id }) => id).filter((id) => passages.has(id))).size;
    const twice = entries.length - new Set(entries.map(({ id }) => id)).size;
    const afterMs = entries.map(({ atMs }) => atMs - backMs);
    const drainedMs = Math.max(...afterMs);
    // When each urgent alarm was first told at each of the three; the desk writes down what its own, steered clock says.
    const alertOf = new Map(verdict.rows.map(({ raised, alertId }) => [alertId, raised]));
    const urgentMs = Object.fromEntries(
      recipients.map((name) => {
        const from = name === 'station' ? steers.desk.now(backMs) : backMs;
        const first = new Map<string, number>();
        for (const { notice, atMs } of records.seen[name] ?? [])
          first.set(notice.alertId, Math.min(first.get(notice.alertId) ?? Infinity, atMs - from));
        const urgent = [...first].filter(([id]) => ['red', 'orange'].includes(alertOf.get(id)?.tier ?? ''));
        return [name, urgent.map(([, ms]) => ms)];
      }),
    );
    const redMs = Object.values(urgentMs).flat();
    const lastUrgent = Math.max(...redMs);
    // In the book of the one who gets both: passages that came before the last red or orange one.
    const urgentAt = entries.findLastIndex(({ notices }) =>
      notices.some(({ tier, version }) => version === 1 && (tier === 'red' || tier === 'orange')),
    );
    const ahead = entries.slice(0, Math.max(0, urgentAt)).filter(({ id }) => passages.has(id)).length;
    const complete = arrived === passages.size && verdict.faults.length === 0 && twice === 0;
    return {
      value: complete ? round(entries.length / (drainedMs / 1000), 0) : null,
      unit: 'deliveries a second after the line is back',
      baseline: null,
      ...percentiles(redMs),
      extra: {
        alarms,
        passages: queued,
        delivered: entries.length,
        drainedS: round(drainedMs / 1000, 1),
        lastUrgentS: round(lastUrgent / 1000, 2),
        urgentFromToS: Object.fromEntries(
          Object.entries(urgentMs).map(([name, ms]) => [
            name,
            [Math.min(...ms), Math.max(...ms)].map((at) => round(at / 1000, 2)),
          ]),
        ),
        urgentInTime: lastUrgent <= redWithinMs,
        passagesBeforeLastUrgent: ahead,
        twice,
        cpuMsPerDelivery: round((cpuSeconds * 1000) / entries.length, 2),
        diskMB: { before: round(beforeBytes / 1e6, 1), largest: round(largestBytes / 1e6, 1) },
        tries: records.deliveries.reduce((sum, { attempts }) => sum + attempts, 0),
        percentilesAre: 'ms from the line to each red or orange alert at each of the three recipients',
      },
      ...(!complete && {
        void: `not everything arrived as it should: ${arrived} of ${passages.size} passages, ${twice} twice, ${verdict.faults.slice(0, 3).join('; ')}`,
      }),
    };
  } finally {
    await setting.close();
  }
}

export const outage: Benchmark = {
  name: 'outage',
  question: 'four days without a line, 200 alerts and 50 000 passages waiting: drained per second, red first',
  run,
};
