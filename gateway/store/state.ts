import type { Alert, Delivery } from '../domain/alert.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { DueQuery } from '../domain/due.ts';
import type { ChargingEvent, ChargingSession, FireTelemetryEvent, GatewayEvent } from '../domain/event.ts';
import type { AlertId, DeliveryId, DeviceKey } from '../domain/ids.ts';
import { tierRank, type Tier } from '../domain/tier.ts';
import type { User, WebSession } from '../domain/user.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import { deliveryColumns, deliveryOf, fromBody, type BodyRow, type DeliveryRow } from './rows.ts';

export interface RuleStateRow {
  readonly rule: string;
  readonly key: string;
  readonly state: string;
}

export interface PendingCount {
  readonly channel: string;
  readonly tier: Tier;
  readonly count: number;
  readonly oldestAt: EpochMs;
}

/** What the running gateway needs to go on where it was. */
export function createState(database: Database) {
  const bodies = <Value>(sql: string): Value[] => database.all<BodyRow>(sql).map((row) => fromBody<Value>(row));

  /** First row of `table` that was received at `fromMs` or later, by bisection: rows stand in order of arrival. */
  const firstEventSince = (fromMs: number): number => {
    const bounds = database.get<{ low: number | null; high: number | null }>(
      'SELECT (SELECT min(seq) FROM events) AS low, (SELECT max(seq) FROM events) AS high',
    );
    let low = bounds?.low ?? 0;
    let high = (bounds?.high ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = database.get<{ seq: number; receivedAt: number }>(
        'SELECT seq, received_at AS receivedAt FROM events WHERE seq >= ? ORDER BY seq LIMIT 1',
        middle,
      );
      if (row && row.receivedAt < fromMs) low = row.seq + 1;
      else high = middle;
    }
    return low;
  };

  return {
    openAlerts: () => bodies<Alert>('SELECT body FROM alerts WHERE ended = 0 ORDER BY raised_at, id'),
    openSessions: () => bodies<ChargingSession>('SELECT body FROM sessions WHERE running = 1 ORDER BY started_at, id'),
    ruleState: () => database.all<RuleStateRow>('SELECT rule, key, state FROM rule_state'),
    hasFeedback: (id: string): boolean =>
      database.get('SELECT 1 AS found FROM feedback WHERE id = ?', id) !== undefined,
    findAlert: (id: AlertId): Alert | undefined => {
      const row = database.get<BodyRow>('SELECT body FROM alerts WHERE id = ?', id);
      return row && fromBody<Alert>(row);
    },
    /** The highest `sequence` of any delivery, 0 where there is none. */
    lastSequence: (): number =>
      database.get<{ highest: number | null }>('SELECT max(sequence) AS highest FROM deliveries')?.highest ?? 0,

    /**
     * In SQL what `selectDue` (domain/due.ts) says in words; a test holds them together. Most items of no alert each
     * stand alone, and 50 000 of them may wait: they are read from an index in the order they leave in. The chains of
     * alerts and of digests are few and have to be seen as a whole.
     */
    dueDeliveries: (query: DueQuery): Delivery[] => {
      // Once a second for each channel, mostly with nothing there: this takes a tenth of what follows.
      if (!database.get("SELECT 1 FROM deliveries WHERE state = 'pending' AND channel = ? LIMIT 1", query.channel))
        return [];
      const isDue = `(next_attempt_at <= ?2 OR (attempts > 0 AND ?6)
        OR next_attempt_at - ?2 > CASE WHEN attempts > 0 THEN ?3 ELSE ?4 END)`;
      const notExcept = 'recipient NOT IN (SELECT value FROM json_each(?7))';
      return database
        .all<DeliveryRow>(
          `WITH pending AS (
             SELECT id, sequence, attempts, tier_rank, alert_id AS chain, recipient, ${isDue} AS due
             FROM deliveries WHERE state = 'pending' AND channel = ?1 AND alert_id IS NOT NULL
             UNION ALL
             SELECT id, sequence, attempts, tier_rank, '' AS chain, recipient, ${isDue} AS due
             FROM deliveries WHERE state = 'pending' AND channel = ?1 AND item = 'digest'),
           chains AS (
             SELECT id, sequence, attempts, due, recipient,
               row_number() OVER (PARTITION BY chain, recipient ORDER BY sequence, id) AS place,
               max(due) OVER (PARTITION BY chain, recipient) AS any_due,
               min(tier_rank) OVER (PARTITION BY chain, recipient) AS worst
             FROM pending),
           alone AS (
             SELECT id, sequence, tier_rank AS worst FROM deliveries
             WHERE state = 'pending' AND channel = ?1 AND alert_id IS NULL AND item <> 'digest' AND ${isDue}
               AND (?7 = '[]' OR tier_rank <= ?8 OR item = 'canary' OR ${notExcept})
             ORDER BY tier_rank, sequence LIMIT ?5),
           heads AS (
             SELECT id, sequence, worst FROM chains WHERE place = 1 AND (due OR (attempts = 0 AND any_due))
               AND (?7 = '[]' OR worst <= ?8 OR ${notExcept})
             UNION ALL SELECT id, sequence, worst FROM alone
             ORDER BY worst, sequence LIMIT ?5)
           SELECT ${deliveryColumns
             .split(',')
             .map((column) => `d.${column.trim()}`)
             .join(', ')}
           FROM heads JOIN deliveries d ON d.id = heads.id ORDER BY heads.worst, heads.sequence`,
          query.channel,
          query.nowMs,
          query.longestRetryMs,
          query.longestFirstMs,
          query.limit,
          query.retriesDue === true ? 1 : 0,
          JSON.stringify(query.except ?? []),
          tierRank('orange'),
        )
        .map(deliveryOf);
    },
    /**
     * Notices and digests that were received over this channel, in the order of their receipts (by number: a clock that
     * was set would shuffle them). What else is sent (passages, canaries) a far side need not keep.
     */
    receipts: (channel: string) => ({
      after: (number: number, limit: number) =>
        database.all<{ id: DeliveryId; number: number }>(
          `SELECT id, receipt_number AS number FROM deliveries
           WHERE channel = ? AND receipt_number > ? ORDER BY receipt_number LIMIT ?`,
          channel,
          number,
          limit,
        ),
      upTo: (number: number, limit: number) =>
        database.all<{ id: DeliveryId; number: number }>(
          `SELECT id, receipt_number AS number FROM deliveries
           WHERE channel = ? AND receipt_number <= ? ORDER BY receipt_number DESC LIMIT ?`,
          channel,
          number,
          limit,
        ),
      confirmed: (): number | null => {
        const row = database.get<{ position: string }>(
          "SELECT position FROM positions WHERE name = 'receipts ' || ?",
          channel,
        );
        return row ? Number(row.position) : null;
      },
    }),
    delivery: (id: string): Delivery | undefined => {
      const row = database.get<DeliveryRow>(`SELECT ${deliveryColumns} FROM deliveries WHERE id = ?`, id);
      return row && deliveryOf(row);
    },
    /** Whether a younger delivery of the same alert to the same recipient is pending. */
    hasYounger: (delivery: Delivery): boolean =>
      delivery.alertId !== null &&
      database.get(
        `SELECT 1 AS found FROM deliveries
         WHERE state = 'pending' AND alert_id = ? AND recipient = ? AND sequence > ? LIMIT 1`,
        delivery.alertId,
        delivery.recipient,
        delivery.sequence,
      ) !== undefined,
    pendingCount: (channel: string): number =>
      database.get<{ count: number }>(
        "SELECT count(*) AS count FROM deliveries WHERE state = 'pending' AND channel = ?",
        channel,
      )?.count ?? 0,
    pendingCounts: () =>
      database.all<PendingCount>(
        `SELECT channel, tier, count(*) AS count, min(created_at) AS oldestAt FROM deliveries
         WHERE state = 'pending' GROUP BY channel, tier ORDER BY channel, min(tier_rank)`,
      ),

    devices: () => bodies<Device>('SELECT body FROM devices ORDER BY key'),
    device: (key: DeviceKey): Device | undefined => {
      const row = database.get<BodyRow>('SELECT body FROM devices WHERE key = ?', key);
      return row && fromBody<Device>(row);
    },
    /** Another number than before when devices were added, removed or given a new password, by whatever process. */
    devicesVersion: (): number =>
      database.get<{ version: number }>('SELECT version FROM devices_version')?.version ?? 0,
    deviceStatuses: () =>
      database.all<DeviceStatus>(
        `SELECT device AS key, state, last_heard_at AS lastHeardAt, last_fault AS lastFault,
           last_fault_at AS lastFaultAt FROM device_status ORDER BY device`,
      ),
    users: () => bodies<User>('SELECT body FROM users ORDER BY name'),
    user: (name: string): User | undefined => {
      const row = database.get<BodyRow>('SELECT body FROM users WHERE name = ?', name);
      return row && fromBody<User>(row);
    },
    /** Undefined for one that is not there or has run out. */
    webSessionAt: (tokenSha256: string, nowMs: EpochMs): WebSession | undefined =>
      database.get<WebSession>(
        `SELECT token_sha256 AS tokenSha256, user, created_at AS createdAt, expires_at AS expiresAt
         FROM web_sessions WHERE token_sha256 = ? AND expires_at > ?`,
        tokenSha256,
        nowMs,
      ),

    newestReceivedAt: (): EpochMs | null =>
      database.get<{ at: EpochMs }>('SELECT received_at AS at FROM events ORDER BY seq DESC LIMIT 1')?.at ?? null,

    /** Readings among the next `limit` events after number `after`, in the order they were stored. */
    readings: (
      after: number,
      limit: number,
    ): {
      readonly readings: (ChargingEvent | FireTelemetryEvent)[];
      readonly last: number | null;
      readonly events: number;
    } => {
      const rows = database.all<{ seq: number; body: string | null }>(
        'SELECT seq, CASE WHEN reading = 1 THEN body END AS body FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
        after,
        limit,
      );
      return {
        readings: rows.flatMap(({ body }) =>
          body === null ? [] : [fromBody<ChargingEvent | FireTelemetryEvent>({ body })],
        ),
        last: rows.at(-1)?.seq ?? null,
        events: rows.length,
      };
    },
    newestEvent: (): number => database.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM events')?.seq ?? 0,
    /** How far readings have been copied to the time series. */
    seriesPosition: (): number =>
      Number(
        database.get<{ position: string }>("SELECT position FROM positions WHERE name = 'series'")?.position ?? '0',
      ),
    /** A page of recorded events but passages in the order they came in, received from `fromMs` on; `after` is the last `seq`. */
    eventsSince: (
      fromMs: EpochMs,
      after: number | null,
      limit: number,
    ): { readonly events: GatewayEvent[]; readonly last: number | null } => {
      const rows = database.all<BodyRow & { seq: number }>(
        'SELECT seq, body FROM events WHERE seq >= ? ORDER BY seq LIMIT ?',
        after === null ? firstEventSince(fromMs) : after + 1,
        limit,
      );
      return { events: rows.map((row) => fromBody<GatewayEvent>(row)), last: rows.at(-1)?.seq ?? null };
    },
    /** The same for passages, by time of arrival and id. */
    passagesSince: (
      fromMs: EpochMs,
      after: { readonly receivedAt: EpochMs; readonly id: string } | null,
      limit: number,
    ): GatewayEvent[] =>
      database
        .all<BodyRow>(
          'SELECT body FROM passages WHERE (received_at, id) > (?, ?) ORDER BY received_at, id LIMIT ?',
          after?.receivedAt ?? fromMs - 1,
          after?.id ?? '\u{10ffff}',
          limit,
        )
        .map((row) => fromBody<GatewayEvent>(row)),
  };
}

export type State = ReturnType<typeof createState>;
