import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertRow, DeliveryRow, Drill, Records, Seen } from './ledger.ts';
import { readLedgerFile } from './ledger-file.ts';
import { noticesOf } from './notices-of.ts';
import type { Setting } from './setting.ts';

type Row = Record<string, unknown>;

/** Reads a database beside the process that writes it; waits where that is just starting. */
async function rowsOf(file: string, sql: string): Promise<Row[]> {
  if (!existsSync(file)) return [];
  const { openConnection } = await import('../../gateway/lib/database/sqlite.ts');
  const connection = await openConnection(file, { readOnly: true });
  try {
    return connection.prepare(sql).all() as Row[];
  } finally {
    connection.close();
  }
}

async function gatewayRows(
  file: string,
  nowMs: () => number,
): Promise<{ alerts: AlertRow[]; deliveries: DeliveryRow[] }> {
  const alerts = await rowsOf(file, 'SELECT body FROM alerts ORDER BY raised_at, id');
  const deliveries = await rowsOf(
    file,
    `SELECT id, recipient, sequence, state, attempts, next_attempt_at AS nextTryMs, last_error AS lastError, type, data FROM deliveries
     WHERE item IN ('notice', 'digest') ORDER BY sequence`,
  );
  return {
    alerts: alerts.map(({ body }) => JSON.parse(body as string) as AlertRow),
    deliveries: deliveries.map((row) => ({
      ...(row as unknown as DeliveryRow),
      nextTryInMs: Math.max(0, Number(row['nextTryMs']) - nowMs()),
      notices: noticesOf({ type: row['type'] as string, data: JSON.parse(row['data'] as string) }),
    })),
  };
}

/**
 * What the desk has: each notice it stored, and how often each alert entered its list. In order of version: its clock jumps in
 * these runs, so nothing here tells the order in which they came (the books of the other two do). What the desk raised by
 * itself (a gateway that is silent) is not the gateway's to send.
 */
async function deskRows(file: string): Promise<{ seen: Seen[]; entered: Record<string, number> }> {
  const rows = await rowsOf(
    file,
    `SELECT delivery_id AS delivery, alert_id AS alertId, version, tier, received_at AS atMs, entered FROM notice
     WHERE alert_id NOT IN (SELECT id FROM alert WHERE own = 1) ORDER BY alert_id, version`,
  );
  const entered: Record<string, number> = {};
  for (const row of rows)
    entered[row['alertId'] as string] = (entered[row['alertId'] as string] ?? 0) + Number(row['entered']);
  // The notices of a digest stand under their own ids; the digest's is where it is known by.
  return {
    entered,
    seen: rows.map((row) => ({
      delivery: row['delivery'] as string,
      atMs: row['atMs'] as number,
      notice: {
        alertId: row['alertId'] as string,
        version: row['version'] as number,
        tier: row['tier'] as Seen['notice']['tier'],
      },
    })),
  };
}

function bookOf(path: string): Seen[] {
  return readLedgerFile(path).flatMap(({ id, atMs, notices }) =>
    notices.map((notice) => ({ delivery: id, atMs, notice })),
  );
}

/** The three records as they stand now: what sensors know, what the gateway believes, what recipients have. */
export async function collect(setting: Setting, drills: readonly Drill[]): Promise<Records> {
  const { folder, ledgers, sensors } = setting;
  // What the gateway believes is read first: what arrives meanwhile is then no surprise.
  const { alerts, deliveries } = await gatewayRows(join(folder.dir, 'gateway/data/kanmen.sqlite'), () =>
    setting.steers.gateway.now(),
  );
  const desk = await deskRows(join(folder.dir, 'desk/data/desk.sqlite'));
  const digests = new Map(
    deliveries
      .filter(({ notices }) => notices.length > 0)
      .flatMap(({ id, notices, recipient }) =>
        recipient === 'station' ? notices.map(({ alertId, version }) => [`${alertId} ${version}`, id] as const) : [],
      ),
  );
  return {
    raised: sensors.raised(),
    alerts,
    deliveries,
    seen: {
      station: desk.seen.map((seen) => ({
        ...seen,
        delivery: digests.get(`${seen.notice.alertId} ${seen.notice.version}`) ?? seen.delivery,
      })),
      property: bookOf(ledgers.receiver),
      worker: bookOf(ledgers.station),
    },
    entered: { station: desk.entered },
    drills,
  };
}
