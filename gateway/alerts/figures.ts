import { DateTime } from 'luxon';
import type { Alert } from '../domain/alert.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { FigureGroup, FigureLine, MonthFigures, Spread } from '../domain/figures.ts';
import type { Addressee, Department } from '../domain/match.ts';
import type { Places } from '../domain/place.ts';
import { tiers, type Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { followUpOf } from './follow-up.ts';

/** What is counted of one alert. */
export type FigureRow = Pick<
  Alert,
  'id' | 'tier' | 'rule' | 'area' | 'state' | 'raisedAt' | 'closedAt' | 'to' | 'escalation' | 'followUp'
> & { readonly department?: Department | null };

/** What the figures ask of the store: bites, so that a report holds nothing up. */
export interface FigureReads {
  figureRows(
    from: EpochMs,
    to: EpochMs,
    after: { readonly raisedAt: EpochMs; readonly id: string } | null,
  ): { readonly rows: readonly FigureRow[]; readonly more: boolean };
}

export interface Figures {
  /** `month` as `2026-11`; throws RangeError for anything else. */
  of(month: string): Promise<MonthFigures>;
}

const roleNames: Readonly<Record<Addressee, string>> = {
  station: '派出所',
  department: '职能部门',
  community: '物业',
  grid: '网格员',
};
const departmentNames: Readonly<Record<Department, string>> = {
  police: '公安',
  fire: '消防',
  property: '物业',
  housing: '住建',
};
const tierNames: Readonly<Record<Tier, string>> = { red: '红色', orange: '橙色', yellow: '黄色', blue: '蓝色' };

/** Mean and p90 (nearest rank) of times in ms; null where nothing was timed. */
export function spreadOf(times: readonly number[]): Spread {
  if (times.length === 0) return { n: 0, meanMs: null, p90Ms: null };
  const sorted = [...times].sort((a, b) => a - b);
  return {
    n: sorted.length,
    meanMs: Math.round(sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length),
    p90Ms: sorted[Math.ceil(sorted.length * 0.9) - 1] ?? null,
  };
}

/** The figures of some alerts. Pure. */
export function lineOf(rows: readonly FigureRow[]): FigureLine {
  const follows = rows.map((row) => ({ row, follow: followUpOf({ ...row, acknowledgedAt: null } as Alert) }));
  const count = (fits: (each: (typeof follows)[number]) => boolean): number => follows.filter(fits).length;
  const times = (at: (each: (typeof follows)[number]) => EpochMs | null): Spread =>
    spreadOf(
      follows.flatMap((each) => {
        const moment = at(each);
        // A clock that was set back must not make a negative time.
        return moment === null ? [] : [Math.max(0, moment - each.row.raisedAt)];
      }),
    );
  const answered = ({ row, follow }: (typeof follows)[number]): boolean =>
    follow.firstResolvedAt !== null || row.closedAt !== null;
  return {
    raised: rows.length,
    byTier: Object.fromEntries(tiers.map((tier) => [tier, rows.filter((row) => row.tier === tier).length])) as Record<
      Tier,
      number
    >,
    inTime: count((each) => answered(each) && each.follow.missed.length === 0),
    late: count(({ follow }) => follow.missed.length > 0),
    pending: count((each) => !answered(each) && each.follow.missed.length === 0),
    escalated: count(({ row }) => row.escalation > 0),
    transferred: count(({ follow }) => follow.transfers.length > 0),
    transfersAccepted: count(({ follow }) => follow.transfers.at(-1)?.acceptedAt != null),
    falseAlarms: count(({ row }) => row.state === 'false-alarm'),
    reopened: count(({ follow }) => follow.reopened > 0),
    closed: count(({ row }) => row.closedAt !== null),
    revisitsAsked: count(({ follow }) => follow.revisitAskedAt !== null || follow.revisitedAt !== null),
    revisitsDone: count(({ follow }) => follow.revisitedAt !== null),
    delivered: times(({ follow }) => follow.deliveredAt),
    acknowledged: times(({ follow }) => follow.firstAcknowledgedAt),
    resolved: times(({ follow }) => follow.firstResolvedAt),
  };
}

/** Figures by month: what was raised in it, and what has become of that until now, against the month before. */
export function createFigures(given: {
  readonly reads: FigureReads;
  readonly places: Places;
  readonly recipients: readonly Recipient[];
  /** What people call a rule; its id where it is gone. */
  readonly ruleName: (rule: string) => string;
  readonly timeZone: string;
  readonly now: () => EpochMs;
}): Figures {
  const { reads, places, recipients, ruleName, timeZone, now } = given;

  const monthOf = (month: string): DateTime => {
    const begins = DateTime.fromFormat(month, 'yyyy-MM', { zone: timeZone });
    if (!/^\d{4}-\d{2}$/.test(month) || !begins.isValid) throw new RangeError(`no month: ${month}`);
    return begins;
  };
  const read = async (from: EpochMs, to: EpochMs): Promise<FigureRow[]> => {
    const all: FigureRow[] = [];
    for (let after: { readonly raisedAt: EpochMs; readonly id: string } | null = null; ;) {
      const { rows, more } = reads.figureRows(from, to, after);
      all.push(...rows);
      const last = rows.at(-1);
      if (!more || !last) return all;
      after = { raisedAt: last.raisedAt, id: last.id };
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  /**
   * In whose hands it is or was: whom it was last transferred to, else the department whose matter the rule says it is,
   * else (a rule that says nothing) whom the rule names first.
   */
  const departmentOf = (row: FigureRow): { key: string; name: string } => {
    const transfer = row.followUp.transfers?.at(-1);
    if (transfer) {
      const known = recipients.find(({ id }) => id === transfer.recipient);
      return { key: transfer.recipient ?? transfer.to, name: known?.name ?? transfer.to };
    }
    if (row.department) {
      const its = recipients.filter(({ role, department }) => role === 'department' && department === row.department);
      const [one] = its;
      return one && its.length === 1
        ? { key: one.id, name: one.name }
        : { key: row.department, name: departmentNames[row.department] };
    }
    const role = row.to[0] ?? 'station';
    const mine = recipients.filter((recipient) => recipient.role === role && (recipient.level ?? 0) === 0);
    const [only] = mine;
    return only && mine.length === 1 ? { key: only.id, name: only.name } : { key: role, name: roleNames[role] };
  };
  const gridOf = (row: FigureRow): { key: string; name: string } => {
    const grid = places.grid(places.area(row.area)?.grid ?? null);
    return grid ? { key: grid.id, name: grid.name } : { key: '', name: '未划网格' };
  };

  return {
    of: async (month) => {
      const begins = monthOf(month);
      const from = begins.toMillis() as EpochMs;
      const to = begins.plus({ months: 1 }).toMillis() as EpochMs;
      const current = await read(from, to);
      const before = await read(begins.minus({ months: 1 }).toMillis() as EpochMs, from);
      const groups = (of: (row: FigureRow) => { key: string; name: string }): FigureGroup[] => {
        const names = new Map<string, string>();
        const gather = (rows: readonly FigureRow[]): Map<string, FigureRow[]> => {
          const byKey = new Map<string, FigureRow[]>();
          for (const row of rows) {
            const { key, name } = of(row);
            names.set(key, name);
            byKey.set(key, [...(byKey.get(key) ?? []), row]);
          }
          return byKey;
        };
        const mine = gather(current);
        const theirs = gather(before);
        return [...names]
          .map(([key, name]) => ({
            key,
            name,
            now: lineOf(mine.get(key) ?? []),
            before: lineOf(theirs.get(key) ?? []),
          }))
          .sort((a, b) => b.now.raised - a.now.raised || b.before.raised - a.before.raised || (a.key < b.key ? -1 : 1));
      };
      const byTier = groups((row) => ({ key: row.tier, name: tierNames[row.tier] }));
      return {
        month,
        from,
        to,
        whole: now() >= to,
        total: { key: '', name: places.site.name, now: lineOf(current), before: lineOf(before) },
        byTier: byTier.sort((a, b) => tiers.indexOf(a.key as Tier) - tiers.indexOf(b.key as Tier)),
        byGrid: groups(gridOf),
        byRule: groups((row) => ({ key: row.rule, name: ruleName(row.rule) })),
        byDepartment: groups(departmentOf),
      };
    },
  };
}
