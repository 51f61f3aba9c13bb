import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Feedback } from '../gateway/domain/alert.ts';
import type { Change } from '../gateway/domain/change.ts';
import type { PassageEvent } from '../gateway/domain/event.ts';
import type { AlertId, AreaId, CameraId, DeviceKey, EventId } from '../gateway/domain/ids.ts';
import { createLine, type Line, type LineStore } from '../gateway/events/index.ts';
import type { EpochMs } from '../gateway/lib/clock.ts';
import { createFakeClock, type FakeClock } from '../gateway/lib/fake-clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { createStore, type Store } from '../gateway/store/index.ts';
import { plainAlerts, reading, smoke, smokeRules } from './support/line-parts.ts';

let folder = '';
const parts: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kanmen-line-'));
});
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Setup {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly rules: ReturnType<typeof smokeRules>;
  readonly alerts: ReturnType<typeof plainAlerts>;
  readonly line: Line;
}

async function started(
  settings: {
    fsyncDelayMs?: number;
    maxPages?: number;
    reserveBytes?: number;
    wrap?: (store: Store) => LineStore;
    clock?: FakeClock;
  } = {},
): Promise<Setup> {
  const { wrap, clock = createFakeClock(), ...rest } = settings;
  const store = createStore({ file: join(folder, 'k.db'), clock, logger: silentLogger, reserveBytes: 0, ...rest });
  const rules = smokeRules();
  const alerts = plainAlerts();
  const line = createLine({
    store: wrap ? wrap(store) : store,
    rules,
    alerts,
    register: { knows: (plate) => plate === '浙B12345' },
    areas: { of: (source) => (source === 'fire/f1' || source === 'gate' ? ('shed' as AreaId) : null) },
    clock,
    logger: silentLogger,
  });
  const signal = new AbortController().signal;
  await store.start(signal);
  await line.start(signal);
  parts.push(store, line);
  return { clock, store, rules, alerts, line };
}

const feedback = (id: string, alertId: string): Feedback => ({
  id,
  alertId: alertId as AlertId,
  kind: 'acknowledged',
  by: '王警官',
  at: 1 as EpochMs,
  text: '',
  outcome: null,
  recipient: null,
});
const anything = { before: null, limit: 500 };

