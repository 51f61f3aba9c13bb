import type {
  Alert,
  AlertTransition,
  Delivery,
  DeliveryState,
  EvidenceRef,
  Feedback,
  Notice,
} from '../domain/alert.ts';
import type { ChargingSession, GatewayEvent, PassageEvent } from '../domain/event.ts';
import type { AlertId, AreaId, CameraId, DeviceKey, EvidenceId } from '../domain/ids.ts';
import type { Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import { auditColumns, type AuditRow } from './audit.ts';
import { readPage, type Condition } from './page.ts';
import {
  deliveryColumns,
  deliveryOf,
  fromBody,
  type BodyRow,
  type Cursor,
  type DeliveryRow,
  type PageQuery,
} from './rows.ts';

export interface PassageQuery extends PageQuery {
  readonly camera: CameraId | null;
  readonly subject: PassageEvent['subject'] | null;
  readonly direction: PassageEvent['direction'] | null;
  /** Part of a plate, as normalised. */
  readonly plate: string | null;
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
}

export interface SessionQuery extends PageQuery {
  readonly device: DeviceKey | null;
  readonly area: AreaId | null;
  readonly state: 'running' | 'ended' | null;
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
}

export interface AlertQuery extends PageQuery {
  readonly state: 'open' | 'ended' | null;
  readonly tier: Tier | null;
  readonly kind: string | null;
  readonly area: AreaId | null;
}

export interface DeviceEventQuery extends PageQuery {
  readonly device: DeviceKey;
}

export interface QuarantineQuery extends PageQuery {
  readonly device: DeviceKey | null;
}

export interface QuarantinedMessage {
  readonly id: string;
  readonly device: DeviceKey;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly at: EpochMs;
}

export interface EvidenceRow {
  readonly id: EvidenceId;
  readonly alertId: AlertId | null;
  readonly camera: CameraId;
  readonly mediaKind: 'picture' | 'clip';
  readonly capturedAt: EpochMs;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly path: string;
  readonly faces: readonly (readonly [number, number, number, number])[];
}

export interface DeliveryCounts {
  readonly byState: Readonly<Record<DeliveryState, number>>;
  readonly oldestPendingAt: EpochMs | null;
}

/** So many plates that hold the text, and passages of them are found fastest by reading the newest first. */
const fewPlates = 300;

/** What people look up. All lists newest first, by keyset. */
export function createHistory(database: Database) {
  const range = (column: string, query: { from: EpochMs | null; to: EpochMs | null }): Condition[] => [
    [`${column} >= ?`, query.from],
    [`${column} <= ?`, query.to],
  ];
  const bodies = <Value>(rows: readonly BodyRow[]): Value[] => rows.map((row) => fromBody<Value>(row));
  const listOf = <Value>(table: string, order: string, id: AlertId): Value[] =>
    bodies<Value>(database.all<BodyRow>(`SELECT body FROM ${table} WHERE alert_id = ? ORDER BY ${order}`, id));

  const passages = (query: PassageQuery): PassageEvent[] => {
    // One filter leads, with its index; `+` keeps the planner, which knows no counts, from another.
    const page = <Row>(columns: string, lead: Condition | null, last: Condition | null): Row[] => {
      const afterLead = lead === null ? '' : '+';
      const afterCamera = query.camera === null ? afterLead : '+';
      const afterSubject = query.subject === null ? afterCamera : '+';
      return readPage<Row>(database, {
        columns,
        table: 'passages',
        keys: ['at', 'id'],
        conditions: [
          ...(lead === null ? [] : [lead]),
          [`${afterLead}camera = ?`, query.camera],
          [`${afterCamera}subject = ?`, query.subject],
          [`${afterSubject}direction = ?`, query.direction],
          ...range('at', query),
          ...(last === null ? [] : [last]),
        ],
        page: query,
      });
    };
    if (query.plate === null) return bodies(page<BodyRow>('body', null, null));
    const plates = database.all<{ plate: string }>(
      'SELECT plate FROM plates WHERE instr(plate, ?) > 0 LIMIT ?',
      query.plate,
      fewPlates + 1,
    );
    if (plates.length > fewPlates) return bodies(page<BodyRow>('body', null, ['instr(plate, ?) > 0', query.plate]));
    // Each plate has its own sorted run in the index; the newest of all of them are the newest of the page.
    return plates
      .flatMap(({ plate }) => page<Cursor>('at, id', ['plate = ?', plate], null))
      .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
      .slice(0, query.limit)
      .flatMap(({ id }) => bodies<PassageEvent>(database.all<BodyRow>('SELECT body FROM passages WHERE id = ?', id)));
  };

  return {
    passages,
    sessions: (query: SessionQuery): ChargingSession[] =>
      bodies(
        readPage<BodyRow>(database, {
          columns: 'body',
          table: 'sessions',
          keys: ['started_at', 'id'],
          conditions: [
            ['device = ?', query.device],
            [query.state === 'running' ? '+area = ?' : 'area = ?', query.area],
            // A literal, so that the partial index of the few that run is seen to fit.
            ...(query.state === null ? [] : [[`running = ${query.state === 'running' ? 1 : 0}`] as const]),
            ...range('started_at', query),
          ],
          page: query,
        }),
      ),
    alerts: (query: AlertQuery): Alert[] =>
      bodies(
        readPage<BodyRow>(database, {
          columns: 'body',
          table: 'alerts',
          keys: ['raised_at', 'id'],
          conditions: [
            ['ended = ?', query.state === null ? null : query.state === 'ended' ? 1 : 0],
            ['tier = ?', query.tier],
            ['kind = ?', query.kind],
            ['area = ?', query.area],
          ],
          page: query,
        }),
      ),
    alert: (id: AlertId): Alert | undefined => {
      const row = database.get<BodyRow>('SELECT body FROM alerts WHERE id = ?', id);
      return row && fromBody<Alert>(row);
    },
    transitions: (id: AlertId): AlertTransition[] => listOf('transitions', 'seq', id),
    feedback: (id: AlertId): (Feedback & { readonly receivedAt: EpochMs })[] =>
      database
        .all<BodyRow & { receivedAt: EpochMs }>(
          'SELECT body, received_at AS receivedAt FROM feedback WHERE alert_id = ? ORDER BY received_at, id',
          id,
        )
        .map((row) => ({ ...fromBody<Feedback>(row), receivedAt: row.receivedAt })),
    notices: (id: AlertId): Notice[] => listOf('notices', 'created_at, id', id),
    deliveries: (id: AlertId): Delivery[] =>
      database
        .all<DeliveryRow>(`SELECT ${deliveryColumns} FROM deliveries WHERE alert_id = ? ORDER BY sequence`, id)
        .map(deliveryOf),
    deliveryCounts: (): DeliveryCounts => {
      // Canaries are tries of a line, not something that somebody waits for.
      const rows = database.all<{ state: DeliveryState; count: number; oldest: EpochMs }>(
        `SELECT state, count(*) AS count, min(created_at) AS oldest FROM deliveries WHERE item <> 'canary' GROUP BY state`,
      );
      const row = (state: DeliveryState) => rows.find((other) => other.state === state);
      return {
        byState: {
          pending: row('pending')?.count ?? 0,
          delivered: row('delivered')?.count ?? 0,
          dead: row('dead')?.count ?? 0,
        },
        oldestPendingAt: row('pending')?.oldest ?? null,
      };
    },
    /** Events of a device other than its readings, by (at, id). */
    deviceEvents: (query: DeviceEventQuery): GatewayEvent[] =>
      bodies(
        readPage<BodyRow>(database, {
          columns: 'body',
          table: 'events',
          keys: ['at', 'id'],
          conditions: [['reading = 0'], ['source = ?', query.device]],
          page: query,
        }),
      ),
    quarantine: (query: QuarantineQuery): QuarantinedMessage[] =>
      readPage<Omit<QuarantinedMessage, 'id'> & { id: number }>(database, {
        columns: 'seq AS id, device, topic, payload, reason, at',
        table: 'quarantine',
        keys: ['at', 'seq'],
        conditions: [['device = ?', query.device]],
        page: query,
        idOf: Number,
      }).map((row) => ({ ...row, id: String(row.id) })),
    /** The log by (at, seq); `before.id` is a row's `seq`. */
    audit: (query: PageQuery): AuditRow[] =>
      readPage<AuditRow>(database, {
        columns: auditColumns,
        table: 'audit',
        keys: ['at', 'seq'],
        conditions: [],
        page: query,
        idOf: Number,
      }),
    evidenceRow: (id: EvidenceId): EvidenceRow | undefined => {
      const row = database.get<Omit<EvidenceRow, 'faces'> & { faces: string }>(
        `SELECT id, alert_id AS alertId, camera, media_kind AS mediaKind, captured_at AS capturedAt, sha256,
           size_bytes AS sizeBytes, path, faces FROM evidence WHERE id = ?`,
        id,
      );
      return row && { ...row, faces: JSON.parse(row.faces) as EvidenceRow['faces'] };
    },
    /** An alert's clips, oldest first; its pictures stand in the alert itself. */
    clipsOf: (id: AlertId): EvidenceRef[] =>
      database.all<EvidenceRef>(
        `SELECT id, media_kind AS kind, sha256, captured_at AS capturedAt, camera FROM evidence
         WHERE alert_id = ? AND media_kind = 'clip' ORDER BY captured_at, id`,
        id,
      ),
    event: (id: string): GatewayEvent | undefined => {
      const row =
        database.get<BodyRow>('SELECT body FROM events WHERE id = ?', id) ??
        database.get<BodyRow>('SELECT body FROM passages WHERE id = ?', id);
      return row && fromBody<GatewayEvent>(row);
    },
  };
}

export type History = ReturnType<typeof createHistory>;
