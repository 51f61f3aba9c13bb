/** How many telemetry events a second the line stores, and what each costs: `node dist/test/support/line-throughput.js [count]`. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLine } from '../../gateway/events/index.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import { createStore } from '../../gateway/store/index.ts';
import { plainAlerts, reading, smokeRules } from './line-parts.ts';

const total = Number(process.argv[2] ?? 40_000);
/** As many messages on their way as 200 clients with a window of 20 may have; they come in by turns of 100. */
const perTurn = 100;
const window = 4000;

const folder = mkdtempSync(join(tmpdir(), 'kanmen-throughput-'));
const signal = new AbortController().signal;
const store = createStore({ file: join(folder, 'k.db'), clock: systemClock, logger: silentLogger, reserveBytes: 0 });
const line = createLine({
  store,
  rules: smokeRules(),
  alerts: plainAlerts(),
  register: { knows: () => null },
  areas: { of: () => null },
  clock: systemClock,
  logger: silentLogger,
});
await store.start(signal);
await line.start(signal);

async function send(count: number, prefix: string): Promise<void> {
  let sent = 0;
  let under = 0;
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      under -= 1;
      if (under === 0 && sent === count) resolve();
    };
    const turn = (): void => {
      for (let n = 0; n < perTurn && sent < count && under < window; n += 1) {
        const event = reading(systemRandom.id(), Date.now(), {
          device: `charger/${sent % 200}` as never,
          port: 1 + (Math.floor(sent / 200) % 10),
        });
        sent += 1;
        under += 1;
        line.accept(event, `id:${event.device}:${prefix}${sent}`).then(settle, reject);
      }
      if (sent < count) setImmediate(turn);
    };
    turn();
  });
}

/** CPU of the process's threads so far, ms, worst first; the main thread's and the writer's are the two that matter. */
function threads(): Map<string, number> {
  const used = new Map<string, number>();
  for (const id of readdirSync('/proc/self/task')) {
    const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1]!.split(' ');
    // utime and stime in ticks of 10 ms.
    used.set(id, (Number(fields[11]) + Number(fields[12])) * 10);
  }
  return used;
}

await send(5000, 'warm-up-');
const before = threads();
const cpu = process.cpuUsage();
const startMs = performance.now();
await send(total, 'm');
const elapsedMs = performance.now() - startMs;
const used = process.cpuUsage(cpu);
const perThread = [...threads()]
  .map(([id, ms]) => ({ id, us: ((ms - (before.get(id) ?? 0)) * 1000) / total }))
  .sort((a, b) => b.us - a.us);
const main = perThread.find(({ id }) => id === String(process.pid))?.us ?? 0;
const [writer] = perThread.filter(({ id }) => id !== String(process.pid));
console.log(
  JSON.stringify({
    events: total,
    perSecond: Math.round((total / elapsedMs) * 1000),
    cpuUsPerEvent: Number(((used.user + used.system) / total).toFixed(1)),
    mainUsPerEvent: Number(main.toFixed(1)),
    writerUsPerEvent: Number((writer?.us ?? 0).toFixed(1)),
  }),
);
await line.stop();
await store.stop();
rmSync(folder, { recursive: true, force: true });
