import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChargingSession, GatewayEvent } from '../gateway/domain/event.ts';
import { createLine, type Line, type LineRules } from '../gateway/events/index.ts';
import { changesOf, recordsOnly } from '../gateway/events/unstored.ts';
import { createFakeClock, type FakeClock } from '../gateway/lib/fake-clock.ts';
import { silentLogger } from '../gateway/lib/logger.ts';
import { createStore } from '../gateway/store/index.ts';
import { plainAlerts, reading, smoke, smokeRules } from './support/line-parts.ts';

/** The line while the disk has little room: what is only a record is refused, what an alert rests on is not. */

let folder = '';
const parts: { stop(): Promise<void> }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kanmen-room-'));
});
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function started(settings: { readonly maxPages?: number; readonly reserveBytes?: number } = {}) {
  const clock = createFakeClock();
  const store = createStore({ file: join(folder, 'k.db'), clock, logger: silentLogger, reserveBytes: 0, ...settings });
  const smokeOnly = smokeRules();
  let reloads = 0;
  /** Remembers readings of 900 W and more, as a rule with a duration does. */
  const rules: LineRules = {
    ...smokeOnly,
    evaluate: (event) => {
      const outcome = smokeOnly.evaluate(event);
      return event.kind === 'charging' && (event.powerW ?? 0) >= 900
        ? { ...outcome, changes: [{ kind: 'rule-state', rule: 'power', key: event.device, state: '{}' }] }
        : outcome;
    },
    reload: (rows, recent) => {
      reloads += 1;
      smokeOnly.reload(rows, recent);
    },
  };
  const room = { short: false };
  const line = createLine({
    ...{ store, rules, clock, logger: silentLogger, alerts: plainAlerts() },
    register: { knows: () => null },
    areas: { of: () => null },
    refuses: (event: GatewayEvent) => room.short && event.kind === 'charging',
  });
  const signal = new AbortController().signal;
  await store.start(signal);
  await line.start(signal);
  parts.push(store, line);
  return { clock, store, line, room, evaluated: smokeOnly.evaluated, reloads: () => reloads };
}
const refusal = { code: 'store.commit-failed', facts: { disk: 'SQLITE_FULL', chain: false }, retryable: true };

/** Until the disk is full. */
async function fill(line: Line, clock: FakeClock): Promise<void> {
  const more = async (): Promise<void> => {
    for (let n = 0; ; n += 1)
      await line.accept(reading(`r${n}`, clock.now(), { order: 'x'.repeat(5000), port: n % 7 }), null);
  };
  await expect(more()).rejects.toMatchObject({ facts: { disk: 'SQLITE_FULL' } });
}

describe('the line with little room on the disk', () => {
  it('does not acknowledge a reading, and stores it when it comes again, evaluated once', async () => {
    const { line, store, room, clock, evaluated, reloads } = await started();
    await line.accept(reading('r0', clock.now()), 'k0');
    room.short = true;
    await expect(line.accept(reading('r1', clock.now()), 'k1')).rejects.toMatchObject(refusal);
    await expect(line.accept(reading('r1-again', clock.now()), 'k1')).rejects.toMatchObject(refusal);
    expect([store.event('r1'), store.seen('k1')]).toEqual([undefined, false]);
    room.short = false;
    expect(await line.accept(reading('r1-third', clock.now()), 'k1')).toBe('stored');
    expect(await line.accept(reading('r1-fourth', clock.now()), 'k1')).toBe('repeat');
    expect(evaluated).toEqual(['r0', 'r1']);
    expect(store.event('r1')).toMatchObject({ id: 'r1', powerW: 312.4 });
    expect(reloads()).toBe(1); // At the start.
  });

  it('keeps the charging log: a session’s beginning and end are taken', async () => {
    const { line, store, room, clock } = await started();
    room.short = true;
    const at = clock.now();
    expect(await line.accept(reading('begin', at), 'k1')).toBe('stored');
    await expect(line.accept(reading('on', at + 1000), 'k2')).rejects.toMatchObject(refusal);
    const end = { report: 'session-end', state: null, energyKwh: 1.5, stopReason: 'full' } as const;
    expect(await line.accept(reading('end', at + 2000, end), 'k3')).toBe('stored');
    const query = { before: null, limit: 9, device: null, area: null, state: null, from: null, to: null };
    expect(store.sessions(query)).toMatchObject([{ endedAt: at + 2000, energyKwh: 1.5 }]);
  });

  it('writes a session that ended on a full disk when its end comes again', async () => {
    const { line, store, clock } = await started({ maxPages: 161, reserveBytes: 1_000_000 });
    await fill(line, clock);
    const at = clock.now();
    const end = { report: 'session-end', state: null, energyKwh: 1.5, stopReason: 'full' } as const;
    await expect(line.accept(reading('end', at + 2000, end), 'k1')).rejects.toMatchObject(refusal);
    expect(recordsOnly([{ kind: 'event-recorded', event: reading('x', at), messageKey: null }])).not.toBeNull();
    // What it comes to when there is room again: the event and the whole session.
    const [first, second] = changesOf(
      { event: reading('end', at, end), sessions: [{ id: 's-1', endedAt: at } as ChargingSession] },
      'k1',
      at,
    );
    expect([first?.kind, second?.kind]).toEqual(['event-recorded', 'session-saved']);
    expect(store.seen('k1')).toBe(false);
  });

  it('takes a reading that a rule remembers, and every alarm', async () => {
    const { line, store, room, clock } = await started();
    room.short = true;
    expect(await line.accept(reading('hot', clock.now(), { powerW: 950 }), 'k1')).toBe('stored');
    expect(await line.accept(smoke('e1', clock.now()), 'k2')).toBe('stored');
    expect(store.ruleState().map(({ rule }) => rule)).toEqual(['power', 'smoke']);
    expect(store.openAlerts()).toMatchObject([{ id: 'alert-e1', tier: 'red' }]);
  });

  it('does not read its memory anew for each reading that a full disk refuses', async () => {
    const { line, store, clock, reloads } = await started({ maxPages: 161, reserveBytes: 1_000_000 });
    await fill(line, clock);
    expect(store.room.short()).toBe(true);
    const before = reloads();
    const sent = Array.from({ length: 200 }, (_, n) => line.accept(reading(`late${n}`, clock.now()), `k${n}`));
    const alarm = line.accept(smoke('e1', clock.now()), 'alarm');
    expect((await Promise.allSettled(sent)).filter(({ status }) => status === 'rejected')).toHaveLength(200);
    expect(await alarm).toBe('stored');
    expect(reloads() - before).toBe(0);
    await line.tick();
    expect(reloads() - before).toBe(0);
  });
});
