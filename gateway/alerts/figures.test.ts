import { describe, expect, it } from 'vitest';
import type { Alert } from '../domain/alert.ts';
import type { AlertId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createAlertsBench, matchOf, somePlaces, someRecipients } from './alerts-bench.ts';
import { createFigures, lineOf, spreadOf, type FigureReads, type FigureRow } from './figures.ts';

const hourMs = 3_600_000;
/** 2026-11-01 00:00 in Shanghai. */
const november = Date.UTC(2026, 9, 31, 16, 0, 0) as EpochMs;

describe('figures', () => {
  it('give mean and nearest-rank p90, and nothing of nothing', () => {
    expect(spreadOf([])).toEqual({ n: 0, meanMs: null, p90Ms: null });
    expect(spreadOf([7])).toEqual({ n: 1, meanMs: 7, p90Ms: 7 });
    expect(spreadOf([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])).toEqual({ n: 10, meanMs: 6, p90Ms: 9 });
  });

  it('count a month by local time, against the one before, by grid, rule and department', async () => {
    const alerts: Alert[] = [];
    const add = (
      key: string,
      at: EpochMs,
      live: (bench: ReturnType<typeof createAlertsBench>, id: AlertId) => void,
      more = {},
    ) => {
      const bench = createAlertsBench({ ids: { next: alerts.length * 100 } });
      bench.keep(bench.alerts.apply([matchOf({ key, at, tier: 'yellow', to: ['community'], ...more })], at));
      live(bench, bench.alert().id);
      alerts.push(bench.alert());
    };
    const answer = (
      bench: ReturnType<typeof createAlertsBench>,
      id: AlertId,
      kind: 'acknowledged' | 'outcome' | 'transferred',
      at: EpochMs,
      more = {},
    ) =>
      bench.keep(
        bench.alerts.answer(
          {
            ...{ id: `${id}-${kind}-${at}`, alertId: id, kind, by: '物业', at, text: 'x', recipient: null },
            outcome: kind === 'outcome' ? 'true' : null,
            ...more,
          },
          at,
        ),
      );
    const plus = (at: EpochMs, hours: number): EpochMs => (at + hours * hourMs) as EpochMs;
    // The last moment of October, the first of November.
    add('october', (november - 1) as EpochMs, () => undefined);
    add('in-time', november, (bench, id) => {
      answer(bench, id, 'acknowledged', plus(november, 1));
      answer(bench, id, 'outcome', plus(november, 3));
    });
    add('late', plus(november, 1), (bench, id) => {
      bench.keep(bench.alerts.tick(plus(november, 26)));
      answer(bench, id, 'outcome', plus(november, 27));
    });
    add(
      'passed on',
      plus(november, 2),
      (bench, id) => {
        answer(bench, id, 'transferred', plus(november, 3), { to: 'fire-department' });
      },
      { area: 'a2' },
    );
    add('wrong', plus(november, 3), (bench, id) => {
      answer(bench, id, 'outcome', plus(november, 4), { outcome: 'false-alarm' });
    });
    const reads: FigureReads = {
      // In bites of two, as the store gives them.
      figureRows: (from, to, after) => {
        const rows = alerts
          .filter(({ raisedAt }) => raisedAt >= from && raisedAt < to)
          .filter(
            ({ raisedAt, id }) =>
              after === null || raisedAt > after.raisedAt || (raisedAt === after.raisedAt && id > after.id),
          )
          .sort((a, b) => a.raisedAt - b.raisedAt);
        return { rows: rows.slice(0, 2), more: rows.length > 2 };
      },
    };
    const figures = createFigures({
      ...{ reads, places: somePlaces, recipients: someRecipients, timeZone: 'Asia/Shanghai' },
      ...{ ruleName: (id) => `规则 ${id}`, now: () => plus(november, 100) },
    });
    const month = await figures.of('2026-11');
    expect(month).toMatchObject({ from: november, whole: false });
    expect(month.total.before.raised).toBe(1);
    expect(month.total.now).toMatchObject({
      ...{ raised: 4, inTime: 2, late: 1, pending: 1, transferred: 1, transfersAccepted: 0, falseAlarms: 1, closed: 3 },
      byTier: { red: 0, orange: 0, yellow: 4, blue: 0 },
      resolved: { n: 2, meanMs: 14.5 * hourMs, p90Ms: 26 * hourMs },
      acknowledged: { n: 3, meanMs: (28 / 3) * hourMs },
    });
    expect(month.byGrid.map(({ name, now }) => [name, now.raised])).toEqual([
      ['网格g1', 3],
      ['网格g2', 1],
    ]);
    expect(month.byDepartment.map(({ key, now }) => [key, now.raised])).toEqual([
      ['property', 3],
      ['fire-department', 1],
    ]);
    expect(month.byRule.map(({ name }) => name)).toEqual(['规则 charging-over-temperature']);
    expect((await figures.of('2026-10')).total.now).toMatchObject({ raised: 1 });
    await expect(figures.of('2026-1')).rejects.toThrow(RangeError);
    expect(lineOf([]).delivered.meanMs).toBeNull();
  });

  it('count a matter for whom it was last transferred to, else for the department whose matter the rule says it is', async () => {
    const rowOf = (id: string, more: Partial<FigureRow>): FigureRow => {
      const bench = createAlertsBench();
      bench.keep(bench.alerts.apply([matchOf({ key: id, at: november, to: ['station'] })], november));
      return { ...bench.alert(), id: id as AlertId, ...more };
    };
    const moved = {
      ...{ at: november, by: 'x', why: 'x', acceptedAt: null, endedAt: null },
      to: '供电所',
      recipient: null,
    };
    const { followUp } = rowOf('x', {});
    const rows = [
      rowOf('a', { department: 'fire' }),
      rowOf('b', { department: 'housing', followUp: { ...followUp, transfers: [moved] } }),
      rowOf('c', { department: 'police' }),
      // Of a rule that says nothing, or of before there was the field.
      rowOf('d', { department: null }),
    ];
    const figures = createFigures({
      reads: { figureRows: (from) => ({ rows: from === november ? rows : [], more: false }) },
      ...{ places: somePlaces, timeZone: 'Asia/Shanghai', ruleName: (id) => id, now: () => november },
      recipients: someRecipients.map((one) =>
        one.role === 'department' ? { ...one, department: 'fire' as const } : one,
      ),
    });
    const { byDepartment } = await figures.of('2026-11');
    expect(byDepartment.map(({ key, name }) => [key, name]).sort()).toEqual([
      ['fire-department', 'fire-department'],
      ['police', '公安'],
      ['station', 'station'],
      ['供电所', '供电所'],
    ]);
  });
});
