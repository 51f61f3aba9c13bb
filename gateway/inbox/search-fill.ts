import type { NoticeData } from '../domain/notice.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { pause } from '../lib/pause.ts';
import { inList, inPairs, type DeskData } from './data/desk-data.ts';
import { passageKeyOf, type PassageRow } from './passages.ts';
import { noteWords, passageWords, reindexStatements, searchTextOf } from './search-entries.ts';

/** Written by a migration: the number below which words are still to be written; gone once all are. */
const cursorName = 'search-fill';
/** Entries in one transaction: 30 to 60 ms of the writer, for which an alert that arrives may have to wait. */
const bite = 256;
/** And at least as long a rest as the bite took, so that the desk is never more than half busy with it. */
const leastRestMs = 20;
const retryMs = 5000;

export interface SearchFill {
  /** Whether there are still entries that a search does not find. */
  running(): boolean;
  start(): void;
  /** Resolves when nothing of it is under way. What is not done yet goes on at the next start. */
  stop(): Promise<void>;
}

interface EntryRow {
  readonly number: number;
  readonly kind: 'alert' | 'note' | 'passage';
  readonly ref: string;
  readonly gateway: string;
  readonly by_name: string | null;
  readonly text: string;
}
type Shared = Pick<PassageRow, 'gateway' | 'id' | 'plate' | 'place' | 'camera' | 'watch_title'>;

/** Writes the words of entries that came from an older database: newest first, in batches, beside everything else. */
export function createSearchFill(given: {
  readonly data: DeskData;
  readonly nameOf: (gateway: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
}): SearchFill {
  const { data, nameOf, clock, logger } = given;
  const ending = new AbortController();
  let filling: Promise<void> | null = null;

  async function wordsOf(rows: readonly EntryRow[]): Promise<(row: EntryRow) => string | null> {
    const refs = (kind: EntryRow['kind']) => rows.filter((row) => row.kind === kind).map(({ ref }) => ref);
    const alertIds = inList(refs('alert'));
    const passageIds = inPairs(refs('passage').map(passageKeyOf));
    const [alerts, passages] = await Promise.all([
      data.all<{ id: string; data: string }>(
        `SELECT id, data FROM alert WHERE id IN ${alertIds.sql}`,
        ...alertIds.params,
      ),
      data.all<Shared>(
        `SELECT gateway, id, plate, place, camera, watch_title FROM passage
         WHERE (gateway, id) IN ${passageIds.sql}`,
        ...passageIds.params,
      ),
    ]);
    const alertOf = new Map(alerts.map((row) => [row.id, row.data]));
    const passageOf = new Map(passages.map((row) => [`${row.gateway} ${row.id}`, row]));
    return ({ kind, ref, gateway, text, by_name: by }) => {
      if (kind === 'note') return noteWords(text, by);
      if (kind === 'alert') {
        const found = alertOf.get(ref);
        return found === undefined ? null : searchTextOf(JSON.parse(found) as NoticeData);
      }
      const found = passageOf.get(ref);
      return found ? passageWords({ ...found, site: nameOf(gateway), watch: found.watch_title }) : null;
    };
  }

  /** False when there was nothing left. */
  async function fillSome(): Promise<boolean> {
    const cursor = await data.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', cursorName);
    if (!cursor) return false;
    const rows = await data.all<EntryRow>(
      `SELECT number, kind, ref, gateway, by_name, text FROM entry WHERE number < ? ORDER BY number DESC LIMIT ${bite}`,
      Number(cursor.value),
    );
    const last = rows.at(-1);
    if (!last) {
      await data.write([{ sql: 'DELETE FROM setting WHERE name = ?', params: [cursorName] }]);
      return false;
    }
    const words = await wordsOf(rows);
    await data.write([
      // FTS5 writes rising numbers together, and falling ones each by itself.
      ...rows.toReversed().flatMap((row) => {
        const found = words(row);
        return found === null ? [] : reindexStatements(data.dialect, { ...row, words: found });
      }),
      {
        sql: 'UPDATE setting SET value = ? WHERE name = ?',
        params: [String(last.number), cursorName],
      },
    ]);
    return true;
  }

  async function fill(): Promise<void> {
    let batches = 0;
    while (!ending.signal.aborted) {
      const beganMs = clock.monotonic();
      let restMs = retryMs;
      try {
        if (!(await fillSome())) break;
        batches += 1;
        restMs = Math.max(leastRestMs, clock.monotonic() - beganMs);
      } catch (error) {
        logger.warn({ reason: messageOf(error) }, 'words of older entries could not be written, tried again');
      }
      await pause(clock, restMs, ending.signal);
    }
    if (batches > 0 && !ending.signal.aborted)
      logger.info({ entries: batches * bite }, 'older entries can be searched');
  }

  return {
    running: () => filling !== null,
    start: () => {
      filling = fill().finally(() => {
        filling = null;
      });
    },
    stop: async () => {
      ending.abort();
      await filling;
    },
  };
}
