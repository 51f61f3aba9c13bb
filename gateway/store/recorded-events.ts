import type { Alert } from '../domain/alert.ts';
import type { EventKind, GatewayEvent } from '../domain/event.ts';
import { openReader } from '../lib/database/reader.ts';

/** A share of the record by area, so that several threads read what others do not. What stands in no area counts as an area of its own. */
export interface RecordedShare {
  readonly areas: readonly string[];
  /** `these`: only events of these areas; `others`: all but those. */
  readonly of: 'these' | 'others';
}

/** What of the record is wanted. */
export interface RecordedQuery {
  /** Received from this time on, and before the other. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly kinds: readonly EventKind[];
  /** Absent: all of it. */
  readonly share?: RecordedShare;
}

/** A connection of its own to the record, for a thread that reads much of it beside the running gateway. */
export interface RecordedEvents {
  /** Events in the order in which they were received; kinds that are not wanted are passed over by the database. */
  read(query: RecordedQuery): Generator<GatewayEvent>;
  /** How often each area was met in a sample of these events: for sharing the record out evenly. */
  areas(query: Pick<RecordedQuery, 'fromMs' | 'toMs'>): ReadonlyMap<string, number>;
  /** Alerts raised in a time, oldest first. */
  alerts(fromMs: number, toMs: number): Alert[];
  close(): void;
}

/** Events parsed at once: memory stays flat, and the call costs nothing (tried: 500 to 4 000 are alike). */
const pageRows = 1000;
const sampleRows = 500;

interface Page {
  readonly last: number | null;
  readonly count: number;
  /** A JSON array. */
  readonly bodies: string | null;
}

export async function openRecordedEvents(file: string): Promise<RecordedEvents> {
  const reader = await openReader(file);

  /** First row received at `fromMs` or later, by bisection: rows stand in the order in which they were received. */
  const firstSince = (fromMs: number): number => {
    const bounds = reader.get<{ low: number | null; high: number | null }>(
      'SELECT (SELECT min(seq) FROM events) AS low, (SELECT max(seq) FROM events) AS high',
      [],
    );
    let low = bounds?.low ?? 0;
    let high = (bounds?.high ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = reader.get<{ seq: number; receivedAt: number }>(
        'SELECT seq, received_at AS receivedAt FROM events WHERE seq >= ? ORDER BY seq LIMIT 1',
        [middle],
      );
      if (row && row.receivedAt < fromMs) low = row.seq + 1;
      else high = middle;
    }
    return low;
  };

  /**
   * A page crosses from SQLite as one text: a row of its own for each event costs as much as parsing it. Events of other
   * shares are passed over in SQLite, by the area in their JSON (`areaToken`).
   */
  function* eventPages(query: RecordedQuery): Generator<readonly GatewayEvent[]> {
    const kinds = query.kinds.filter((kind) => kind !== 'passage');
    if (kinds.length === 0) return;
    const { share } = query;
    const inShare = share ? `AND instr(?, ${areaToken}) ${share.of === 'these' ? '>' : '='} 0` : '';
    const sql = `SELECT max(seq) AS last, count(*) AS count, '[' || group_concat(body, ',') || ']' AS bodies
      FROM (SELECT seq, body FROM events
        WHERE seq >= ? AND seq < ? AND kind IN (${kinds.map(() => '?').join(', ')}) ${inShare}
        ORDER BY seq LIMIT ${pageRows})`;
    const tokens = share ? [share.areas.map((area) => `${JSON.stringify(area)},`).join('')] : [];
    const end = firstSince(query.toMs);
    for (let from = firstSince(query.fromMs); ;) {
      const page = reader.get<Page>(sql, [from, end, ...kinds, ...tokens]);
      if (page?.bodies == null || page.last === null) return;
      yield JSON.parse(page.bodies) as GatewayEvent[];
      if (page.count < pageRows) return;
      from = page.last + 1;
    }
  }

  function* passagesOf(query: RecordedQuery): Generator<GatewayEvent> {
    if (!query.kinds.includes('passage')) return;
    const { share } = query;
    const listed = new Set<string | null>(share?.areas);
    let after: { receivedAt: number; id: string } = { receivedAt: query.fromMs - 1, id: '\u{10ffff}' };
    for (;;) {
      const rows: { id: string; receivedAt: number; body: string }[] = reader.all(
        `SELECT id, received_at AS receivedAt, body FROM passages
         WHERE (received_at, id) > (?, ?) ORDER BY received_at, id LIMIT ${pageRows}`,
        [after.receivedAt, after.id],
      );
      for (const { receivedAt, body } of rows) {
        if (receivedAt >= query.toMs) return;
        const event = JSON.parse(body) as GatewayEvent;
        if (!share || listed.has(event.area) === (share.of === 'these')) yield event;
      }
      const last = rows.at(-1);
      if (rows.length < pageRows || !last) return;
      after = last;
    }
  }

  return {
    *read(query) {
      const passages = passagesOf(query);
      let passage = passages.next();
      for (const page of eventPages(query)) {
        for (const event of page) {
          for (; passage.done !== true && passage.value.receivedAt < event.receivedAt; passage = passages.next()) {
            yield passage.value;
          }
          yield event;
        }
      }
      for (; passage.done !== true; passage = passages.next()) yield passage.value;
    },
    areas: ({ fromMs, toMs }) => {
      const [from, end] = [firstSince(fromMs), firstSince(toMs)];
      const found = new Map<string, number>();
      for (let index = 0; index < sampleRows; index += 1) {
        const row = reader.get<{ body: string }>(
          'SELECT body FROM events WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT 1',
          [from + Math.floor(((end - from) * index) / sampleRows), end],
        );
        const area = row ? (JSON.parse(row.body) as GatewayEvent).area : null;
        if (area !== null) found.set(area, (found.get(area) ?? 0) + 1);
      }
      return found;
    },
    alerts: (fromMs, toMs) =>
      reader
        .all<{ body: string }>(
          'SELECT body FROM alerts WHERE raised_at >= ? AND raised_at < ? ORDER BY raised_at, id',
          [fromMs, toMs],
        )
        .map(({ body }) => JSON.parse(body) as Alert),
    close: () => reader.close(),
  };
}

/**
 * The event's area in its JSON, quoted and with the comma behind it (`"shed-1",` or `null,`), without parsing. A quote
 * inside a text is escaped, so the mark stands nowhere but at the event's own field, and ids hold no comma.
 */
const areaMark = `instr(body, '"area":') + 7`;
const areaToken = `substr(body, ${areaMark}, instr(substr(body, ${areaMark}, 80), ','))`;
