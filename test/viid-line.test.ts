import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { recipientsOptions } from '../gateway/alerts/options.ts';
import { createPassageDeliveries } from '../gateway/app/passages.ts';
import type { PassageEvent } from '../gateway/domain/event.ts';
import type { AreaId, CameraId, EventId, RuleId, SiteId } from '../gateway/domain/ids.ts';
import type { Match } from '../gateway/domain/match.ts';
import { createLine } from '../gateway/events/index.ts';
import { systemClock, type EpochMs } from '../gateway/lib/clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { createOutbox } from '../gateway/outbox/index.ts';
import { outboxOptions } from '../gateway/outbox/options.ts';
import { createRules } from '../gateway/rules/index.ts';
import { rulesOptions } from '../gateway/rules/options.ts';
import { createStore } from '../gateway/store/index.ts';
import { projectRoot } from './support/kanmen-process.ts';
import { plainAlerts } from './support/line-parts.ts';
import { openViidBench, until } from './support/viid-server/bench.ts';

/** Line, store, outbox and a GA/T 1400 channel together, against the conformance server. */

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

const passage = (n: number, changes: Partial<PassageEvent> = {}): PassageEvent => {
  const at = (Date.UTC(2026, 0, 2, 3, 4, 5) + n * 7001) as EpochMs;
  return {
    ...{ kind: 'passage', id: `p-${n}` as EventId, at, receivedAt: at, area: null as AreaId | null, late: false },
    ...{ camera: 'gate-1' as CameraId, subject: 'vehicle', direction: 'in', startedAt: at, endedAt: at },
    plate: {
      ...{
        text: `浙B${String(10_000 + n)}`,
        confidenceRatio: 0.95,
        characterConfidenceRatios: Array<number>(7).fill(0.95),
      },
      ...{ kind: 'small', color: 'blue', accepted: true },
    },
    registered: null,
    evidence: null,
    boxPx: [10, 20, 80, 26],
    ...changes,
  };
};

async function gateway() {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-viid-line-'));
  const bench = await openViidBench({ options: { keepaliveEvery: '1s', keepaliveMisses: 1 } });
  const common = { clock: systemClock, logger: silentLogger };
  const recipients = recipientsOptions.parse([
    { id: 'platform', name: '视图库', role: 'station', channel: 'platform', alerts: false, passages: true },
  ]);
  const store = createStore({ ...common, file: join(folder, 'k.db'), reserveBytes: 0 });
  const seen: PassageEvent[] = [];
  const passages = createPassageDeliveries({
    recipients,
    channels: () => ({ byId: new Map([['platform', bench.channel]]) }),
    watchList: bench.watchList,
    places: { site: { id: 's' as SiteId, name: '东苑' }, area: () => null, grid: () => null },
    ...{ gateway: 'gw-1', timeZone: 'Asia/Shanghai', random: systemRandom },
    pictureSha256: () => null,
    lastSequence: () => store.lastSequence(),
  });
  const line = createLine({
    ...common,
    store,
    rules: {
      evaluate: (event) => {
        if (event.kind !== 'passage') return { matches: [], changes: [] };
        seen.push(event);
        const match = { rule: 'watch' as RuleId, tier: 'red', events: [event.id] } as unknown as Match;
        return { matches: event.watch === 'exact' ? [match] : [], changes: [] };
      },
      tick: () => ({ matches: [], changes: [] }),
      reload: () => undefined,
    },
    alerts: { ...plainAlerts(), apply: () => ({ changes: [], effects: [] }) },
    register: { knows: () => null },
    areas: { of: () => null },
    passages,
  });
  const outbox = createOutbox({
    ...common,
    channels: new Map([['platform', bench.channel]]),
    options: outboxOptions.parse({
      retry: { first: '50ms', max: '100ms' },
      urgentRetry: { first: '50ms', max: '100ms' },
    }),
    reads: {
      due: (query) => store.dueDeliveries(query),
      find: (id) => store.delivery(id),
      hasYounger: (delivery) => store.hasYounger(delivery),
      pendingCount: (channel) => store.pendingCount(channel),
    },
    commit: (changes) => store.commit(changes),
    onDelivered: (receipt) => line.received(receipt),
    random: systemRandom,
    passKillPoint: () => undefined,
  });
  line.onEffect((effect) => {
    if (effect.kind === 'deliveries-due') outbox.wake();
  });
  const signal = new AbortController().signal;
  await store.start(signal);
  await line.start(signal);
  running.push(async () => {
    await outbox.stop();
    await line.stop();
    await store.stop();
    await bench.close();
    rmSync(folder, { recursive: true });
  });
  return { bench, passages, line, store, seen, start: () => outbox.start(signal), outbox };
}

