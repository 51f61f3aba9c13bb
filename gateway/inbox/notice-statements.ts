import { endedAlertStates } from '../domain/alert.ts';
import { noticeTypes, type NoticeData, type NoticeEvent } from '../domain/notice.ts';
import { tierRank } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Statement } from '../lib/database/index.ts';
import { parseRfc3339 } from '../lib/local-time.ts';
import { standingColumns, toldOf, type AlertRow } from './alert-row.ts';
import { shownStanding, type OwnAnswer } from './standing.ts';

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

/**
 * What storing one notice writes, as one transaction: the delivery is recorded once, the newest version wins, and the
 * alert enters the inbox as new with exactly one delivery. `before` is the alert as read (undefined: not there yet);
 * if it has changed since, nothing of this is written, and the delivery's row is missing afterwards.
 */
export function noticeStatements(notice: {
  readonly gateway: string;
  readonly event: NoticeEvent;
  readonly now: EpochMs;
  readonly before: AlertRow | undefined;
  readonly answers: readonly OwnAnswer[];
  /** What became of `data.evidence`, in its order. */
  readonly arrivals: readonly EvidenceArrival[];
}): Statement[] {
  const { gateway, event, now, before, arrivals } = notice;
  const data = event.data;
  const guard = before
    ? { sql: 'EXISTS (SELECT 1 FROM alert WHERE id = ? AND revision = ?)', params: [data.alertId, before.revision] }
    : { sql: 'NOT EXISTS (SELECT 1 FROM alert WHERE id = ?)', params: [data.alertId] };
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
  return [
    ...written,
    ...data.evidence.map((item, index) => evidenceStatement(notice, item, arrivals[index] ?? 0)),
    gatewayWordStatement(gateway, now, true),
  ];
}

/** The bytes are kept as files. */
function withoutBytes(item: NoticeData['evidence'][number]): NoticeData['evidence'][number] {
  const reference = { ...item };
  delete reference.inline;
  return reference;
}

function alertStatement(notice: Parameters<typeof noticeStatements>[0]): Statement {
  const { gateway, event, now, before, answers } = notice;
  const data = event.data;
  const ended = endedAlertStates.includes(data.state);
  const endedAt = ended ? (before?.told_ended_at ?? moment(data.news.at, now)) : null;
  const toldAt = moment(event.time, now);
  const kept: NoticeData = { ...data, evidence: data.evidence.map(withoutBytes) };
  return {
    // changes() is 1 only if the delivery was recorded just now.
    sql: `INSERT INTO alert (id, gateway, revision, version, told_at, data, told_ended_at, tier, tier_rank, kind, state,
            owner, acknowledged_at, ended_at, open, occurred_at, raised_at, received_at, last_at)
          SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE changes() = 1
          ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, version = excluded.version,
            told_at = excluded.told_at, data = excluded.data, told_ended_at = excluded.told_ended_at,
            tier = excluded.tier, tier_rank = excluded.tier_rank, kind = excluded.kind, state = excluded.state,
            owner = excluded.owner, acknowledged_at = excluded.acknowledged_at, ended_at = excluded.ended_at,
            open = excluded.open, occurred_at = excluded.occurred_at, raised_at = excluded.raised_at,
            last_at = excluded.last_at`,
    params: [
      data.alertId,
      gateway,
      (before?.revision ?? 0) + 1,
      data.version,
      toldAt,
      JSON.stringify(kept),
      endedAt,
      data.tier,
      tierRank(data.tier),
      data.kind,
      ...standingColumns(shownStanding(toldOf(data, toldAt, endedAt), answers)),
      moment(data.occurredAt, now),
      moment(data.raisedAt, now),
      now,
      moment(data.lastAt, now),
    ],
  };
}

function evidenceStatement(
  notice: Parameters<typeof noticeStatements>[0],
  item: NoticeData['evidence'][number],
  arrival: EvidenceArrival,
): Statement {
  const { gateway, event, now } = notice;
  return {
    // Bytes that arrived are only given up for those of a newer version, never for a mere address.
    sql: `INSERT INTO evidence (alert_id, id, version, kind, media_type, sha256, captured_at, camera, url, arrived)
          SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM notice WHERE gateway = ? AND delivery_id = ?)
          ON CONFLICT (alert_id, id) DO UPDATE SET version = excluded.version, kind = excluded.kind,
            media_type = excluded.media_type, sha256 = excluded.sha256, captured_at = excluded.captured_at,
            camera = excluded.camera, url = excluded.url, arrived = excluded.arrived
          WHERE CASE WHEN arrived = 2 THEN excluded.arrived = 2 AND excluded.version > version
                ELSE excluded.arrived > arrived OR excluded.version > version END`,
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
      gateway,
      event.id,
    ],
  };
}

/** Remembers when a gateway was last heard. */
export function gatewayWordStatement(gateway: string, now: EpochMs, notice: boolean): Statement {
  return {
    sql: `INSERT INTO gateway_word (gateway, last_heard_at, last_notice_at) VALUES (?, ?, ?)
          ON CONFLICT (gateway) DO UPDATE SET last_heard_at = max(last_heard_at, excluded.last_heard_at),
            last_notice_at = coalesce(excluded.last_notice_at, last_notice_at)`,
    params: [gateway, now, notice ? now : null],
  };
}
