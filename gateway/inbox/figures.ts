import { DateTime } from 'luxon';
import { tiers, type Tier } from '../domain/tier.ts';
import { answersOver, type FigureAlert } from './figure-row.ts';
import type { DeskReads } from './data/desk-data.ts';
import { scopeCondition, type Scope } from './scope.ts';
import type { DeskFigures, FigureLine } from './shapes-shift.ts';

/** Made once: a collator of its own for each comparison took most of the time of a page with 200 gateways. */
const byName = new Intl.Collator('zh-CN');

/** Mean and p90 (nearest rank) of times in ms; null where nothing was timed. */
export function spreadOf(times: readonly number[]): FigureLine['acknowledged'] {
  if (times.length === 0) return { n: 0, meanMs: null, p90Ms: null };
  const sorted = [...times].sort((a, b) => a - b);
  return {
    n: sorted.length,
    meanMs: Math.round(sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length),
    p90Ms: sorted[Math.ceil(sorted.length * 0.9) - 1] ?? null,
  };
}

/** The figures of some alerts at a moment. Pure. */
export function lineOf(key: string, name: string, rows: readonly FigureAlert[], now: number): FigureLine {
  const judged = rows.map((row) => ({ row, ...answersOver(row, now) }));
  const count = (fits: (each: (typeof judged)[number]) => boolean): number => judged.filter(fits).length;
  const late = (each: (typeof judged)[number]): boolean => each.acknowledgedLate || each.outcomeLate;
  const times = (at: (row: FigureAlert) => number | null) =>
    // A clock that was set back must not make a negative time.
    spreadOf(rows.flatMap((row) => (at(row) === null ? [] : [Math.max(0, (at(row) ?? 0) - row.raised_at)])));
  return {
    key,
    name,
    raised: rows.length,
    byTier: Object.fromEntries(tiers.map((tier) => [tier, rows.filter((row) => row.tier === tier).length])) as Record<
      Tier,
      number
    >,
    inTime: count((each) => each.done && !late(each)),
    late: count(late),
    pending: count((each) => !each.done && !late(each)),
    acknowledgedLate: count((each) => each.acknowledgedLate),
    outcomeLate: count((each) => each.outcomeLate),
    transferred: count(({ row }) => row.transferred_to !== null),
    falseAlarms: count(({ row }) => row.outcome === 'false-alarm'),
    drills: count(({ row }) => row.outcome === 'drill'),
    escalated: count(({ row }) => row.escalation > 0),
    acknowledged: times((row) => row.first_acknowledged_at),
    resolved: times((row) => row.first_resolved_at),
  };
}

export interface Figures {
  /** `month` as `2026-11`, which is one. What was raised in it, and what has become of that until now. */
  of(month: string, scope: Scope): Promise<DeskFigures>;
}

export function createFigures(given: {
  readonly reads: DeskReads;
  readonly nameOf: (gateway: string) => string;
  readonly timeZone: string;
  /** The station's name: in whose hands an alert is that was never transferred. */
  readonly title: string;
  readonly now: () => number;
}): Figures {
  const { reads, nameOf, timeZone, title, now } = given;

  async function read(from: number, to: number, scope: Scope): Promise<FigureAlert[]> {
    const held = scopeCondition(scope, 'gateway');
    return reads.all<FigureAlert>(
      `SELECT gateway, tier, grid_id, grid_name, raised_at, acknowledge_by, outcome_by, first_acknowledged_at,
         first_resolved_at, outcome, transferred_to, escalation, open
       FROM alert WHERE raised_at >= ? AND raised_at < ? AND own = 0 ${held ? `AND ${held.sql}` : ''}`,
      ...[from, to],
      ...(held?.params ?? []),
    );
  }

  return {
    of: async (month, scope) => {
      const begins = DateTime.fromFormat(month, 'yyyy-MM', { zone: timeZone });
      const from = begins.toMillis();
      const to = begins.plus({ months: 1 }).toMillis();
      const [rows, earlier] = await Promise.all([
        read(from, to, scope),
        read(begins.minus({ months: 1 }).toMillis(), from, scope),
      ]);
      const at = now();
      const groups = (of: (row: FigureAlert) => { readonly key: string; readonly name: string }): FigureLine[] => {
        const byKey = new Map<string, { name: string; rows: FigureAlert[] }>();
        for (const row of rows) {
          const { key, name } = of(row);
          const group = byKey.get(key);
          if (group) group.rows.push(row);
          else byKey.set(key, { name, rows: [row] });
        }
        return [...byKey]
          .map(([key, group]) => lineOf(key, group.name, group.rows, at))
          .sort((a, b) => b.raised - a.raised || byName.compare(a.name, b.name));
      };
      return {
        month,
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        whole: to <= at,
        total: lineOf('', title, rows, at),
        before: lineOf('', title, earlier, at),
        byGateway: groups((row) => ({ key: row.gateway, name: nameOf(row.gateway) })),
        // A grid is one of its compound: two gateways may both have a "first".
        byGrid: groups((row) => ({
          key: row.grid_id === null ? '' : `${row.gateway}/${row.grid_id}`,
          name: row.grid_name === null ? '未划网格' : `${nameOf(row.gateway)} ${row.grid_name}`,
        })),
        byDepartment: groups((row) => ({ key: row.transferred_to ?? '', name: row.transferred_to ?? title })),
      };
    },
  };
}
