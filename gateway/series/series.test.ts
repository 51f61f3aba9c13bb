import type { IPoint } from 'influx';
import { describe, expect, it } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { AreaId, DeviceKey, EventId, SiteId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import type { Reading } from './collaborators.ts';
import { createSeriesExporter } from './exporter.ts';
import type { InfluxClient, WriteResult } from './influx-client.ts';
import { pointOf, seriesOptions } from './index.ts';

const site = 's1' as SiteId;
const base = (number: number) => ({
  id: `e-${number}` as EventId,
  at: (1_790_000_000_000 + number) as EpochMs,
  receivedAt: 1_790_000_009_000 as EpochMs,
  area: 'shed 1' as AreaId,
  late: false,
});
const charging = (number: number, more: Partial<Extract<Reading, { kind: 'charging' }>> = {}): Reading => ({
  ...base(number),
  kind: 'charging',
  device: 'charger/p1' as DeviceKey,
  port: 3,
  report: 'telemetry',
  state: 'charging',
  powerW: 231.5,
  voltageV: null,
  currentA: 1.05,
  energyKwh: null,
  durationS: null,
  ambientC: null,
  portC: 41,
  order: 'o-1',
  stopReason: null,
  ...more,
});
const fire = (number: number): Reading => ({
  ...base(number),
  kind: 'fire-telemetry',
  device: 'fire/f-1' as DeviceKey,
  area: null,
  smokeDbm: 0.03,
  temperatureC: 24.1,
  coPpm: 0,
  batteryPct: null,
  rssiDbm: -70,
});

describe('a point', () => {
  it('carries what a pile reported, where and when it was captured', () => {
    expect(pointOf(charging(5), site)).toEqual({
      measurement: 'charging',
      tags: { site: 's1', area: 'shed 1', device: 'charger/p1', port: '3' },
      fields: { state: 'charging', powerW: 231.5, currentA: 1.05, portC: 41 },
      timestamp: 1_790_000_000_005,
    });
  });

  it('of a sensor keeps a zero, and leaves out what was not reported and an area it does not have', () => {
    expect(pointOf(fire(6), site)).toEqual({
      measurement: 'fire',
      tags: { site: 's1', device: 'fire/f-1' },
      fields: { smokeDbm: 0.03, temperatureC: 24.1, coPpm: 0, rssiDbm: -70 },
      timestamp: 1_790_000_000_006,
    });
  });

  it('is none where nothing was measured', () => {
    expect(pointOf(charging(7, { state: null, powerW: null, currentA: null, portC: null }), site)).toBeNull();
  });
});

/** An exporter over numbered readings; the database is what `answer` says. */
function exporterOver(stored: Map<number, Reading | 'other'>, answer: (points: readonly IPoint[]) => WriteResult) {
  const clock = createFakeClock();
  const written: number[][] = [];
  const committed: number[] = [];
  let refuseCommits = 0;
  const client: InfluxClient = {
    write: (points) => {
      const result = answer(points);
      if (result.kind === 'written') written.push(points.map(({ timestamp }) => Number(timestamp) - 1_790_000_000_000));
      return Promise.resolve(result);
    },
  };
  const exporter = createSeriesExporter({
    options: seriesOptions.parse({ influx: { url: 'http://db:8086', batchSize: 3, interval: '5s' } }).influx!,
    site,
    client,
    reads: {
      readings: (after, limit) => {
        const rows = [...stored].filter(([seq]) => seq > after).slice(0, limit);
        return {
          readings: rows.flatMap(([, row]) => (row === 'other' ? [] : [row])),
          last: rows.at(-1)?.[0] ?? null,
          events: rows.length,
        };
      },
      newestEvent: () => Math.max(0, ...stored.keys()),
      seriesPosition: () => committed.at(-1) ?? 0,
    },
    commit: (changes: readonly Change[]) => {
      if (refuseCommits > 0) {
        refuseCommits -= 1;
        return Promise.reject(new Error('disk'));
      }
      for (const change of changes) if (change.kind === 'series-exported') committed.push(change.position);
      return Promise.resolve();
    },
    clock,
    random: systemRandom,
    logger: silentLogger,
  });
  const run = async (ms: number): Promise<void> => {
    await exporter.start(new AbortController().signal);
    await clock.advance(ms);
  };
  return {
    ...{ exporter, clock, written, committed, run },
    failCommits: (count: number) => {
      refuseCommits = count;
    },
  };
}

const readings = (...numbers: number[]): Map<number, Reading | 'other'> =>
  new Map(numbers.map((number) => [number, charging(number)]));
const fine: WriteResult = { kind: 'written' };

describe('the exporter', () => {
  it('writes everything in order, a batch at a time, and looks again after the interval', async () => {
    const stored = readings(1, 2, 3, 4, 5);
    stored.set(2, 'other');
    const { clock, written, committed, exporter, run } = exporterOver(stored, () => fine);
    await run(0);
    expect(written).toEqual([
      [1, 3],
      [4, 5],
    ]);
    expect(committed).toEqual([3, 5]);
    stored.set(6, fire(6));
    expect(exporter.report()).toMatchObject({ depth: 1, passed: 4 });
    await clock.advance(4999);
    expect(written).toHaveLength(2);
    await clock.advance(1);
    expect(written.at(-1)).toEqual([6]);
    expect(exporter.report()).toMatchObject({ name: 'store → InfluxDB', depth: 0, passed: 5, dropped: 0 });
    await exporter.stop();
    await exporter.stop();
  });

  it('tries again ever more rarely while the database is away, and catches up in order', async () => {
    let away = true;
    let tries = 0;
    const { clock, written, committed, exporter, run } = exporterOver(readings(1, 2, 3, 4), () => {
      tries += 1;
      return away ? { kind: 'away', reason: 'ECONNREFUSED' } : fine;
    });
    await run(0);
    await clock.advance(600_000);
    // 1 s doubling to 60 s, half of it random: in ten minutes neither a handful nor a hammering.
    expect(tries).toBeGreaterThanOrEqual(10);
    expect(tries).toBeLessThan(30);
    expect([written, committed]).toEqual([[], []]);
    expect(exporter.report().depth).toBe(4);
    away = false;
    await clock.advance(60_000);
    expect(written).toEqual([[1, 2, 3], [4]]);
    expect(exporter.report()).toMatchObject({ depth: 0, passed: 4, waitedMs: expect.any(Number) });
    expect(exporter.report().waitedMs).toBeGreaterThan(590_000);
    await exporter.stop();
  });

  it('leaves out the one point that is refused, counts it, and writes all others', async () => {
    const bad = 1_790_000_000_002;
    const { written, committed, exporter, run } = exporterOver(readings(1, 2, 3), (points) =>
      points.some(({ timestamp }) => timestamp === bad) ? { kind: 'refused', reason: '400' } : fine,
    );
    await run(0);
    expect(written.flat()).toEqual([1, 3]);
    expect(committed).toEqual([3]);
    expect(exporter.report()).toMatchObject({ passed: 2, dropped: 1 });
    await exporter.stop();
  });

  it('does not move on where its position could not be kept: it writes the same points again', async () => {
    const { clock, written, committed, exporter, run, failCommits } = exporterOver(readings(1, 2), () => fine);
    failCommits(1);
    await run(0);
    expect([written, committed]).toEqual([[[1, 2]], []]);
    await clock.advance(60_000);
    expect([written, committed]).toEqual([
      [
        [1, 2],
        [1, 2],
      ],
      [2],
    ]);
    await exporter.stop();
  });

  it('begins anew when the store has deleted its newest events and numbers from the start', async () => {
    const stored = readings(8, 9);
    const { clock, written, exporter, run } = exporterOver(stored, () => fine);
    await run(0);
    stored.clear();
    stored.set(1, charging(11));
    await clock.advance(10_000);
    expect(written).toEqual([[8, 9], [11]]);
    await exporter.stop();
  });

  it('stops at once in the middle of waiting for the database', async () => {
    const { exporter, run, committed } = exporterOver(readings(1), () => ({ kind: 'away', reason: 'x' }));
    await run(0);
    await exporter.stop();
    expect(committed).toEqual([]);
  });
});
