import { afterEach, describe, expect, it } from 'vitest';
import type { GatewayEvent, SystemEvent } from '../domain/event.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { spaceOptions } from '../store/options.ts';
import { createDiskWatch } from './disk-watch.ts';

const MB = 1_000_000;
const options = spaceOptions.parse({
  warn: '100MB',
  clips: '80MB',
  pictures: '60MB',
  passages: '40MB',
  readings: '20MB',
});

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function watched(freeMB: number) {
  const clock = createFakeClock();
  const events: SystemEvent[] = [];
  const state = { free: freeMB * MB, short: false, refuses: false, broken: false };
  const watch = createDiskWatch({
    ...{ dir: '/data', options, clock, logger: silentLogger, random: { id: () => `e-${events.length}` } },
    short: () => state.short,
    accept: (event) => {
      if (state.refuses) return Promise.reject(new Error('no room'));
      events.push(event);
      return Promise.resolve('stored');
    },
    measure: () =>
      state.broken
        ? Promise.reject(new Error('statfs failed'))
        : Promise.resolve({ freeBytes: state.free, totalBytes: 1000 * MB }),
  });
  await watch.start(new AbortController().signal);
  stops.push(() => watch.stop());
  const look = (): Promise<void> => clock.advance(2000);
  return { watch, events, state, look };
}

describe('the disk watch', () => {
  it('gives up what is worth least first, and takes it again with some more room than that', async () => {
    const { watch, state, look } = await watched(500);
    const at = async (freeMB: number): Promise<readonly string[]> => {
      state.free = freeMB * MB;
      await look();
      return watch.report().refused;
    };
    expect(await at(101)).toEqual([]);
    expect(await at(79)).toEqual(['clips']);
    expect(await at(59)).toEqual(['clips', 'pictures']);
    expect(await at(39)).toEqual(['clips', 'pictures', 'passages']);
    expect(await at(19)).toEqual(['clips', 'pictures', 'passages', 'readings']);
    expect(await at(24)).toEqual(['clips', 'pictures', 'passages', 'readings']);
    expect(await at(26)).toEqual(['clips', 'pictures', 'passages']);
    expect(await at(99)).toEqual(['clips']);
    expect(await at(101)).toEqual([]);
  });

  it('refuses nearly everything while the database lives on its reserve', async () => {
    const { watch, state } = await watched(500);
    state.short = true;
    expect(watch.report()).toMatchObject({ state: 'full', refused: ['clips', 'pictures', 'passages', 'readings'] });
    expect(watch.refuses('clips')).toBe(true);
    state.short = false;
    expect(watch.report()).toMatchObject({ state: 'ok', refused: [] });
  });

  it('tells of little room once, and of room again once, until it is stored', async () => {
    const { watch, events, state, look } = await watched(500);
    state.free = 90 * MB;
    state.refuses = true;
    await look();
    expect(events).toEqual([]);
    state.refuses = false;
    await look();
    await look();
    expect(events.map(({ change, part, value }) => [change, part, value])).toEqual([['disk-low', 'disk', 0.09]]);
    state.free = 110 * MB;
    await look();
    expect(watch.report().state).toBe('low'); // Not before it has a quarter more than the floor.
    state.free = 300 * MB;
    await look();
    await look();
    expect(events.map(({ change, reason }) => [change, reason])).toEqual([
      ['disk-low', '90 MB free of 1000 MB'],
      ['disk-ok', '300 MB free of 1000 MB'],
    ]);
  });

  it('keeps its last word where the file system does not say', async () => {
    const { watch, state, look } = await watched(50);
    state.broken = true;
    await look();
    expect(watch.report()).toMatchObject({ freeBytes: 50 * MB, state: 'low', refused: ['clips', 'pictures'] });
  });

  it('refuses events by their worth, and never an alarm', async () => {
    const { watch } = await watched(10);
    const refused = (event: Partial<GatewayEvent>): boolean => watch.refusesEvent(event as GatewayEvent);
    expect(
      (['passage', 'charging', 'fire-telemetry', 'fire', 'pile-alarm', 'device', 'camera', 'system'] as const).map(
        (kind) => refused({ kind }),
      ),
    ).toEqual([true, true, true, false, false, false, false, false]);
  });

  it('wants floors in the order of worth', () => {
    const wrong = spaceOptions.safeParse({ pictures: '700MB' });
    expect(wrong.error?.issues.map(({ path, message }) => [path, message])).toEqual([
      [['pictures'], 'must not be more than clips: what is worth less goes first'],
    ]);
  });
});
