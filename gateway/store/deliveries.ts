import type { Delivery, DeliveryState } from '../domain/alert.ts';
import type { DeliveryId, RecipientId } from '../domain/ids.ts';
import type { Bilingual } from '../domain/text.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import { readPage } from './page.ts';
import { deliveryColumns, type PageQuery } from './rows.ts';

/** What came of one of the last tries, or that somebody had it sent once more. */
export interface DeliveryTry {
  readonly at: EpochMs;
  readonly state: DeliveryState | 'resent';
  readonly result: string;
}

/** A delivery as people follow it; not what it carries. */
export interface DeliveryRecord extends Omit<Delivery, 'data'> {
  /** What the far side gave for it; null while it is not delivered. */
  readonly receipt: string | null;
  /** The last ten, oldest first. */
  readonly tries: readonly DeliveryTry[];
  /** Of the notice; null for what has none. */
  readonly title: Bilingual | null;
}

export interface DeliveryQuery extends PageQuery {
  readonly state: DeliveryState | null;
  readonly recipient: RecipientId | null;
  readonly channel: string | null;
}

const columns = `${deliveryColumns
  .split(',')
  .map((column) => column.trim())
  .filter((column) => column !== 'data')
  .join(', ')}, receipt, tries, json_extract(data, '$.title') AS title`;

type Row = Omit<DeliveryRecord, 'tries' | 'title'> & { readonly tries: string | null; readonly title: string | null };

const recordOf = (row: Row): DeliveryRecord => ({
  ...row,
  tries: row.tries === null ? [] : (JSON.parse(row.tries) as DeliveryTry[]),
  // A text is no title of ours.
  title: row.title?.startsWith('{') === true ? (JSON.parse(row.title) as Bilingual) : null,
});

/** Deliveries as people follow them. Canaries are tries of a line: they stand under the ways to people. */
export function createDeliveryReads(database: Database) {
  return {
    /** Newest first, by (createdAt, id). */
    deliveryPage: (query: DeliveryQuery): DeliveryRecord[] => {
      // One filter leads with its index; `+` keeps the planner, which knows no counts, from another.
      const afterRecipient = query.recipient === null ? '' : '+';
      return readPage<Row>(database, {
        columns,
        table: 'deliveries',
        keys: ['created_at', 'id'],
        conditions: [
          ["item <> 'canary'"],
          ['recipient = ?', query.recipient],
          [`${afterRecipient}state = ?`, query.state],
          ['+channel = ?', query.channel],
        ],
        page: query,
      }).map(recordOf);
    },
    deliveryRecord: (id: DeliveryId): DeliveryRecord | undefined => {
      const row = database.get<Row>(`SELECT ${columns} FROM deliveries WHERE id = ?`, id);
      return row && recordOf(row);
    },
    /** Ids of what a recipient is to get once more, in the order in which it was made; `after` is the last one's sequence. */
    deliveriesOfRecipient: (query: {
      readonly recipient: RecipientId;
      readonly state: 'dead' | 'delivered';
      readonly since: EpochMs | null;
      readonly after: number;
      readonly limit: number;
    }): { readonly id: DeliveryId; readonly sequence: number }[] =>
      database.all(
        `SELECT id, sequence FROM deliveries
         WHERE recipient = ? AND state = ? AND item <> 'canary' AND created_at >= ? AND sequence > ?
         ORDER BY sequence LIMIT ?`,
        query.recipient,
        query.state,
        query.since ?? 0,
        query.after,
        query.limit,
      ),
  };
}

export type DeliveryReads = ReturnType<typeof createDeliveryReads>;
