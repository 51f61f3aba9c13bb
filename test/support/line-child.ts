/** A process that runs the line on a file until it is killed, printing each event's id when it was accepted. */
import { createLine } from '../../gateway/events/index.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { createStore } from '../../gateway/store/index.ts';
import { plainAlerts, reading, smoke, smokeRules } from './line-parts.ts';

const [file = '', run = '0'] = process.argv.slice(2);
const signal = new AbortController().signal;
const store = createStore({ file, clock: systemClock, logger: silentLogger, reserveBytes: 0 });
await store.start(signal);
const line = createLine({
  store,
  rules: smokeRules(),
  alerts: plainAlerts(),
  register: { knows: () => null },
  areas: { of: () => null },
  clock: systemClock,
  logger: silentLogger,
});
await line.start(signal);

for (let n = 0; ; n += 1) {
  const one = async (id: string, alarm: boolean): Promise<void> => {
    const nowMs = Date.now();
    // Every alarm is another cause, so that each makes an alert with a delivery.
    await line.accept(
      alarm ? smoke(id, nowMs, { device: `fire/${id}` as never }) : reading(id, nowMs, { port: n % 10 }),
      `key-${id}`,
    );
    console.log(id);
  };
  await Promise.all([0, 1, 2, 3, 4].map((part) => one(`${run}-${n}-${part}`, part === 4)));
}
