import type { AlertState, FeedbackKind } from '../domain/alert.ts';
import type { NewsKind, NoticeData } from '../domain/notice.ts';
import type { Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database, SqlValue } from '../lib/database/index.ts';
import { answersTo, findAlert, toldByRow, type AlertRow } from './alert-row.ts';
import { answersDue, type Standing } from './standing.ts';
import type { AlertQuery, DeskAlert, DeskAlertDetail, DeskFeedback, Relay } from './shapes.ts';

export interface EvidenceRow {
  readonly id: string;
  readonly kind: 'picture' | 'clip';
  readonly media_type: string;
  readonly sha256: string;
  readonly captured_at: number;
  readonly camera: string;
  readonly arrived: number;
}

interface NoticeRow {
  readonly delivery_id: string;
  readonly version: number;
  readonly tier: Tier;
  readonly news_kind: NewsKind;
  readonly news_by: string;
  readonly news_at: number;
  readonly news_text: string;
}

/** One line of `kanmen alerts list --json` (interfaces.md). Times are RFC 3339 in UTC. */
export interface AlertLine {
  readonly id: string;
  readonly tier: Tier;
  readonly kind: string;
  readonly state: AlertState;
  /** How often it entered the inbox as new. */
  readonly shownCount: number;
  readonly raisedAt: string;
  readonly receivedAt: string;
  readonly acknowledgedBy: string | null;
  readonly closedAt: string | null;
}

export interface AlertQueries {
  get(id: string): DeskAlert | null;
  detail(id: string): DeskAlertDetail | null;
  /** `before` is the `next` of the page before; null if it is none. */
  list(query: AlertQuery): { readonly items: DeskAlert[]; readonly next: string | null } | null;
  evidence(alertId: string): readonly EvidenceRow[];
  /** Newest first. */
  lines(limit: number): AlertLine[];
}

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));
const relays = ['waiting', 'sent', 'received'] as const satisfies readonly Relay[];
const feedbackKinds: readonly string[] = ['acknowledged', 'progress', 'outcome', 'transferred', 'revisit'];

const shownBy = (row: AlertRow): Standing => ({
  state: row.state,
  owner: row.owner,
  acknowledgedAt: row.acknowledged_at,
  endedAt: row.ended_at,
});

