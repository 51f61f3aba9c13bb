import { endedAlertStates, feedbackKinds } from '../domain/alert.ts';
import { noticeTypes, type NoticeData, type NoticeEvent, type NoticeReceipt } from '../domain/notice.ts';
import { tierRank } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { parseRfc3339 } from '../lib/local-time.ts';
import { resolvedIn, runningDeadline, standingColumns, toldOf, type AlertRow } from './alert-row.ts';
import type { Dialect, SqlValue, Statement } from './data/desk-data.ts';
import { alertEntryStatements, noteStatements, searchTextOf } from './search-entries.ts';
import { shownOwnStanding, shownStanding, type OwnAnswer } from './standing.ts';

/** 0 not here, 1 damaged on the way, 2 kept as a file. */
export type EvidenceArrival = 0 | 1 | 2;

/** `raised` for `kanmen.notice.raised.v1`, and so on. */
function changeOf(type: NoticeEvent['type']): keyof typeof noticeTypes {
  const found = (Object.keys(noticeTypes) as (keyof typeof noticeTypes)[]).find((key) => noticeTypes[key] === type);
  if (found === undefined) throw new RangeError(`no notice type: ${type}`);
  return found;
}

/** The schema has checked the form; a date such as 30 February passes it and is no moment. */
function moment(text: string, fallback: EpochMs): EpochMs {
  return parseRfc3339(text) ?? fallback;
}

export interface NoticeToStore {
  readonly dialect: Dialect;
  readonly gateway: string;
  /** Raised by this desk itself. */
  readonly own: boolean;
  readonly event: NoticeEvent;
  readonly now: EpochMs;
  readonly before: AlertRow | undefined;
  readonly answers: readonly OwnAnswer[];
  /** What became of `data.evidence`, in its order. */
  readonly arrivals: readonly EvidenceArrival[];
}

/** That the alert is still as it was read. Writers never overlap, so what holds at the first statement holds at the next. */
function unchanged(notice: NoticeToStore): { readonly sql: string; readonly params: readonly SqlValue[] } {
  const { before, event } = notice;
  const { alertId } = event.data;
  return before
    ? { sql: 'EXISTS (SELECT 1 FROM alert WHERE id = ? AND revision = ?)', params: [alertId, before.revision] }
    : { sql: 'NOT EXISTS (SELECT 1 FROM alert WHERE id = ?)', params: [alertId] };
}

/**
 * What storing one notice writes, as one transaction: the delivery is recorded once, the newest version wins, and the
 * alert enters the inbox as new with exactly one delivery. `before` is the alert as read (undefined: not there yet);
 * if it has changed since, nothing of this is written, and the delivery's row is missing afterwards.
 */
export function noticeStatements(notice: NoticeToStore): Statement[] {
  const { gateway, event, now, before, arrivals } = notice;
  const data = event.data;
  const guard = unchanged(notice);
  const stored = {
    sql: 'EXISTS (SELECT 1 FROM notice WHERE gateway = ? AND delivery_id = ?)',
    params: [gateway, event.id],
  };
  const written: Statement[] = [
    {
      sql: `INSERT INTO notice (gateway, delivery_id, alert_id, version, change, tier, news_kind, news_by, news_at,
              news_text, received_at, entered)
            SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ${guard.sql}
            ON CONFLICT DO NOTHING`,
      params: [
        gateway,
        event.id,
        data.alertId,
        data.version,
        changeOf(event.type),
        data.tier,
        data.news.kind,
        data.news.by,
        moment(data.news.at, now),
        data.news.text,
        now,
        before ? 0 : 1,
        ...guard.params,
      ],
    },
  ];
  if (!before || data.version > before.version) written.push(alertStatement(notice));
  const words = !before || (data.version > before.version && wordsDiffer(before, data));
  return [
    ...written,
    ...(words ? alertEntryStatements(notice.dialect, { gateway, data, at: now, guard: stored }) : []),
    ...newsNote(notice, stored),
    ...data.evidence.map((item, index) => evidenceStatement(notice, item, arrivals[index] ?? 0)),
    gatewayWordStatement(gateway, now, true),
  ];
}

