import type { FeedbackItem } from '../domain/notice.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { WireReport } from '../lib/wire.ts';
import type { FeedbackRow } from './alert-row.ts';
import type { DeskData } from './data/desk-data.ts';

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
  /** Answers given here that the gateways have not stored yet, by gateway; those without any are left out. */
  waiting(): Promise<ReadonlyMap<string, number>>;
  /** The wire to the gateways: its depth is what they have not stored yet. */
  report(): Promise<WireReport>;
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
  readonly data: DeskData;
  readonly clock: Clock;
  /** Called for each alert whose answers have come further. */
  readonly onRelayed: (alertId: string) => void;
}): FeedbackLine {
  const { data, clock, onRelayed } = options;
  const waits = new Map<string, () => void>();
  /** How often each gateway's poll was woken: one that was reading meanwhile sees it, and reads again. */
  const wakes = new Map<string, number>();
  let stopped = false;
  /** Answers that gateways have confirmed since the start. */
  let passed = 0;

  async function confirm(gateway: string, upTo: number): Promise<void> {
    const rows = await data.all<{ alert_id: string; answers: number }>(
      `SELECT alert_id, count(*) AS answers FROM feedback
       WHERE gateway = ? AND sequence <= ? AND received_at IS NULL GROUP BY alert_id`,
      gateway,
      upTo,
    );
    if (rows.length === 0) return;
    await data.write([
      {
        sql: `UPDATE feedback SET received_at = ?, sent_at = coalesce(sent_at, ?)
              WHERE gateway = ? AND sequence <= ? AND received_at IS NULL`,
        params: [clock.now(), clock.now(), gateway, upTo],
      },
    ]);
    for (const row of rows) {
      passed += row.answers;
      onRelayed(row.alert_id);
    }
  }

  async function markSent(rows: readonly FeedbackRow[]): Promise<void> {
    const fresh = rows.filter((row) => row.sent_at === null);
    if (fresh.length === 0) return;
    await data.write(
      fresh.map((row) => ({
        sql: 'UPDATE feedback SET sent_at = ? WHERE sequence = ? AND sent_at IS NULL',
        params: [clock.now(), row.sequence],
      })),
    );
    for (const alertId of new Set(fresh.map((row) => row.alert_id))) onRelayed(alertId);
  }

  const behind = (gateway: string, after: number): Promise<FeedbackRow[]> =>
    data.all<FeedbackRow>(
      `SELECT * FROM feedback WHERE gateway = ? AND sequence > ? AND received_at IS NULL ORDER BY sequence LIMIT ?`,
      gateway,
      after,
      batch,
    );

  /** The position a cursor names; 0 for none, or for one from a database that was since put back to an older state. */
  async function positionOf(after: string): Promise<number> {
    const position = /^\d{1,15}$/.test(after) ? Number(after) : 0;
    const row = await data.get<{ newest: number | null }>('SELECT max(sequence) AS newest FROM feedback');
    const newest = row?.newest ?? 0;
    return position <= newest ? position : 0;
  }

  /** `woken`: there is something, or a newer poll has taken this one's place. */
  function wait(gateway: string, seen: number, waitMs: number, signal: AbortSignal): Promise<'woken' | 'over'> {
    if ((wakes.get(gateway) ?? 0) !== seen) return Promise.resolve('woken');
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
    seenAtFirst: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<FeedbackRow[]> {
    const untilMs = clock.monotonic() + waitMs;
    for (let seen = seenAtFirst; ;) {
      const leftMs = untilMs - clock.monotonic();
      const how = await wait(gateway, seen, Math.min(lookMs, leftMs), signal);
      if (signal.aborted || stopped) return [];
      seen = wakes.get(gateway) ?? 0;
      const rows = await behind(gateway, position);
      if (rows.length > 0 || how === 'woken' || leftMs <= lookMs) return rows;
    }
  }

  return {
    unsent: async (gateway) => {
      const rows = await data.all<FeedbackRow>(
        `SELECT * FROM feedback WHERE gateway = ? AND received_at IS NULL AND sent_at IS NULL ORDER BY sequence LIMIT ?`,
        gateway,
        batch,
      );
      await markSent(rows);
      return rows.map(itemOf);
    },
    poll: async (gateway, after, waitMs, signal) => {
      const position = await positionOf(after);
      if (position > 0) await confirm(gateway, position);
      const seen = wakes.get(gateway) ?? 0;
      let rows = await behind(gateway, position);
      if (rows.length === 0 && waitMs > 0) {
        rows = await awaitRows(gateway, position, seen, waitMs, signal);
      }
      await markSent(rows);
      const last = rows.at(-1);
      return {
        feedback: rows.map(itemOf),
        cursor: last ? String(last.sequence) : position > 0 ? String(position) : '',
      };
    },
    wake: (gateway) => {
      wakes.set(gateway, (wakes.get(gateway) ?? 0) + 1);
      waits.get(gateway)?.();
    },
    waiting: async () => {
      const rows = await data.all<{ gateway: string; count: number }>(
        'SELECT gateway, count(*) AS count FROM feedback WHERE received_at IS NULL GROUP BY gateway',
      );
      return new Map(rows.map(({ gateway, count }) => [gateway, count]));
    },
    report: async () => {
      const row = await data.get<{ depth: number }>('SELECT count(*) AS depth FROM feedback WHERE received_at IS NULL');
      return {
        name: 'desk → gateway',
        depth: row?.depth ?? 0,
        capacity: null,
        passed,
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
