/** Tables that belong to following alerts up: the daily digest, proposed changes of rules, deliveries that lost their channel. */
import type { Alert, Delivery, DigestItem } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertId, NoticeId } from '../domain/ids.ts';
import type { Department } from '../domain/match.ts';
import type { RuleProposal } from '../domain/proposal.ts';
import { assertNever } from '../lib/assert-never.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database, Statement } from '../lib/database/index.ts';
import { deliveryColumns, deliveryOf, fromBody, type BodyRow, type DeliveryRow } from './rows.ts';

export type FollowUpChange = Extract<
  Change,
  { kind: 'digest-owed' | 'digest-made' | 'digest-dropped' | 'delivery-rerouted' | 'proposal-made' }
>;

/** The SQL of one change of these tables. Pure. */
export function followUpStatements(change: FollowUpChange): Statement[] {
  switch (change.kind) {
    case 'digest-owed': {
      const { notice, dueAt } = change.item;
      return [
        {
          sql: 'DELETE FROM digest_items WHERE alert_id = ? AND recipient = ? AND delivery IS NULL',
          params: [notice.alertId, notice.recipient],
        },
        {
          sql: 'INSERT INTO digest_items (notice, alert_id, recipient, due_at, body) VALUES (?, ?, ?, ?, ?)',
          params: [notice.id, notice.alertId, notice.recipient, dueAt, JSON.stringify(change.item)],
        },
      ];
    }
    case 'digest-made':
      return change.notices.map((notice) => ({
        sql: 'UPDATE digest_items SET delivery = ? WHERE notice = ? AND recipient = ?',
        params: [change.delivery, notice, change.recipient],
      }));
    case 'digest-dropped':
      return [{ sql: 'DELETE FROM digest_items WHERE alert_id = ? AND delivery IS NULL', params: [change.alertId] }];
    case 'delivery-rerouted':
      return [
        {
          sql: "UPDATE deliveries SET channel = ?, next_attempt_at = ?, attempts = 0 WHERE id = ? AND state = 'pending'",
          params: [change.channel, change.at, change.id],
        },
      ];
    case 'proposal-made': {
      const { proposal } = change;
      return [
        {
          sql: `INSERT INTO proposals (id, alert_id, rule, made_at, body) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
          params: [proposal.id, proposal.alertId, proposal.rule, proposal.madeAt, JSON.stringify(proposal)],
        },
      ];
    }
    default:
      return assertNever(change);
  }
}

/** What the monthly figures need of one alert: see `alerts/figures.ts`. */
export type FigureRow = Pick<
  Alert,
  'id' | 'tier' | 'rule' | 'area' | 'state' | 'raisedAt' | 'closedAt' | 'to' | 'escalation'
> &
  Pick<Alert, 'followUp'> & { readonly department?: Department | null };

/** Alerts read at once for the figures: a bite of about 5 ms, so that an alarm never waits behind a report. */
const figureBite = 200;

export function createFollowUpReads(database: Database) {
  return {
    /** What waits for a digest that is due; `longestWaitMs` unmasks due times that a wrong clock stamped. */
    digestDue: (nowMs: EpochMs, longestWaitMs: number): DigestItem[] =>
      database
        .all<BodyRow>(
          `SELECT body FROM digest_items WHERE delivery IS NULL AND (due_at <= ?1 OR due_at > ?1 + ?2)
           ORDER BY recipient, alert_id`,
          nowMs,
          longestWaitMs,
        )
        .map((row) => fromBody<DigestItem>(row)),
    /** Deliveries that carried a notice of this alert within a digest, each as that notice's own. */
    digestDeliveries: (id: AlertId): Delivery[] =>
      database
        .all<DeliveryRow & { digestNotice: NoticeId }>(
          `SELECT digest_items.notice AS digestNotice, ${columnsOf('d')}
           FROM digest_items JOIN deliveries d ON d.id = digest_items.delivery
           WHERE digest_items.alert_id = ? AND digest_items.delivery IS NOT NULL ORDER BY d.sequence`,
          id,
        )
        .map(({ digestNotice, ...row }) => ({ ...deliveryOf(row), notice: digestNotice, alertId: id })),
    /** Pending deliveries over channels that are none of `known`. */
    strandedDeliveries: (known: readonly string[], limit: number): Delivery[] =>
      database
        .all<DeliveryRow>(
          `SELECT ${deliveryColumns} FROM deliveries
           WHERE state = 'pending' AND channel NOT IN (SELECT value FROM json_each(?)) ORDER BY sequence LIMIT ?`,
          JSON.stringify(known),
          limit,
        )
        .map(deliveryOf),
    /** Deliveries that were given up, newest first: to be seen, and sent again. Canaries are none. */
    deadLetters: (limit: number): Delivery[] =>
      database
        .all<DeliveryRow>(
          `SELECT ${deliveryColumns} FROM deliveries WHERE state = 'dead' AND item <> 'canary'
           ORDER BY created_at DESC LIMIT ?`,
          limit,
        )
        .map(deliveryOf),
    proposalsOf: (id: AlertId): RuleProposal[] =>
      database
        .all<BodyRow>('SELECT body FROM proposals WHERE alert_id = ? ORDER BY made_at, id', id)
        .map((row) => fromBody<RuleProposal>(row)),
    proposal: (id: string): RuleProposal | undefined => {
      const row = database.get<BodyRow>('SELECT body FROM proposals WHERE id = ?', id);
      return row && fromBody<RuleProposal>(row);
    },
    /** Newest first. */
    proposals: (limit: number): RuleProposal[] =>
      database
        .all<BodyRow>('SELECT body FROM proposals ORDER BY made_at DESC, id DESC LIMIT ?', limit)
        .map((row) => fromBody<RuleProposal>(row)),
    /** Alerts of one rule raised since, with what became of them. */
    alertsOfRule: (rule: string, sinceMs: EpochMs, limit: number): Alert[] =>
      database
        .all<BodyRow>(
          `SELECT body FROM alerts WHERE raised_at >= ? AND json_extract(body, '$.rule') = ?
           ORDER BY raised_at, id LIMIT ?`,
          sinceMs,
          rule,
          limit,
        )
        .map((row) => fromBody<Alert>(row)),
    /** A bite of the alerts raised in [from, to), by (raisedAt, id); `after` is the last one of the bite before. */
    figureRows: (
      from: EpochMs,
      to: EpochMs,
      after: { readonly raisedAt: EpochMs; readonly id: string } | null,
    ): { readonly rows: FigureRow[]; readonly more: boolean } => {
      const rows = database
        .all<BodyRow>(
          `SELECT json_object('id', id, 'tier', tier, 'rule', json_extract(body, '$.rule'), 'area', area, 'state', state,
             'raisedAt', raised_at, 'closedAt', closed_at, 'to', json_extract(body, '$.to'),
             'department', json_extract(body, '$.department'),
             'escalation', json_extract(body, '$.escalation'),
             'followUp', json_remove(json_extract(body, '$.followUp'), '$.history', '$.told')) AS body
           FROM alerts WHERE raised_at >= ? AND raised_at < ? AND (raised_at, id) > (?, ?)
           ORDER BY raised_at, id LIMIT ?`,
          from,
          to,
          after?.raisedAt ?? from - 1,
          after?.id ?? '',
          figureBite,
        )
        .map((row) => fromBody<FigureRow>(row));
      return { rows, more: rows.length === figureBite };
    },
    /** When the oldest alert that is kept was raised. */
    firstRaisedAt: (): EpochMs | null =>
      database.get<{ at: EpochMs | null }>('SELECT min(raised_at) AS at FROM alerts')?.at ?? null,
  };
}

const columnsOf = (table: string): string =>
  deliveryColumns
    .split(',')
    .map((column) => `${table}.${column.trim()}`)
    .join(', ');
