/**
 * A process that runs the line with rules on events from a file until it has seen all of them, and then prints `done`. Each is
 * printed when it was accepted. With a third argument N it kills itself once N were accepted and the next is under way. The
 * clock is the events' own: every run sees the same times.
 */
import { readFileSync } from 'node:fs';
import type { GatewayEvent } from '../../gateway/domain/event.ts';
import type { Change } from '../../gateway/domain/change.ts';
import type { AlertId } from '../../gateway/domain/ids.ts';
import { createLine, type LineAlerts } from '../../gateway/events/index.ts';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { createRules, rulesOptions, type RuleText } from '../../gateway/rules/index.ts';
import { createStore } from '../../gateway/store/index.ts';
import { plainAlerts } from './line-parts.ts';

const [database = '', given = '', killAfter = 'never'] = process.argv.slice(2);
const { events, texts } = JSON.parse(readFileSync(given, 'utf8')) as {
  events: GatewayEvent[];
  texts: RuleText[];
};
let nowMs = events[0]?.receivedAt ?? (0 as EpochMs);
const clock = { ...systemClock, now: () => nowMs };
const signal = new AbortController().signal;
const store = createStore({ file: database, clock, logger: silentLogger, reserveBytes: 0 });
await store.start(signal);
const rules = createRules({
  source: texts,
  timeZone: 'Asia/Shanghai',
  options: rulesOptions.parse({}),
  logger: silentLogger,
});
/** One row for each match: what was raised, without what becomes of it. */
const rows: LineAlerts = {
  ...plainAlerts(),
  apply: (matches, atMs) => ({
    changes: matches.flatMap((match) =>
      plainAlerts()
        .apply([match], atMs)
        .changes.flatMap((change): Change[] => {
          if (change.kind !== 'alert-saved') return [];
          const id = `${match.rule} ${match.key} ${match.at} ${match.events.join()}` as AlertId;
          return [{ ...change, alert: { ...change.alert, id } }];
        }),
    ),
    effects: [],
  }),
};
const line = createLine({
  store,
  rules,
  alerts: rows,
  register: { knows: () => null },
  areas: { of: () => null },
  clock,
  logger: silentLogger,
});
await line.start(signal);
// As a device does: what was not acknowledged is sent again, what was is not.
for (const [index, event] of events.entries()) {
  nowMs = event.receivedAt;
  const accepted = line.accept(event, `key-${event.id}`);
  if (index === Number(killAfter)) setImmediate(() => process.kill(process.pid, 'SIGKILL'));
  await accepted;
  if (index % 5 === 0) await line.tick();
  console.log(event.id);
}
nowMs = (nowMs + 3_600_000) as EpochMs;
await line.tick();
console.log('done');
await line.stop();
await store.stop();
