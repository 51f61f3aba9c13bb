import type { Alert } from '../domain/alert.ts';
import type { EventKind, GatewayEvent } from '../domain/event.ts';
import { openReader } from '../lib/database/reader.ts';

/** What of the record is wanted. */
export interface RecordedQuery {
  /** Received from this time on, and before the other. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly kinds: readonly EventKind[];
  /** Says by area (null: none) and source whether an event is wanted, before its row is parsed. */
  readonly wants?: (area: string | null, source: string) => boolean;
}

/** A connection of its own to the record, for a thread that reads much of it beside the running gateway. */
export interface RecordedEvents {
  /** Events in the order in which they were received; kinds that are not wanted are passed over by the database. */
  read(query: RecordedQuery): Generator<GatewayEvent>;
  /** Alerts raised in a time, oldest first. */
  alerts(fromMs: number, toMs: number): Alert[];
  close(): void;
}

/** Rows read at once: few enough that memory stays flat, many enough that the call costs nothing. */
const pageRows = 4000;

interface Row {
  readonly seq: number;
  readonly receivedAt: number;
  readonly source: string;
  readonly body: string;
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

  function* eventRows(query: RecordedQuery): Generator<Row> {
    const kinds = query.kinds.filter((kind) => kind !== 'passage');
    if (kinds.length === 0) return;
    const sql = `SELECT seq, received_at AS receivedAt, source, body FROM events
      WHERE seq >= ? AND kind IN (${kinds.map(() => '?').join(', ')}) ORDER BY seq LIMIT ${pageRows}`;
    let from = firstSince(query.fromMs);
    for (;;) {
      const rows = reader.all<Row>(sql, [from, ...kinds]);
      for (const row of rows) {
        if (row.receivedAt >= query.toMs) return;
        yield row;
      }
      const last = rows.at(-1);
      if (rows.length < pageRows || !last) return;
      from = last.seq + 1;
    }
  }

  function* passageRows(query: RecordedQuery): Generator<Omit<Row, 'seq'>> {
    if (!query.kinds.includes('passage')) return;
    let after: { receivedAt: number; id: string } = { receivedAt: query.fromMs - 1, id: '\u{10ffff}' };
    for (;;) {
      const rows: (Omit<Row, 'seq'> & { id: string })[] = reader.all(
        `SELECT id, received_at AS receivedAt, camera AS source, body FROM passages
         WHERE (received_at, id) > (?, ?) ORDER BY received_at, id LIMIT ${pageRows}`,
        [after.receivedAt, after.id],
      );
      for (const row of rows) {
        if (row.receivedAt >= query.toMs) return;
        yield row;
      }
      const last = rows.at(-1);
      if (rows.length < pageRows || !last) return;
      after = last;
    }
  }

  return {
    *read(query) {
      const passages = passageRows(query);
      let passage = passages.next();
      const parsed = ({ source, body }: Pick<Row, 'source' | 'body'>): GatewayEvent | null =>
        query.wants === undefined || query.wants(areaIn(body), source) ? (JSON.parse(body) as GatewayEvent) : null;
      for (const row of eventRows(query)) {
        for (; passage.done !== true && passage.value.receivedAt < row.receivedAt; passage = passages.next()) {
          const event = parsed(passage.value);
          if (event) yield event;
        }
        const event = parsed(row);
        if (event) yield event;
      }
      for (; passage.done !== true; passage = passages.next()) {
        const event = parsed(passage.value);
        if (event) yield event;
      }
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

const areaMark = '"area":';

/**
 * The area in a stored event's JSON without parsing it: a quote inside a text is escaped, so the mark stands nowhere but
 * at the event's own field. Ids need no escape (`idPattern`).
 */
function areaIn(body: string): string | null {
  const at = body.indexOf(areaMark);
  if (at === -1 || body[at + areaMark.length] !== '"') return null;
  const from = at + areaMark.length + 1;
  return body.slice(from, body.indexOf('"', from));
}
