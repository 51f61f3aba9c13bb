import { tierRank, tiers, type Tier } from '../domain/tier.ts';
import type { Clock } from '../lib/clock.ts';
import { iso, type AlertQueries } from './alert-queries.ts';
import type { AlertRow } from './alert-row.ts';
import { auditStatement } from './audit.ts';
import type { DeskData } from './data/desk-data.ts';
import type { GatewayWatch } from './gateway-watch.ts';
import { scopeCondition, type Scope } from './scope.ts';
import type { DutyEntry, DutyPut, Handover, HandoverRequest, ShiftSheet } from './shapes-shift.ts';

export interface Shift {
  sheet(dueWithinH: number, scope: Scope): Promise<ShiftSheet>;
  /** A repeat of the request's id changes nothing. */
  handOver(request: HandoverRequest, from: string): Promise<void>;
  /** Newest first; `before` is the `next` of the page before; null if it is none. */
  handovers(before: string | undefined, limit: number): Promise<{ items: Handover[]; next: string | null } | null>;
  duty(from: number, to: number): Promise<DutyEntry[]>;
  putDuty(entry: DutyPut, actor: string): Promise<DutyEntry>;
  /** False where there is none. */
  removeDuty(id: string, actor: string): Promise<boolean>;
}

interface DutyRow {
  readonly id: string;
  readonly starts_at: number;
  readonly ends_at: number;
  readonly people: string;
  readonly leader: string | null;
  readonly note: string;
}
interface HandoverRow {
  readonly id: string;
  readonly at: number;
  readonly from_name: string;
  readonly to_name: string;
  readonly note: string;
  readonly open_count: number;
  readonly unanswered_count: number;
}

const maxOpen = 200;
/** An expression, or SQLite goes through all answers that there ever were in the order of their alerts to spare a sort. */
const different = `count(DISTINCT alert_id || '')`;
const unansweredStates = `('raised', 'delivered', 'transferred')`;

const toDuty = (row: DutyRow): DutyEntry => ({
  id: row.id,
  startsAt: iso(row.starts_at),
  endsAt: iso(row.ends_at),
  people: JSON.parse(row.people) as string[],
  leader: row.leader,
  note: row.note,
});
const toHandover = (row: HandoverRow): Handover => ({
  id: row.id,
  at: iso(row.at),
  from: row.from_name,
  to: row.to_name,
  note: row.note,
  open: row.open_count,
  unanswered: row.unanswered_count,
});

