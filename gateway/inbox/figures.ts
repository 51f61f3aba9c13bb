import { DateTime } from 'luxon';
import type { Tier } from '../domain/tier.ts';
import { answersOver, type FigureAlert, type FigureTimes } from './figure-row.ts';
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

/** Counts alerts one by one into a line; thousands of them into thousands of lines are one page. */
interface Tally {
  add(row: FigureTimes, judged: ReturnType<typeof answersOver>): void;
  line(key: string, name: string): FigureLine;
}

function createTally(): Tally {
  const byTier: Record<Tier, number> = { red: 0, orange: 0, yellow: 0, blue: 0 };
  const n = { raised: 0, inTime: 0, late: 0, pending: 0, acknowledgedLate: 0, outcomeLate: 0 };
  const ends = { transferred: 0, falseAlarms: 0, drills: 0, escalated: 0 };
  const acknowledged: number[] = [];
  const resolved: number[] = [];
  return {
    add: (row, { done, acknowledgedLate, outcomeLate }) => {
      n.raised += 1;
      byTier[row.tier] += 1;
      if (acknowledgedLate) n.acknowledgedLate += 1;
      if (outcomeLate) n.outcomeLate += 1;
      if (acknowledgedLate || outcomeLate) n.late += 1;
      else if (done) n.inTime += 1;
      else n.pending += 1;
      if (row.transferred_to !== null) ends.transferred += 1;
      if (row.outcome === 'false-alarm') ends.falseAlarms += 1;
      if (row.outcome === 'drill') ends.drills += 1;
      if (row.escalation > 0) ends.escalated += 1;
      // A clock that was set back must not make a negative time.
      if (row.first_acknowledged_at !== null) {
        acknowledged.push(Math.max(0, row.first_acknowledged_at - row.raised_at));
      }
      if (row.first_resolved_at !== null) resolved.push(Math.max(0, row.first_resolved_at - row.raised_at));
    },
    line: (key, name) => ({
      ...{ key, name, ...n, byTier, ...ends },
      ...{ acknowledged: spreadOf(acknowledged), resolved: spreadOf(resolved) },
    }),
  };
}

/** The figures of some alerts at a moment. Pure. */
export function lineOf(key: string, name: string, rows: readonly FigureTimes[], now: number): FigureLine {
  const tally = createTally();
  for (const row of rows) tally.add(row, answersOver(row, now));
  return tally.line(key, name);
}

/** What is read of each alert: all of it stands in the index alert_figures. */
const timeColumns = [
  ...['tier', 'raised_at', 'acknowledge_by', 'outcome_by', 'first_acknowledged_at', 'first_resolved_at'],
  ...['outcome', 'transferred_to', 'escalation', 'open'],
] as const satisfies readonly (keyof FigureTimes)[];
const ownerColumns = ['gateway', 'grid_id', 'grid_name'] as const satisfies readonly (keyof FigureAlert)[];

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

  /** Rows in one value: a row of its own for each of 17 000 alerts takes five times as long as making and reading this. */
  async function read<Row extends FigureTimes>(
    columns: readonly (keyof Row & string)[],
    span: { readonly from: number; readonly to: number },
    scope: Scope,
  ): Promise<Row[]> {
    const packed =
      reads.dialect === 'sqlite'
        ? `json_group_array(json_array(${columns.join(', ')}))`
        : `CAST(json_agg(json_build_array(${columns.join(', ')})) AS TEXT)`;
    const held = scopeCondition(scope, 'gateway');
    const found = await reads.get<{ packed: string | null }>(
      `SELECT ${packed} AS packed FROM alert
       WHERE raised_at >= ? AND raised_at < ? AND own = 0 ${held ? `AND ${held.sql}` : ''}`,
      ...[span.from, span.to],
      ...(held?.params ?? []),
    );
    return (JSON.parse(found?.packed ?? '[]') as Row[keyof Row][][]).map((values) => {
      const row: Partial<Row> = {};
      columns.forEach((name, index) => (row[name] = values[index] as Row[typeof name]));
      return row as Row;
    });
  }

  return {
    of: async (month, scope) => {
      const begins = DateTime.fromFormat(month, 'yyyy-MM', { zone: timeZone });
      const from = begins.toMillis();
      const to = begins.plus({ months: 1 }).toMillis();
      const [rows, earlier] = await Promise.all([
        read<FigureAlert>([...ownerColumns, ...timeColumns], { from, to }, scope),
        read<FigureTimes>(timeColumns, { from: begins.minus({ months: 1 }).toMillis(), to: from }, scope),
      ]);
      const at = now();
      const judged = rows.map((row) => ({ row, over: answersOver(row, at) }));
      const groups = (keyOf: (row: FigureAlert) => string, name: (row: FigureAlert) => string): FigureLine[] => {
        const byKey = new Map<string, { readonly name: string; readonly tally: Tally }>();
        for (const { row, over } of judged) {
          const key = keyOf(row);
          let group = byKey.get(key);
          if (!group) {
            group = { name: name(row), tally: createTally() };
            byKey.set(key, group);
          }
          group.tally.add(row, over);
        }
        return [...byKey]
          .map(([key, group]) => group.tally.line(key, group.name))
          .sort((a, b) => b.raised - a.raised || byName.compare(a.name, b.name));
      };
      return {
        month,
        from: new Date(from).toISOString(),
        to: new Date(to).toISOString(),
        whole: to <= at,
        total: lineOf('', title, rows, at),
        before: lineOf('', title, earlier, at),
        byGateway: groups(
          (row) => row.gateway,
          (row) => nameOf(row.gateway),
        ),
        // A grid is one of its compound: two gateways may both have a "first".
        byGrid: groups(
          (row) => (row.grid_id === null ? '' : `${row.gateway}/${row.grid_id}`),
          (row) => (row.grid_name === null ? '未划网格' : `${nameOf(row.gateway)} ${row.grid_name}`),
        ),
        byDepartment: groups(
          (row) => row.transferred_to ?? '',
          (row) => row.transferred_to ?? title,
        ),
      };
    },
  };
}