describe('line', () => {
  it('answers "stored" only when event, alert and delivery are on disk, and tells effects after that', async () => {
    const { line, store, clock } = await started({ fsyncDelayMs: 30 });
    const order: string[] = [];
    const onDisk = (): number => store.openAlerts().length;
    line.onStored((changes) => order.push(`stored ${changes.map((change) => change.kind).join()} ${onDisk()}`));
    line.onEffect((effect) => order.push(effect.kind));
    const accepted = line.accept(smoke('e1', clock.now()), 'k1').then((result) => order.push(result));
    order.push(`turn over, ${onDisk()} on disk`);
    await accepted;
    expect(order).toEqual([
      'turn over, 0 on disk',
      'stored event-recorded,rule-state,alert-saved,notice-created,delivery-created 1',
      'evidence-wanted',
      'deliveries-due',
      'alert-changed',
      'stored',
    ]);
    expect(store.event('e1')).toEqual(smoke('e1', clock.now(), { area: 'shed' as AreaId }));
    expect(store.pendingCount('desk')).toBe(1);
  });

  it('lets a repeat wait for the first one, drops it, and knows it after a restart', async () => {
    const first = await started({ fsyncDelayMs: 30 });
    const { line, clock } = first;
    const order: string[] = [];
    await Promise.all([
      line.accept(smoke('e1', clock.now()), 'k1').then((result) => order.push(result)),
      line.accept(smoke('e2', clock.now()), 'k1').then((result) => order.push(result)),
    ]);
    expect(order).toEqual(['stored', 'repeat']);
    expect(await line.accept(smoke('e3', clock.now()), 'k1')).toBe('repeat');
    expect(line.report()).toMatchObject([
      { name: 'events', depth: 0, passed: 1, dropped: 2 },
      { name: 'rules', depth: 0, passed: 1, dropped: 0 },
    ]);
    await line.stop();
    await first.store.stop();
    const second = await started();
    expect(await second.line.accept(smoke('e4', clock.now()), 'k1')).toBe('repeat');
    expect(await second.line.accept(smoke('e5', clock.now()), 'k2')).toBe('stored');
    expect(second.store.openAlerts()).toMatchObject([{ count: 2 }]);
  });

  it('records a late event without showing it to the rules', async () => {
    const { line, store, rules, clock } = await started();
    await line.accept(smoke('e1', clock.now(), { late: true }), null);
    expect([store.event('e1')?.late, rules.evaluated, store.openAlerts()]).toEqual([true, [], []]);
  });

  it('fills in the area and whether the register knows the plate', async () => {
    const { line, store, clock } = await started();
    const passage = (id: string, plate: string): PassageEvent => ({
      kind: 'passage',
      id: id as EventId,
      at: clock.now(),
      receivedAt: clock.now(),
      area: null,
      late: false,
      camera: 'gate' as CameraId,
      subject: 'vehicle',
      direction: 'in',
      startedAt: clock.now(),
      endedAt: clock.now(),
      plate: {
        text: plate,
        confidenceRatio: 1,
        characterConfidenceRatios: [1],
        kind: 'small',
        color: 'blue',
        accepted: true,
      },
      registered: null,
      evidence: null,
    });
    await line.accept(passage('p1', '浙B12345'), null);
    await line.accept(passage('p2', '浙B99999'), null);
    expect([store.event('p1'), store.event('p2')]).toMatchObject([
      { area: 'shed', registered: true },
      { area: 'shed', registered: false },
    ]);
  });

  it('settles a receipt with its answers in one commit, and leaves out an answer to nothing', async () => {
    const { line, store, clock } = await started();
    await line.accept(smoke('e1', clock.now()), null);
    const [delivery] = store.deliveries('alert-e1' as AlertId);
    const commits: string[] = [];
    line.onStored((changes) => commits.push(changes.map((change) => change.kind).join()));
    const settled: Change = {
      kind: 'delivery-tried',
      id: delivery!.id,
      at: clock.now(),
      state: 'delivered',
      attempts: 1,
      nextAttemptAt: clock.now(),
      result: '204',
    };
    await line.received({
      delivery: delivery!,
      feedback: [feedback('f1', 'alert-e1'), feedback('f2', 'nothing')],
      settled,
    });
    expect(commits).toEqual(['delivery-tried,alert-saved,alert-saved,feedback-recorded']);
    expect(store.findAlert('alert-e1' as AlertId)).toMatchObject({ state: 'acknowledged', owner: '王警官' });
    expect(store.deliveryCounts().byState).toEqual({ pending: 0, delivered: 1, dead: 0 });
    await expect(line.answer(feedback('f3', 'nothing'))).rejects.toMatchObject({ code: 'alert.unknown' });
  });

  it('goes back to what is stored when a commit fails, and works out its neighbours again', async () => {
    const { line, store, rules, clock } = await started({ fsyncDelayMs: 20 });
    await line.accept(smoke('e1', clock.now()), null);
    const outcomes = await Promise.allSettled([
      line.accept(smoke('e2', clock.now()), 'k2'),
      // The same event id again breaks the commit.
      line.accept(smoke('e1', clock.now()), 'k3'),
      line.accept(smoke('e4', clock.now(), { device: 'fire/f2' as DeviceKey }), 'k4'),
      line.accept(smoke('e5', clock.now(), { device: 'fire/f2' as DeviceKey }), 'k5'),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(store.openAlerts().map((alert) => [alert.id, alert.count])).toEqual([
      ['alert-e1', 2],
      ['alert-e4', 2],
    ]);
    // Each alert has its delivery: none rests on a turn that was not written.
    expect(store.pendingCount('desk')).toBe(2);
    expect([...rules.seen]).toEqual([
      ['fire/f1', 2],
      ['fire/f2', 2],
    ]);
    expect([store.seen('k3'), store.seen('k4')]).toEqual([false, true]);
    expect(line.report()[0]).toMatchObject({ depth: 0 });
  });

  it('writes red alerts and refuses readings while the disk is full', async () => {
    const { line, store, clock } = await started({ maxPages: 161, reserveBytes: 1_000_000 });
    const accepted: string[] = [];
    const fill = async (): Promise<void> => {
      for (let n = 0; ; n += 1) {
        await line.accept(reading(`r${n}`, clock.now(), { order: 'x'.repeat(5000), port: n % 7 }), null);
        accepted.push(`r${n}`);
      }
    };
    await expect(fill()).rejects.toMatchObject({ facts: { disk: 'SQLITE_FULL' } });
    expect(accepted.length).toBeGreaterThan(10);
    expect(store.room.short()).toBe(true);
    const outcomes = await Promise.allSettled([
      line.accept(reading('late1', clock.now()), 'a'),
      line.accept(smoke('e1', clock.now()), 'b'),
      line.accept(reading('late2', clock.now()), 'c'),
      line.accept(smoke('e2', clock.now()), 'd'),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(store.openAlerts()).toMatchObject([{ id: 'alert-e1', count: 2 }]);
    expect([store.event('late1'), store.event('e2')?.id]).toEqual([undefined, 'e2']);
  });

  it('logs charging sessions, with all that was read, over a stop and over a lost minute', async () => {
    const first = await started();
    const { line, store, clock } = first;
    const seconds = async (state: Setup, from: number, to: number): Promise<void> => {
      for (let s = from; s < to; s += 10) {
        await state.line.accept(reading(`r${s}`, state.clock.now(), { powerW: s === 50 ? 800 : 300 }), null);
        await state.clock.advance(10_000);
      }
    };
    await seconds(first, 0, 60);
    // Written when it began, not at every reading.
    expect(store.openSessions()).toMatchObject([{ samples: 1, peakPowerW: 300 }]);
    // As after a crash: the line is not stopped, the next one starts from what is on disk.
    const second = await started({ clock });
    await clock.advance(60_000);
    await second.line.tick();
    expect(second.store.openSessions()).toMatchObject([{ samples: 6, peakPowerW: 800 }]);
    await second.line.accept(reading('end', clock.now(), { state: 'idle', powerW: 0 }), null);
    expect(
      store.sessions({ ...anything, device: null, area: null, state: 'ended', from: null, to: null }),
    ).toMatchObject([{ samples: 7, stopReason: 'unplugged' }]);
    await line.stop();
  });

  it('takes nothing more once it stops, and finishes what it took', async () => {
    const { line, store, clock } = await started({ fsyncDelayMs: 30 });
    const accepted = line.accept(smoke('e1', clock.now()), null);
    const stopping = line.stop();
    await expect(line.accept(smoke('e2', clock.now()), null)).rejects.toMatchObject({ code: 'store.closed' });
    await stopping;
    expect(await accepted).toBe('stored');
    expect(store.event('e2')).toBeUndefined();
  });

  it('loses nothing that it accepted when the process is killed', async () => {
    const child = resolve(import.meta.dirname, '../dist/test/support/line-child.js');
    for (let run = 0; run < 3; run += 1) {
      const process = fork(child, [join(folder, 'k.db'), String(run)], { silent: true });
      const accepted: string[] = [];
      for await (const id of createInterface({ input: process.stdout! })) {
        accepted.push(id);
        if (accepted.length === 150 + 61 * run) process.kill('SIGKILL');
      }
      expect(accepted.length).toBeGreaterThanOrEqual(150);
      const { store, line } = await started();
      expect(accepted.filter((id) => !store.seen(`key-${id}`) || store.event(id) === undefined)).toEqual([]);
      const alarms = accepted.filter((id) => id.endsWith('-4'));
      expect(alarms.filter((id) => store.deliveries(`alert-${id}` as AlertId).length !== 1)).toEqual([]);
      // All or nothing: no alert without its delivery, no delivery without its alert.
      const alerts = store.openAlerts();
      expect(alerts.filter((alert) => store.deliveries(alert.id).length !== 1)).toEqual([]);
      expect(store.pendingCount('desk')).toBe(alerts.length);
      await line.stop();
      await store.stop();
    }
  });
});
