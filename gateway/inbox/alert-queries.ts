import type { AlertState, FeedbackKind } from '../domain/alert.ts';
import type { NewsKind, NoticeData } from '../domain/notice.ts';
import type { Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { answersTo, findAlert, type AlertRow } from './alert-row.ts';
import { inList, type DeskReads, type SqlValue } from './data/desk-data.ts';
import { inScope, scopeCondition, type Scope } from './scope.ts';
import type { AlertQuery, DeskAlert, DeskAlertDetail, DeskFeedback, Relay } from './shapes.ts';

export interface EvidenceRow {
  readonly alert_id: string;
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

/** `scope` null: all gateways. An alert out of scope is as if it were not there. */
export interface AlertQueries {
  get(id: string): Promise<DeskAlert | null>;
  /** Those of these that are there, in no order. */
  some(ids: readonly string[]): Promise<DeskAlert[]>;
  detail(id: string, scope?: Scope): Promise<DeskAlertDetail | null>;
  /** `before` is the `next` of the page before; null if it is none. */
  list(query: AlertQuery, scope?: Scope): Promise<{ readonly items: DeskAlert[]; readonly next: string | null } | null>;
  /** What else happened there in the 30 days before; newest first, at most 20. */
  around(id: string, scope: Scope): Promise<{ readonly alerts: DeskAlert[]; readonly passages: number } | null>;
  evidence(alertId: string, scope?: Scope): Promise<readonly EvidenceRow[]>;
  /** Newest first. */
  lines(limit: number): Promise<AlertLine[]>;
  /** Rows as they are shown. */
  views(rows: readonly AlertRow[]): Promise<DeskAlert[]>;
}

export const iso = (at: number): string => new Date(at).toISOString();
export const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));
const relays = ['waiting', 'sent', 'received'] as const satisfies readonly Relay[];
const feedbackKinds: readonly string[] = ['acknowledged', 'progress', 'outcome', 'transferred', 'revisit'];
const aroundMs = 30 * 86_400_000;
const aroundPassagesMs = 600_000;