const wordsDiffer = (before: AlertRow, data: NoticeData): boolean =>
  searchTextOf(JSON.parse(before.data) as NoticeData) !== searchTextOf(data);

/** What somebody elsewhere wrote; an answer given here that comes back as news is there already. */
function newsNote(
  notice: NoticeToStore,
  guard: { readonly sql: string; readonly params: readonly SqlValue[] },
): Statement[] {
  const { dialect, gateway, event, now, answers } = notice;
  const { news, alertId } = event.data;
  if (!(feedbackKinds as readonly string[]).includes(news.kind)) return [];
  if (answers.some(({ kind, by }) => kind === news.kind && by === news.by)) return [];
  const at = moment(news.at, now);
  return noteStatements(dialect, {
    // Once a version, however many here were told of it.
    ...{ ref: `${alertId} ${event.data.version}`, gateway, alertId, by: news.by, text: news.text, at, guard },
  });
}

/** The bytes are kept as files. */
function withoutBytes(item: NoticeData['evidence'][number]): NoticeData['evidence'][number] {
  const reference = { ...item };
  delete reference.inline;
  return reference;
}

function alertStatement(notice: NoticeToStore): Statement {
  const { gateway, event, now, before, answers } = notice;
  const data = event.data;
  const { place, news } = data;
  const ended = endedAlertStates.includes(data.state);
  const endedAt = ended ? (before?.told_ended_at ?? moment(news.at, now)) : null;
  const toldAt = moment(event.time, now);
  const kept: NoticeData = { ...data, evidence: data.evidence.map(withoutBytes) };
  const told = toldOf(data, toldAt, endedAt);
  const shown = (notice.own ? shownOwnStanding : shownStanding)(told, answers);
  const deadline = data.deadline === null ? null : moment(data.deadline, now);
  const guard = unchanged(notice);
  return {
    // Only if the delivery was recorded just now: then it is there, and the alert is still as it was read.
    sql: `INSERT INTO alert (id, gateway, revision, version, told_at, data, told_ended_at, tier, tier_rank, kind, state,
            owner, acknowledged_at, ended_at, open, occurred_at, raised_at, received_at, last_at, own, area_id, grid_id,
            grid_name, source, deadline, acknowledge_by, outcome_by, first_acknowledged_at, first_resolved_at, outcome,
            transferred_to, escalation)
          SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
          WHERE ${guard.sql} AND EXISTS (SELECT 1 FROM notice WHERE gateway = ? AND delivery_id = ?)
          ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, version = excluded.version,
            told_at = excluded.told_at, data = excluded.data, told_ended_at = excluded.told_ended_at,
            tier = excluded.tier, tier_rank = excluded.tier_rank, kind = excluded.kind, state = excluded.state,
            owner = excluded.owner, acknowledged_at = excluded.acknowledged_at, ended_at = excluded.ended_at,
            open = excluded.open, occurred_at = excluded.occurred_at, raised_at = excluded.raised_at,
            last_at = excluded.last_at, area_id = excluded.area_id, grid_id = excluded.grid_id,
            grid_name = excluded.grid_name, source = excluded.source, deadline = excluded.deadline,
            escalation = excluded.escalation,
            acknowledge_by = coalesce(alert.acknowledge_by, excluded.acknowledge_by),
            outcome_by = coalesce(alert.outcome_by, excluded.outcome_by),
            first_acknowledged_at = coalesce(alert.first_acknowledged_at, excluded.first_acknowledged_at),
            first_resolved_at = coalesce(alert.first_resolved_at, excluded.first_resolved_at),
            outcome = CASE WHEN excluded.outcome = 'false-alarm' THEN excluded.outcome
              ELSE coalesce(alert.outcome, excluded.outcome) END,
            transferred_to = coalesce(excluded.transferred_to, alert.transferred_to)`,
    params: [
      ...[data.alertId, gateway, (before?.revision ?? 0) + 1, data.version, toldAt, JSON.stringify(kept), endedAt],
      ...[data.tier, tierRank(data.tier), data.kind],
      ...standingColumns(shown),
      ...[moment(data.occurredAt, now), moment(data.raisedAt, now), now, moment(data.lastAt, now)],
      ...[notice.own ? 1 : 0, place.area?.id ?? null, place.grid?.id ?? null, place.grid?.name ?? null, data.source],
      runningDeadline(told, shown, data.deadline),
      // The first deadline of each kind is the one that a month's figures hold people to.
      ...(data.acknowledgedAt === null ? [deadline, null] : [null, deadline]),
      ...[shown.acknowledgedAt, resolvedIn(shown, moment(news.at, now))],
      data.state === 'false-alarm' ? 'false-alarm' : news.kind === 'outcome' ? 'true' : null,
      news.kind === 'transferred' && !answers.some(({ kind }) => kind === 'transferred') ? news.text : null,
      data.escalation,
      ...guard.params,
      ...[gateway, event.id],
    ],
  };
}

