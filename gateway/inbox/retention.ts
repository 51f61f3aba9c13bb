import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { auditSweep } from './audit.ts';
import { inList, inPairs, type DeskData } from './data/desk-data.ts';
import { unindexStatement } from './data/search-index.ts';
import type { EvidenceFiles } from './evidence-files.ts';
import type { DeskOptions } from './options.ts';

const everyMs = 3_600_000;
/** Rows at once, so that nobody who answers an alert waits for the broom. */
const bite = 200;
/** A file without a row: its notice was never stored, or is being stored just now. */
const orphanMs = 86_400_000;
/** A gateway asks whether what it sent is still here (receiver.missing): ids are kept longer than what they stood for. */
const deliveryMs = 400 * 86_400_000;
const unreadMs = 90 * 86_400_000;

export interface Retention {
  /** Deletes what is over its time; answers how many alerts and passages, and how many files. */
  sweep(): Promise<{ readonly alerts: number; readonly passages: number; readonly files: number }>;
  start(): void;
  stop(): void;
}

export function createRetention(given: {
  readonly options: DeskOptions['retention'];
  readonly data: DeskData;
  readonly evidence: Pick<EvidenceFiles, 'remove' | 'olderThan'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): Retention {
  const { options, data, evidence, clock, logger } = given;
  let timer: Timer | null = null;

  async function sweepEvidence(before: number): Promise<number> {
    let files = 0;
    for (;;) {
      const rows = await data.all<{ position: number; sha256: string }>(
        `SELECT evidence.position, evidence.sha256 FROM alert JOIN evidence ON evidence.alert_id = alert.id
         WHERE alert.open = 0 AND alert.ended_at < ? AND evidence.arrived = 2 LIMIT ${bite}`,
        before,
      );
      for (const { sha256 } of new Map(rows.map((row) => [row.sha256, row])).values()) {
        // The same picture may stand for an alert that is kept.
        const others = await data.get(
          `SELECT 1 AS here FROM evidence JOIN alert ON alert.id = evidence.alert_id
           WHERE evidence.sha256 = ? AND (alert.open = 1 OR alert.ended_at >= ?)`,
          sha256,
          before,
        );
        if (others) continue;
        await evidence.remove(sha256);
        files += 1;
      }
      const { sql, params } = inList(rows.map(({ position }) => position));
      if (rows.length > 0) {
        await data.write([
          { sql: `UPDATE evidence SET arrived = 0, fetch_at = NULL, url = NULL WHERE position IN ${sql}`, params },
        ]);
      }
      if (rows.length < bite) return files;
    }
  }

  async function sweepAlerts(before: number): Promise<number> {
    for (let total = 0; ;) {
      const rows = await data.all<{ id: string }>(
        `SELECT id FROM alert WHERE open = 0 AND ended_at < ? LIMIT ${bite}`,
        before,
      );
      if (rows.length === 0) return total;
      const { sql, params } = inList(rows.map(({ id }) => id));
      await data.write([
        {
          sql: `INSERT INTO delivery (gateway, delivery_id, received_at)
                SELECT gateway, delivery_id, received_at FROM notice WHERE alert_id IN ${sql} ON CONFLICT DO NOTHING`,
          params,
        },
        unindexStatement(data.dialect, { sql: `alert_id IN ${sql}`, params }),
        { sql: `DELETE FROM entry WHERE alert_id IN ${sql}`, params },
        { sql: `DELETE FROM notice WHERE alert_id IN ${sql}`, params },
        { sql: `DELETE FROM evidence WHERE alert_id IN ${sql}`, params },
        // Answers that the gateway has not stored are still on their way to it.
        { sql: `DELETE FROM feedback WHERE received_at IS NOT NULL AND alert_id IN ${sql}`, params },
        { sql: `DELETE FROM alert WHERE id IN ${sql}`, params },
      ]);
      total += rows.length;
    }
  }

  async function sweepPassages(before: number): Promise<number> {
    for (let total = 0; ;) {
      const rows = await data.all<{ gateway: string; id: string }>(
        `SELECT gateway, id FROM passage WHERE at < ? LIMIT ${bite}`,
        before,
      );
      if (rows.length === 0) return total;
      const refs = inList(rows.map(({ gateway, id }) => `${gateway} ${id}`));
      const keys = inPairs(rows.map(({ gateway, id }) => [gateway, id]));
      const where = { sql: `kind = 'passage' AND ref IN ${refs.sql}`, params: refs.params };
      await data.write([
        unindexStatement(data.dialect, where),
        { sql: `DELETE FROM entry WHERE ${where.sql}`, params: where.params },
        {
          sql: `DELETE FROM passage WHERE at < ? AND (gateway, id) IN ${keys.sql}`,
          params: [before, ...keys.params],
        },
      ]);
      total += rows.length;
    }
  }

  async function sweepOrphans(now: number): Promise<number> {
    let files = 0;
    for await (const sha256 of evidence.olderThan(now - orphanMs)) {
      if (await data.get('SELECT 1 AS here FROM evidence WHERE sha256 = ? AND arrived = 2', sha256)) continue;
      await evidence.remove(sha256);
      files += 1;
    }
    return files;
  }

  async function sweep() {
    const now = clock.now();
    const files = (await sweepEvidence(now - options.evidence)) + (await sweepOrphans(now));
    const alerts = await sweepAlerts(now - options.alerts);
    const passages = await sweepPassages(now - options.passages);
    await data.write([
      { sql: 'DELETE FROM unread WHERE received_at < ?', params: [now - unreadMs] },
      { sql: 'DELETE FROM delivery WHERE received_at < ?', params: [now - options.alerts - deliveryMs] },
      { sql: 'DELETE FROM session WHERE expires_at <= ?', params: [now] },
      ...auditSweep(now - options.audit),
    ]);
    return { alerts, passages, files };
  }

  return {
    sweep,
    start: () => {
      timer = repeat(clock, everyMs, async () => {
        try {
          const swept = await sweep();
          if (swept.alerts + swept.passages + swept.files > 0) logger.info(swept, 'what was over its time is deleted');
        } catch (error) {
          logger.error({ reason: messageOf(error) }, 'what is over its time could not be deleted');
        }
      });
    },
    stop: () => timer?.cancel(),
  };
}