/** The shift: what is open and due, who is on duty, and what was handed over to whom. */
export function createShift(given: {
  readonly data: DeskData;
  readonly queries: AlertQueries;
  readonly watch: Pick<GatewayWatch, 'list'>;
  readonly waitingAnswers: () => Promise<ReadonlyMap<string, number>>;
  readonly clock: Clock;
  readonly onChange: () => void;
}): Shift {
  const { data, queries, watch, waitingAnswers, clock, onChange } = given;

  const lastHandover = (): Promise<HandoverRow | undefined> =>
    data.get<HandoverRow>('SELECT * FROM handover ORDER BY at DESC, id DESC LIMIT 1');

  const duty = async (from: number, to: number): Promise<DutyEntry[]> =>
    (
      await data.all<DutyRow>('SELECT * FROM duty WHERE ends_at > ? AND starts_at < ? ORDER BY starts_at, id', from, to)
    ).map(toDuty);

  return {
    duty,
    sheet: async (dueWithinH, scope) => {
      const now = clock.now();
      const until = now + dueWithinH * 3_600_000;
      const held = scopeCondition(scope, 'gateway');
      const mine = held ? `AND ${held.sql}` : '';
      const params = held?.params ?? [];
      const last = await lastHandover();
      const since = last?.at ?? now - 86_400_000;
      const [rows, counts, sinceThen, onDuty, next, gateways, waiting] = await Promise.all([
        data.all<AlertRow>(
          `SELECT * FROM alert WHERE open = 1 ${mine} ORDER BY tier_rank, occurred_at, id LIMIT ${maxOpen}`,
          ...params,
        ),
        // By rank: the index of what is open holds it, so that nothing else is looked at.
        data.all<{ rank: number; count: number; unanswered: number; overdue: number }>(
          `SELECT tier_rank AS rank, count(*) AS count, sum(CASE WHEN state IN ${unansweredStates} THEN 1 ELSE 0 END) AS unanswered,
             sum(CASE WHEN deadline < ? THEN 1 ELSE 0 END) AS overdue
           FROM alert WHERE open = 1 ${mine} GROUP BY tier_rank`,
          ...[now, ...params],
        ),
        data.get<{ raised: number; resolved: number; falseAlarms: number; transferred: number }>(
          `SELECT (SELECT count(*) FROM alert WHERE received_at >= ? ${mine}) AS raised,
             (SELECT ${different} FROM feedback WHERE kind = 'outcome' AND at >= ? ${mine}) AS resolved,
             (SELECT ${different} FROM feedback WHERE outcome = 'false-alarm' AND at >= ? ${mine}) AS "falseAlarms",
             (SELECT ${different} FROM feedback WHERE kind = 'transferred' AND at >= ? ${mine}) AS transferred`,
          ...[since, ...params, since, ...params, since, ...params, since, ...params],
        ),
        duty(now, now),
        data.get<DutyRow>('SELECT * FROM duty WHERE starts_at > ? ORDER BY starts_at, id LIMIT 1', now),
        watch.list(scope),
        waitingAnswers(),
      ]);
      const sum = (of: (row: (typeof counts)[number]) => number): number =>
        counts.reduce((total, row) => total + of(row), 0);
      return {
        at: iso(now),
        onDuty,
        next: next ? toDuty(next) : null,
        lastHandover: last ? toHandover(last) : null,
        counts: {
          open: sum(({ count }) => count),
          unanswered: sum(({ unanswered }) => unanswered),
          overdue: sum(({ overdue }) => overdue),
          byTier: Object.fromEntries(
            tiers.map((tier) => [tier, counts.find((row) => row.rank === tierRank(tier))?.count ?? 0]),
          ) as Record<Tier, number>,
          sinceHandover: sinceThen ?? { raised: 0, resolved: 0, falseAlarms: 0, transferred: 0 },
        },
        open: await queries.views(rows),
        due: rows
          .flatMap(({ id, deadline }) => (deadline !== null && deadline <= until ? [{ id, deadline }] : []))
          .sort((a, b) => a.deadline - b.deadline)
          .map(({ id, deadline }) => ({ alertId: id, at: iso(deadline), overdue: deadline < now })),
        dueWithinH,
        waitingAnswers: [...waiting].reduce(
          (total, [gateway, count]) => total + (scope === null || scope.includes(gateway) ? count : 0),
          0,
        ),
        gateways: gateways
          .filter(({ faults, state }) => faults.length > 0 && state !== 'revoked')
          .map(({ id, name, state, lastHeardAt }) => ({ id, name, state, lastHeardAt })),
      };
    },
    handOver: async ({ id, to, note }, from) => {
      const now = clock.now();
      await data.write([
        auditStatement(
          { at: now, by: from, action: 'shift.handed-over', subject: `${id} ${to}` },
          { sql: 'NOT EXISTS (SELECT 1 FROM handover WHERE id = ?)', params: [id] },
        ),
        {
          sql: `INSERT INTO handover (id, at, from_name, to_name, note, open_count, unanswered_count)
                SELECT CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
                  count(*), coalesce(sum(CASE WHEN state IN ${unansweredStates} THEN 1 ELSE 0 END), 0)
                FROM alert WHERE open = 1
                ON CONFLICT (id) DO NOTHING`,
          params: [id, now, from, to, note],
        },
      ]);
      onChange();
    },
    handovers: async (before, limit) => {
      const [, at, id] = /^(\d{1,16})\.(.+)$/.exec(before ?? '') ?? [];
      if (before !== undefined && (at === undefined || id === undefined)) return null;
      const rows = await data.all<HandoverRow>(
        `SELECT * FROM handover ${at === undefined ? '' : 'WHERE (at, id) < (?, ?)'} ORDER BY at DESC, id DESC LIMIT ?`,
        ...(at === undefined || id === undefined ? [] : [Number(at), id]),
        limit + 1,
      );
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return { items: rows.slice(0, limit).map(toHandover), next: last ? `${last.at}.${last.id}` : null };
    },
    putDuty: async (entry, actor) => {
      const [startsAt, endsAt] = [Date.parse(entry.startsAt), Date.parse(entry.endsAt)];
      await data.write([
        {
          sql: `INSERT INTO duty (id, starts_at, ends_at, people, leader, note) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,
                  people = excluded.people, leader = excluded.leader, note = excluded.note`,
          params: [entry.id, startsAt, endsAt, JSON.stringify(entry.people), entry.leader, entry.note],
        },
        auditStatement({
          ...{ at: clock.now(), by: actor, action: 'duty.put' },
          subject: `${entry.id} ${iso(startsAt)} ${iso(endsAt)} ${entry.people.join(',')}`,
        }),
      ]);
      onChange();
      return { ...entry, startsAt: iso(startsAt), endsAt: iso(endsAt) };
    },
    removeDuty: async (id, actor) => {
      if (!(await data.get('SELECT 1 AS here FROM duty WHERE id = ?', id))) return false;
      await data.write([
        { sql: 'DELETE FROM duty WHERE id = ?', params: [id] },
        auditStatement({ at: clock.now(), by: actor, action: 'duty.removed', subject: id }),
      ]);
      onChange();
      return true;
    },
  };
}
