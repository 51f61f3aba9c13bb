import type { FeedbackItem } from '../domain/notice.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import type { WireReport } from '../lib/wire.ts';
import type { FeedbackRow } from './alert-row.ts';

/** At most this many answers in one reply (channels/webhook/README.md). */
const batch = 100;
/** How often a waiting poll looks by itself: for answers that another process gave (kanmen alerts answer). */
const lookMs = 2000;

export interface FeedbackLine {
  /** Answers that have not been handed out yet, for the reply to a notice; marks them as sent. */
  unsent(gateway: string): Promise<readonly FeedbackItem[]>;
  /**
   * One poll: confirms everything up to `after`, then waits until there are answers behind it or `waitMs` is over. With
   * an empty `after`, or one that this desk never gave, everything not confirmed comes again. A newer poll of the same
   * gateway ends this one, empty.
   */
  poll(
    gateway: string,
    after: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly feedback: readonly FeedbackItem[]; readonly cursor: string }>;
  /** Ends the wait of a gateway's poll: there is something. */
  wake(gateway: string): void;
  /** Answers given here that the gateway has not stored yet. */
  waiting(gateway: string): number;
  /** The wire to the gateways: its depth is what they have not stored yet. */
  report(): WireReport;
  /** Ends all polls. */
  stop(): void;
}

function itemOf(row: FeedbackRow): FeedbackItem {
  return {
    id: row.id,
    alertId: row.alert_id,
    kind: row.kind,
    by: row.by_name,
    at: new Date(row.at).toISOString(),
    text: row.text,
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.mark === null ? {} : { mark: row.mark }),
    ...(row.to_name === null ? {} : { to: row.to_name }),
  };
}

/** Answers on their way out, one line per gateway, kept until the gateway's cursor has passed them. */
export function createFeedbackLine(options: {
  readonly database: Database;
  readonly clock: Clock;
  /** Called for each alert whose answers have come further. */
  readonly onRelayed: (alertId: string) => void;
}): FeedbackLine {
  const { database, clock, onRelayed } = options;
  const waits = new Map<string, () => void>();
  let stopped = false;

  async function confirm(gateway: string, upTo: number): Promise<void> {
    const rows = database.all<{ alert_id: string }>(
      'SELECT DISTINCT alert_id FROM feedback WHERE gateway = ? AND sequence <= ? AND received_at IS NULL',
      gateway,
      upTo,
    );
    if (rows.length === 0) return;
    await database.write([
      {
        sql: `UPDATE feedback SET received_at = ?, sent_at = coalesce(sent_at, ?)
              WHERE gateway = ? AND sequence <= ? AND received_at IS NULL`,
        params: [clock.now(), clock.now(), gateway, upTo],
      },
    ]);
    for (const row of rows) onRelayed(row.alert_id);
  }

  async function markSent(rows: readonly FeedbackRow[]): Promise<void> {
    const fresh = rows.filter((row) => row.sent_at === null);
    if (fresh.length === 0) return;
    await database.write(
      fresh.map((row) => ({
        sql: 'UPDATE feedback SET sent_at = ? WHERE sequence = ? AND sent_at IS NULL',
        params: [clock.now(), row.sequence],
      })),
    );
    for (const alertId of new Set(fresh.map((row) => row.alert_id))) onRelayed(alertId);
  }

  const behind = (gateway: string, after: number): FeedbackRow[] =>
    database.all<FeedbackRow>(
      `SELECT * FROM feedback WHERE gateway = ? AND sequence > ? AND received_at IS NULL ORDER BY sequence LIMIT ?`,
      gateway,
      after,
      batch,
    );

  /** The position a cursor names; 0 for none, or for one from a database that was since put back to an older state. */
  function positionOf(after: string): number {
    const position = /^\d{1,15}$/.test(after) ? Number(after) : 0;
    const newest = database.get<{ newest: number | null }>('SELECT max(sequence) AS newest FROM feedback')?.newest ?? 0;
    return position <= newest ? position : 0;
  }

  /** `woken`: there is something, or a newer poll has taken this one's place. */
  function wait(gateway: string, waitMs: number, signal: AbortSignal): Promise<'woken' | 'over'> {
    return new Promise((resolve) => {
      let timer: Timer | null = null;
      const end = (how: 'woken' | 'over'): void => {
        timer?.cancel();
        signal.removeEventListener('abort', onAbort);
        if (waits.get(gateway) === wake) waits.delete(gateway);
        resolve(how);
      };
      const wake = (): void => end('woken');
      const onAbort = (): void => end('over');
      waits.get(gateway)?.();
      waits.set(gateway, wake);
      signal.addEventListener('abort', onAbort, { once: true });
      timer = clock.after(waitMs, onAbort);
      if (signal.aborted || stopped) end('over');
    });
  }

  async function awaitRows(
    gateway: string,
    position: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<FeedbackRow[]> {
    const untilMs = clock.monotonic() + waitMs;
    for (;;) {
      const leftMs = untilMs - clock.monotonic();
      const how = await wait(gateway, Math.min(lookMs, leftMs), signal);
      if (signal.aborted || stopped) return [];
      const rows = behind(gateway, position);
      if (rows.length > 0 || how === 'woken' || leftMs <= lookMs) return rows;
    }
  }

  return {
    unsent: async (gateway) => {
      const rows = database.all<FeedbackRow>(
        `SELECT * FROM feedback WHERE gateway = ? AND received_at IS NULL AND sent_at IS NULL ORDER BY sequence LIMIT ?`,
        gateway,
        batch,
      );
      await markSent(rows);
      return rows.map(itemOf);
    },
    poll: async (gateway, after, waitMs, signal) => {
      const position = positionOf(after);
      if (position > 0) await confirm(gateway, position);
      let rows = behind(gateway, position);
      if (rows.length === 0 && waitMs > 0) {
        rows = await awaitRows(gateway, position, waitMs, signal);
      }
      await markSent(rows);
      const last = rows.at(-1);
      return {
        feedback: rows.map(itemOf),
        cursor: last ? String(last.sequence) : position > 0 ? String(position) : '',
      };
    },
    wake: (gateway) => waits.get(gateway)?.(),
    waiting: (gateway) =>
      database.get<{ count: number }>(
        'SELECT count(*) AS count FROM feedback WHERE gateway = ? AND received_at IS NULL',
        gateway,
      )?.count ?? 0,
    report: () => {
      const row = database.get<{ depth: number; passed: number }>(
        'SELECT count(*) FILTER (WHERE received_at IS NULL) AS depth, count(received_at) AS passed FROM feedback',
      );
      return {
        name: 'desk → gateway',
        depth: row?.depth ?? 0,
        capacity: null,
        passed: row?.passed ?? 0,
        dropped: 0,
        waitedMs: 0,
      };
    },
    stop: () => {
      stopped = true;
      for (const end of [...waits.values()]) end();
    },
  };
}