function evidenceStatement(
  notice: NoticeToStore,
  item: NoticeData['evidence'][number],
  arrival: EvidenceArrival,
): Statement {
  const { gateway, event, now } = notice;
  return {
    // Bytes that arrived are only given up for those of a newer version, never for a mere address.
    sql: `INSERT INTO evidence (alert_id, id, version, kind, media_type, sha256, captured_at, camera, url, arrived,
            fetch_at)
          SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM notice WHERE gateway = ? AND delivery_id = ?)
          ON CONFLICT (alert_id, id) DO UPDATE SET version = excluded.version, kind = excluded.kind,
            media_type = excluded.media_type, sha256 = excluded.sha256, captured_at = excluded.captured_at,
            camera = excluded.camera, url = excluded.url, arrived = excluded.arrived, fetch_at = excluded.fetch_at,
            fetch_tries = 0
          WHERE CASE WHEN evidence.arrived = 2 THEN excluded.arrived = 2 AND excluded.version > evidence.version
                ELSE excluded.arrived > evidence.arrived OR excluded.version > evidence.version END`,
    params: [
      event.data.alertId,
      item.id,
      event.data.version,
      item.kind,
      item.mediaType,
      item.sha256,
      moment(item.capturedAt, now),
      item.camera,
      item.url ?? null,
      arrival,
      // Bytes that are only named are fetched, at once.
      arrival === 0 && item.url !== undefined ? now : null,
      gateway,
      event.id,
    ],
  };
}

/** Remembers when a gateway was last heard. */
export function gatewayWordStatement(gateway: string, now: EpochMs, notice: boolean): Statement {
  return {
    sql: `INSERT INTO gateway_word (gateway, last_heard_at, last_notice_at) VALUES (?, ?, ?)
          ON CONFLICT (gateway) DO UPDATE SET
            last_heard_at = CASE WHEN excluded.last_heard_at > gateway_word.last_heard_at
              THEN excluded.last_heard_at ELSE gateway_word.last_heard_at END,
            last_notice_at = coalesce(excluded.last_notice_at, gateway_word.last_notice_at)`,
    params: [gateway, now, notice ? now : null],
  };
}

/** Remembers a canary, and what the gateway said of itself with it (JSON; null: nothing). */
export function canaryStatement(gateway: string, now: EpochMs, said: string | null): Statement {
  return {
    sql: `INSERT INTO gateway_word (gateway, last_heard_at, last_canary_at, said, said_at) VALUES (?, ?, ?, ?, ?)
          ON CONFLICT (gateway) DO UPDATE SET
            last_heard_at = CASE WHEN excluded.last_heard_at > gateway_word.last_heard_at
              THEN excluded.last_heard_at ELSE gateway_word.last_heard_at END,
            last_canary_at = excluded.last_canary_at, said = coalesce(excluded.said, gateway_word.said),
            said_at = coalesce(excluded.said_at, gateway_word.said_at)`,
    params: [gateway, now, now, said, said === null ? null : now],
  };
}

/** Who has received an alert, as the gateway says since; not where a newer version, which tells it itself, came meanwhile. */
export function receiptsStatement(alert: AlertRow, receipts: readonly NoticeReceipt[]): Statement {
  const data: NoticeData = { ...(JSON.parse(alert.data) as NoticeData), receipts: [...receipts] };
  return {
    sql: 'UPDATE alert SET data = ? WHERE id = ? AND gateway = ? AND version = ?',
    params: [JSON.stringify(data), alert.id, alert.gateway, alert.version],
  };
}