/** Everything that is read of alerts: for the page and for the command line. Reads only. */
export function createAlertQueries(reads: DeskReads, nameOf: (gateway: string) => string): AlertQueries {
  const evidence = async (alertIds: readonly string[]): Promise<EvidenceRow[]> => {
    if (alertIds.length === 0) return [];
    const { sql, params } = inList(alertIds);
    return reads.all<EvidenceRow>(`SELECT * FROM evidence WHERE alert_id IN ${sql} ORDER BY position`, ...params);
  };

  /** The slowest answer of each alert that has any. */
  async function relaysOf(alertIds: readonly string[]): Promise<Map<string, Relay>> {
    if (alertIds.length === 0) return new Map();
    const { sql, params } = inList(alertIds);
    const rows = await reads.all<{ alert_id: string; relay: number }>(
      `SELECT alert_id, min(CASE WHEN received_at IS NOT NULL THEN 2 WHEN sent_at IS NOT NULL THEN 1 ELSE 0 END) AS relay
       FROM feedback WHERE alert_id IN ${sql} GROUP BY alert_id`,
      ...params,
    );
    return new Map(rows.map(({ alert_id: id, relay }) => [id, relays[relay] ?? 'waiting']));
  }

  async function views(rows: readonly AlertRow[]): Promise<DeskAlert[]> {
    const ids = rows.map(({ id }) => id);
    const [pieces, relayed] = await Promise.all([evidence(ids), relaysOf(ids)]);
    const byAlert = new Map<string, EvidenceRow[]>();
    for (const piece of pieces) {
      const list = byAlert.get(piece.alert_id);
      if (list) list.push(piece);
      else byAlert.set(piece.alert_id, [piece]);
    }
    return rows.map((row) => view(row, byAlert.get(row.id) ?? [], relayed.get(row.id) ?? null));
  }

  function view(row: AlertRow, pieces: readonly EvidenceRow[], relay: Relay | null): DeskAlert {
    const data = JSON.parse(row.data) as NoticeData;
    return {
      id: row.id,
      gateway: { id: row.gateway, name: nameOf(row.gateway) },
      own: row.own === 1,
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
      deadline: isoOrNull(row.deadline),
      escalation: data.escalation,
      evidence: pieces.map((item) => ({
        id: item.id,
        kind: item.kind,
        mediaType: item.media_type,
        camera: item.camera,
        capturedAt: iso(item.captured_at),
        sha256: item.sha256,
        arrived: item.arrived === 2,
        damaged: item.arrived === 1,
      })),
      relay,
    };
  }

  async function lifeOf(row: AlertRow): Promise<DeskAlertDetail['life']> {
    const [given, told] = await Promise.all([
      answersTo(reads, row.id),
      reads.all<NoticeRow>('SELECT * FROM notice WHERE alert_id = ? ORDER BY version, received_at', row.id),
    ]);
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
        mark: item.mark,
        to: item.to_name,
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
                mark: null,
                to: null,
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

  const visible = async (id: string, scope: Scope): Promise<AlertRow | null> => {
    const row = await findAlert(reads, id);
    return row && inScope(scope, row.gateway) ? row : null;
  };

  return {
    views,
    evidence: async (alertId, scope = null) => ((await visible(alertId, scope)) ? evidence([alertId]) : []),
    get: async (id) => {
      const row = await findAlert(reads, id);
      return row ? ((await views([row]))[0] ?? null) : null;
    },
    some: async (ids) => {
      if (ids.length === 0) return [];
      const { sql, params } = inList(ids);
      return views(await reads.all<AlertRow>(`SELECT * FROM alert WHERE id IN ${sql}`, ...params));
    },
    detail: async (id, scope = null) => {
      const row = await visible(id, scope);
      if (!row) return null;
      const [[alert], life] = await Promise.all([views([row]), lifeOf(row)]);
      const { rule, why, receipts } = JSON.parse(row.data) as NoticeData;
      if (!alert) return null;
      const recipients = (receipts ?? []).map((each) => ({ ...each, at: each.at && iso(Date.parse(each.at)) }));
      return { ...alert, life, rule, why: why ?? null, recipients };
    },
    around: async (id, scope) => {
      const row = await visible(id, scope);
      if (!row) return null;
      const [column, value] =
        row.area_id !== null
          ? ['area_id', row.area_id]
          : row.grid_id !== null
            ? ['grid_id', row.grid_id]
            : [null, null];
      const rows = await reads.all<AlertRow>(
        `SELECT * FROM alert WHERE gateway = ? ${column === null ? '' : `AND ${column} = ?`}
           AND occurred_at BETWEEN ? AND ? AND id <> ? ORDER BY occurred_at DESC, id DESC LIMIT 20`,
        row.gateway,
        ...(value === null ? [] : [value]),
        ...[row.occurred_at - aroundMs, row.occurred_at + aroundPassagesMs, row.id],
      );
      const passages = await reads.get<{ count: number }>(
        'SELECT count(*) AS count FROM passage WHERE gateway = ? AND at BETWEEN ? AND ?',
        ...[row.gateway, row.occurred_at - aroundPassagesMs, row.occurred_at + aroundPassagesMs],
      );
      return { alerts: await views(rows), passages: passages?.count ?? 0 };
    },
    list: async (query, scope = null) => {
      const before = query.before === undefined ? null : parseCursor(query.before, query.state);
      if (before === undefined) return null;
      const open = query.state === 'open';
      const rows = await (open ? openRows : allRows)(reads, query, scope, before);
      const last = rows.length > query.limit ? rows[query.limit - 1] : undefined;
      const next = last
        ? open
          ? `open.${last.tier_rank}.${last.occurred_at}.${last.id}`
          : `all.${last.received_at}.${last.id}`
        : null;
      return { items: await views(rows.slice(0, query.limit)), next };
    },
    lines: async (limit) => {
      const rows = await reads.all<AlertRow & { shown_count: number }>(
        `SELECT alert.*, (SELECT coalesce(sum(entered), 0) FROM notice WHERE alert_id = alert.id) AS shown_count
         FROM alert ORDER BY received_at DESC, id DESC LIMIT ?`,
        limit,
      );
      return rows.map((row) => ({
        id: row.id,
        tier: row.tier,
        kind: row.kind,
        state: row.state,
        shownCount: row.shown_count,
        raisedAt: iso(row.raised_at),
        receivedAt: iso(row.received_at),
        acknowledgedBy: row.acknowledged_at === null ? null : row.owner,
        closedAt: isoOrNull(row.ended_at),
      }));
    },
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

function filters(query: AlertQuery, scope: Scope): { readonly conditions: string[]; readonly params: SqlValue[] } {
  const conditions: string[] = [];
  const params: SqlValue[] = [];
  if (query.tier !== undefined) {
    conditions.push('tier = ?');
    params.push(query.tier);
  }
  if (query.gateway !== undefined) {
    conditions.push('gateway = ?');
    params.push(query.gateway);
  }
  const held = scopeCondition(scope, 'gateway');
  if (held) {
    conditions.push(held.sql);
    params.push(...held.params);
  }
  return { conditions, params };
}

/** Worst tier first, then oldest. One row more than asked for tells whether there are more. */
function openRows(reads: DeskReads, query: AlertQuery, scope: Scope, before: Cursor | null): Promise<AlertRow[]> {
  const { conditions, params } = filters(query, scope);
  if (before !== null) {
    conditions.push('(tier_rank, occurred_at, id) > (?, ?, ?)');
    params.push(before.tierRank, before.at, before.id);
  }
  return reads.all<AlertRow>(
    `SELECT * FROM alert WHERE ${['open = 1', ...conditions].join(' AND ')} ORDER BY tier_rank, occurred_at, id LIMIT ?`,
    ...params,
    query.limit + 1,
  );
}

/** Newest first. Which ones is found in an index alone, also for somebody who sees some of many gateways. */
function allRows(reads: DeskReads, query: AlertQuery, scope: Scope, before: Cursor | null): Promise<AlertRow[]> {
  const { conditions, params } = filters(query, scope);
  if (before !== null) {
    conditions.push('(received_at, id) < (?, ?)');
    params.push(before.at, before.id);
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  return reads.all<AlertRow>(
    `SELECT * FROM alert WHERE id IN (SELECT id FROM alert ${where} ORDER BY received_at DESC, id DESC LIMIT ?)
     ORDER BY received_at DESC, id DESC`,
    ...params,
    query.limit + 1,
  );
}
