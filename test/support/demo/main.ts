/*
 * The demo: everything on one machine. Simulated cameras and devices tell a story from a seed; the gateway sees it, the
 * desk answers. With --once it is compared with what really happened, and the exit code says whether all of it was seen
 * and nothing else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { compare, type ComparedRow } from '../simulators/compare.ts';
import { expected } from '../simulators/expected.ts';
import { makeStory, storyLengthMs } from '../simulators/story.ts';
import { openDesk, openGateway, type Reader } from './clients.ts';
import { createNarrator } from './narrate.ts';
import { gather } from './observe.ts';
import { createOfficer } from './officer.ts';
import { startSetting, station, type Setting } from './setting.ts';

const { values } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 100_000) : Number(values.seed);
const startedAt = Date.now();
const say = (line: string): void => console.log(line);
const step = (line: string): void => say(`[${((Date.now() - startedAt) / 1000).toFixed(0).padStart(3)} s] ${line}`);

async function camerasConnected(gateway: Reader): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    const cameras = await gateway.list('/api/cameras');
    if (cameras.every(({ state }) => state === 'connected')) return;
    await sleep(300);
  }
  throw new Error('the gateway did not see both cameras within a minute');
}

function showTable(rows: readonly ComparedRow[]): void {
  const table = new Table({ head: ['', 'what', 'expected', 'seen'], style: { head: [], border: [] } });
  for (const { ok, what, expected: wanted, seen } of rows) table.push([ok ? 'ok' : 'NO', what, wanted, seen]);
  say(table.toString());
}

async function tellStory(setting: Setting, ended: AbortSignal): Promise<number> {
  const story = makeStory(seed);
  const gateway = openGateway(setting.gateway.ready.api, setting.dir);
  const desk = await openDesk(setting.desk.ready.api, setting.officer);
  await camerasConnected(gateway);
  say(`
  dashboard 管理页面   ${setting.gateway.ready.api}   user ${setting.manager.name}   password ${setting.manager.password}
  desk 值班台          ${setting.desk.ready.api}   user ${setting.officer.name}   password ${setting.officer.password}
  story                seed ${seed}, ${storyLengthMs / 1000} s${values.once ? '' : '; Ctrl-C ends the demo'}
`);
  const storyStartMs = Date.now() + 1000;
  await Promise.all([
    setting.cameras.order({ order: 'start', atMs: storyStartMs }),
    setting.devices.order({ order: 'start', atMs: storyStartMs }),
  ]);
  const narrate = createNarrator(gateway, say, process.stdout.isTTY);
  const onDuty = createOfficer(desk, (line) => say(`${new Date().toLocaleTimeString('sv-SE')}     ↳ ${line}`));
  const untilMs = values.once ? storyStartMs + storyLengthMs : Number.POSITIVE_INFINITY;
  while (Date.now() < untilMs && !ended.aborted) {
    await Promise.all([narrate(), onDuty(), sleep(Math.min(1000, Math.max(0, untilMs - Date.now())))]);
  }
  if (!values.once) return 0;
  await setting.devices.order({ order: 'report' });
  const seen = await gather(gateway, desk);
  const energyKwhByOrder = new Map(
    setting.devices.records.flatMap((record) =>
      record.record === 'session-ended' ? [[record.order, record.energyKwh] as const] : [],
    ),
  );
  const wanted = expected(story, {
    recipients: { red: [station.id], orange: [station.id] },
    acknowledgedBy: station.id,
  });
  const rows = compare(wanted, seen, { storyStartMs, energyKwhByOrder });
  const counts = setting.devices.records.findLast((record) => record.record === 'counts');
  const faults = [
    ...seen.faults,
    ...setting.cameras.faults,
    ...setting.devices.faults,
    ...(counts?.record === 'counts' && counts.acknowledged !== counts.published
      ? [`${counts.published - counts.acknowledged} of ${counts.published} messages were not acknowledged`]
      : []),
  ];
  showTable(rows);
  for (const fault of faults) say(`NO  ${fault}`);
  const wrong = rows.filter(({ ok }) => !ok).length + faults.length;
  say(
    wrong === 0
      ? `seed ${seed}: all ${rows.length} rows as expected, nothing else seen`
      : `seed ${seed}: ${wrong} of ${rows.length} rows are not as expected`,
  );
  return wrong === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const ended = new AbortController();
  let setting: Setting | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      ended.abort();
      process.once(signal, () => process.exit(1));
    });
  }
  try {
    setting = await startSetting({ story: makeStory(seed), fixedPorts: !values.once, keep: values.keep, say: step });
    const unexpected = Promise.race([setting.gateway.ended, setting.desk.ended]).then((code) => {
      if (!ended.signal.aborted)
        throw new Error(
          `a process ended unexpectedly with ${code}:\n${setting?.gateway.log() ?? ''}\n${setting?.desk.log() ?? ''}`,
        );
      return 0;
    });
    const code = await Promise.race([tellStory(setting, ended.signal), unexpected]);
    if (code !== 0) process.stderr.write(`${setting.gateway.log()}\n${setting.desk.log()}\n`);
    return code;
  } catch (error) {
    if (ended.signal.aborted) return 0;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    ended.abort();
    if (values.keep && setting) say(`kept: ${setting.dir}`);
    await setting?.stop();
  }
}

process.exitCode = await main();