/** Everything that is read of alerts: for the page and for the command line. Reads only. */
export function createAlertQueries(
  database: Pick<Database, 'all' | 'get'>,
  nameOf: (gateway: string) => string,
): AlertQueries {
  const evidence = (alertId: string): readonly EvidenceRow[] =>
    database.all<EvidenceRow>('SELECT * FROM evidence WHERE alert_id = ? ORDER BY position', alertId);

  function relayOf(alertId: string): Relay | null {
    const row = database.get<{ relay: number | null }>(
      `SELECT min(CASE WHEN received_at IS NOT NULL THEN 2 WHEN sent_at IS NOT NULL THEN 1 ELSE 0 END) AS relay
       FROM feedback WHERE alert_id = ?`,
      alertId,
    );
    return row?.relay == null ? null : (relays[row.relay] ?? null);
  }

  function view(row: AlertRow): DeskAlert {
    const data = JSON.parse(row.data) as NoticeData;
    // The deadline told is that of the next answer told; one given here since then has met it.
    const met = answersDue(shownBy(row)) < answersDue(toldByRow(row).standing);
    return {
      id: row.id,
      gateway: { id: row.gateway, name: nameOf(row.gateway) },
      tier: row.tier,
      kind: row.kind,
      title: data.title,
      message: data.message,
      state: row.state,
      form: data.form,
      occurredAt: iso(row.occurred_at),
      raisedAt: iso(row.raised_at),
      receivedAt: iso(row.received_at),
      lastAt: iso(row.last_at),
      count: data.count,
      place: data.place,
      source: data.source,
      facts: data.facts,
      owner: row.owner,
      acknowledgedAt: isoOrNull(row.acknowledged_at),
      closedAt: isoOrNull(row.ended_at),
      deadline: met || data.deadline === null ? null : iso(Date.parse(data.deadline)),
      escalation: data.escalation,
      evidence: evidence(row.id).map((item) => ({
        id: item.id,
        kind: item.kind,
        mediaType: item.media_type,
        camera: item.camera,
        capturedAt: iso(item.captured_at),
        sha256: item.sha256,
        arrived: item.arrived === 2,
        damaged: item.arrived === 1,
      })),
      relay: relayOf(row.id),
    };
  }

  function lifeOf(row: AlertRow): DeskAlertDetail['life'] {
    const given = answersTo(database, row.id);
    const told = database.all<NoticeRow>(
      'SELECT * FROM notice WHERE alert_id = ? ORDER BY version, received_at',
      row.id,
    );
    const answers = given.map((item) => ({
      at: item.at,
      kind: item.kind,
      by: item.by_name,
      text: item.text,
      tier: row.tier,
      feedback: {
        id: item.id,
        kind: item.kind,
        by: item.by_name,
        at: iso(item.at),
        text: item.text,
        outcome: item.outcome,
        relay: item.received_at !== null ? 'received' : item.sent_at !== null ? 'sent' : 'waiting',
        receivedAt: isoOrNull(item.received_at),
      } satisfies DeskFeedback,
    }));
    // An answer given here comes back as news: one entry. Versions of two recipients of one alert are one too.
    const awaited = given.map((item) => `${item.kind} ${item.by_name}`);
    const versions = new Set<number>();
    const news = told.flatMap((item) => {
      if (versions.has(item.version)) return [];
      versions.add(item.version);
      const echo = awaited.indexOf(`${item.news_kind} ${item.news_by}`);
      if (echo >= 0) {
        awaited.splice(echo, 1);
        return [];
      }
      return [
        {
          at: item.news_at,
          kind: item.news_kind,
          by: item.news_by,
          text: item.news_text,
          tier: item.tier,
          feedback: feedbackKinds.includes(item.news_kind)
            ? ({
                id: item.delivery_id,
                kind: item.news_kind as FeedbackKind,
                by: item.news_by,
                at: iso(item.news_at),
                text: item.news_text,
                outcome: null,
                relay: null,
                receivedAt: null,
              } satisfies DeskFeedback)
            : null,
        },
      ];
    });
    // Sorting is stable: news keep their order of versions where two happened in one millisecond.
    return [...news, ...answers].sort((a, b) => a.at - b.at).map((entry) => ({ ...entry, at: iso(entry.at) }));
  }

  return {
    evidence,
    get: (id) => {
      const row = findAlert(database, id);
      return row ? view(row) : null;
    },
    detail: (id) => {
      const row = findAlert(database, id);
      return row ? { ...view(row), life: lifeOf(row) } : null;
    },
    list: (query) => {
      const before = query.before === undefined ? null : parseCursor(query.before, query.state);
      if (before === undefined) return null;
      const tier = query.tier ?? null;
      const open = query.state === 'open';
      const rows = open ? openRows(database, tier, before, query.limit) : allRows(database, tier, before, query.limit);
      const last = rows.length > query.limit ? rows[query.limit - 1] : undefined;
      const next = last
        ? open
          ? `open.${last.tier_rank}.${last.occurred_at}.${last.id}`
          : `all.${last.received_at}.${last.id}`
        : null;
      return { items: rows.slice(0, query.limit).map(view), next };
    },
    lines: (limit) =>
      database
        .all<AlertRow & { shown_count: number }>(
          `SELECT alert.*, (SELECT coalesce(sum(entered), 0) FROM notice WHERE alert_id = alert.id) AS shown_count
           FROM alert ORDER BY received_at DESC, id DESC LIMIT ?`,
          limit,
        )
        .map((row) => ({
          id: row.id,
          tier: row.tier,
          kind: row.kind,
          state: row.state,
          shownCount: row.shown_count,
          raisedAt: iso(row.raised_at),
          receivedAt: iso(row.received_at),
          acknowledgedBy: row.acknowledged_at === null ? null : row.owner,
          closedAt: isoOrNull(row.ended_at),
        })),
  };
}

/** Position after which a page goes on. */
interface Cursor {
  readonly tierRank: number;
  readonly at: EpochMs;
  readonly id: string;
}

/** Undefined if the text is no `next` of that list. */
function parseCursor(text: string, state: 'open' | 'all'): Cursor | undefined {
  const found = state === 'open' ? /^open\.(\d)\.(\d{1,16})\.(.+)$/.exec(text) : /^all(\.)(\d{1,16})\.(.+)$/.exec(text);
  const [, tierRank, at, id] = found ?? [];
  if (tierRank === undefined || at === undefined || id === undefined) return undefined;
  return { tierRank: state === 'open' ? Number(tierRank) : 0, at: Number(at) as EpochMs, id };
}

type Reads = Pick<Database, 'all'>;

/** Worst tier first, then oldest. One row more than asked for tells whether there are more. */
function openRows(database: Reads, tier: Tier | null, before: Cursor | null, limit: number): AlertRow[] {
  const conditions = ['open = 1'];
  const params: SqlValue[] = [];
  if (tier !== null) {
    conditions.push('tier = ?');
    params.push(tier);
  }
  if (before !== null) {
    conditions.push('(tier_rank, occurred_at, id) > (?, ?, ?)');
    params.push(before.tierRank, before.at, before.id);
  }
  return database.all<AlertRow>(
    `SELECT * FROM alert WHERE ${conditions.join(' AND ')} ORDER BY tier_rank, occurred_at, id LIMIT ?`,
    ...params,
    limit + 1,
  );
}

/** Newest first. */
function allRows(database: Reads, tier: Tier | null, before: Cursor | null, limit: number): AlertRow[] {
  const conditions: string[] = [];
  const params: SqlValue[] = [];
  if (tier !== null) {
    conditions.push('tier = ?');
    params.push(tier);
  }
  if (before !== null) {
    conditions.push('(received_at, id) < (?, ?)');
    params.push(before.at, before.id);
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  return database.all<AlertRow>(
    `SELECT * FROM alert ${where} ORDER BY received_at DESC, id DESC LIMIT ?`,
    ...params,
    limit + 1,
  );
}