describe('a passage on its way to the platform', () => {
  it('is stored with its delivery, waits out an outage, and arrives once', async () => {
    const { bench, line, store, start } = await gateway();
    await start();
    bench.platform.behave({ kind: 'break' });
    for (const n of [1, 2, 3]) expect(await line.accept(passage(n), null)).toBe('stored');
    expect(await line.accept(passage(4, { late: true }), null)).toBe('stored');
    await until(() => bench.platform.count('/VIID/MotorVehicles') >= 4);
    expect(store.pendingCount('platform')).toBe(4);
    bench.platform.behave({ kind: 'accept' });
    await until(() => store.pendingCount('platform') === 0);
    const plates = bench.platform.taken('MotorVehicleObject').map(({ PlateNo }) => String(PlateNo));
    expect(plates.sort()).toEqual(['浙B10001', '浙B10002', '浙B10003', '浙B10004']);
    expect(bench.platform.faults).toEqual([]);
  });

  it('is told to the rules as one that was ordered, and its hit goes before everything that waits', async () => {
    const { bench, line, store, seen, start } = await gateway();
    const entry = { order: '1', title: '被盗车辆', from: null, until: null, cameras: null, possible: false };
    bench.watchList.replace('platform', [{ plate: '浙B10009', ...entry }]);
    for (const n of [1, 2, 9]) await line.accept(passage(n), null);
    expect(seen.map(({ watch, watchReason }) => [watch, watchReason])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      ['exact', '被盗车辆'],
    ]);
    const due = store.dueDeliveries({
      ...{ channel: 'platform', nowMs: systemClock.now(), longestRetryMs: 1e9, longestFirstMs: 1e9, limit: 10 },
    });
    expect(due.map(({ tier, type }) => `${tier} ${type}`)).toEqual([
      'red kanmen.watch-hit.v1',
      'blue kanmen.passage.v1',
      'blue kanmen.passage.v1',
      'blue kanmen.passage.v1',
    ]);
    await start();
    await until(() => store.pendingCount('platform') === 0);
    // The order itself is not in this channel's file, so there is nothing to tell of it; the passages are there.
    expect(bench.platform.taken('MotorVehicleObject')).toHaveLength(3);
  });

  it('of an ordered plate makes the alert of the standard pack, for people, in its own tier', async () => {
    const { bench, passages } = await gateway();
    const entry = { order: '1', title: '被盗车辆', from: null, until: null, cameras: null, possible: true };
    bench.watchList.replace('platform', [{ plate: '浙B10088', ...entry }]);
    const rules = createRules({
      ...{ source: join(projectRoot, 'rules'), timeZone: 'Asia/Shanghai', logger: silentLogger },
      options: rulesOptions.parse({}),
    });
    rules.reload([], []);
    const told = (event: PassageEvent) =>
      rules
        .evaluate({ ...event, ...passages.watched(event) })
        .matches.filter(({ kind }) => kind === 'gate.watch-list')
        .map(({ tier, message }) => `${tier} ${message.zh}`);
    expect(told(passage(87))).toEqual([]);
    expect(told(passage(88))).toEqual(['orange 布控车辆 浙B10088 经 gate-1 驶入（被盗车辆）']);
    const similar = passage(90);
    const misread = { ...similar, plate: { ...similar.plate!, text: '浙B1008B' } };
    expect(told(misread)).toEqual(['yellow 疑似布控车辆 浙B1008B 经 gate-1 驶入（被盗车辆）']);
  });

  it('of a person or a camera that the platform does not know is not queued', async () => {
    const { line, store } = await gateway();
    await line.accept(passage(1, { subject: 'person', plate: null }), null);
    await line.accept(passage(2, { camera: 'gate-2' as CameraId }), null);
    expect(store.pendingCount('platform')).toBe(0);
  });

  it('is known to have no way while the platform misses keep-alives, before anything is sent', async () => {
    const { bench, outbox, start } = await gateway();
    await start();
    const ending = new AbortController();
    const listening = bench.channel.listen(() => Promise.resolve(), ending.signal);
    running.push(async () => {
      ending.abort();
      await listening;
    });
    await until(() => bench.platform.taken('KeepaliveObject').length >= 1);
    expect(outbox.links()).toMatchObject([{ state: 'unknown', lastFailure: null }]);
    bench.platform.behave({ kind: 'status', code: 3 });
    await until(() => outbox.links()[0]?.state === 'down');
    expect(outbox.links()[0]?.lastFailure).toContain('keep-alives in a row failed');
    bench.platform.behave({ kind: 'accept' });
    await until(() => outbox.links()[0]?.state === 'unknown');
  });
});
