import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { DeskData } from './data/desk-data.ts';
import type { EvidenceFiles } from './evidence-files.ts';

/** At once; slow lines to many compounds should not hold each other up, nor fill the memory with clips. */
const atOnce = 4;
const lookMs = 5000;
const timeoutMs = 120_000;
/** 10 s, 20 s, … up to an hour: about five hours in all. A gateway that is away longer is asked when it tells anew. */
const maxTries = 12;
const waitMs = (tries: number): number => Math.min(3_600_000, 10_000 * 2 ** tries);

interface Row {
  readonly position: number;
  readonly alert_id: string;
  readonly id: string;
  readonly sha256: string;
  readonly url: string;
  readonly fetch_tries: number;
}

export interface EvidenceFetch {
  /** There may be something new to fetch. */
  wake(): void;
  start(): void;
  stop(): Promise<void>;
}

/** Fetches pictures and clips that a gateway only names (they were too large to come along), until its links end. */
export function createEvidenceFetch(given: {
  readonly data: DeskData;
  readonly evidence: Pick<EvidenceFiles, 'keep'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Nothing is fetched at 0. */
  readonly maxBytes: number;
  readonly onKept: (alertId: string) => void;
}): EvidenceFetch {
  const { data, evidence, clock, logger, maxBytes, onKept } = given;
  const stopping = new AbortController();
  let timer: Timer | null = null;
  let running: Promise<void> | null = null;
  /** How often it was asked to look: one that was looking meanwhile sees it, and looks again. */
  let asked = 0;

  type Outcome = 'kept' | 'damaged' | 'ended' | 'later';

  async function fetchOne(row: Row): Promise<Outcome> {
    const { protocol } = new URL(row.url);
    if (protocol !== 'https:' && protocol !== 'http:') return 'ended';
    const reply = await fetch(row.url, {
      redirect: 'error',
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!reply.ok) {
      await reply.body?.cancel();
      // The link has ended or was never good: asking again changes nothing.
      return [400, 401, 403, 404, 410].includes(reply.status) ? 'ended' : 'later';
    }
    const pieces: Uint8Array[] = [];
    let size = 0;
    // The pages' types, which see this file too, know no streams that can be iterated.
    const body = reply.body as unknown as AsyncIterable<Uint8Array> | null;
    for await (const piece of body ?? []) {
      size += piece.length;
      if (size > maxBytes) return 'ended';
      pieces.push(piece);
    }
    return (await evidence.keep(Buffer.concat(pieces), row.sha256)) ? 'kept' : 'damaged';
  }

  async function take(row: Row): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await fetchOne(row);
    } catch (error) {
      if (stopping.signal.aborted) return;
      logger.debug({ alertId: row.alert_id, evidenceId: row.id, reason: messageOf(error) }, 'evidence not fetched');
      outcome = 'later';
    }
    const last = outcome === 'later' && row.fetch_tries + 1 >= maxTries;
    if (outcome !== 'later' && outcome !== 'kept') {
      logger.warn({ alertId: row.alert_id, evidenceId: row.id, outcome }, 'evidence cannot be fetched');
    }
    const next = outcome === 'later' && !last ? clock.now() + waitMs(row.fetch_tries) : null;
    await data.write([
      {
        // A newer version may have named other bytes meanwhile.
        sql: `UPDATE evidence SET arrived = ?, fetch_at = ?, fetch_tries = fetch_tries + 1
              WHERE position = ? AND sha256 = ? AND arrived <> 2`,
        params: [outcome === 'kept' ? 2 : outcome === 'damaged' ? 1 : 0, next, row.position, row.sha256],
      },
    ]);
    if (outcome === 'kept') onKept(row.alert_id);
  }

  async function look(): Promise<void> {
    while (!stopping.signal.aborted) {
      const seen = asked;
      const rows = await data.all<Row>(
        `SELECT position, alert_id, id, sha256, url, fetch_tries FROM evidence
         WHERE fetch_at <= ? AND url IS NOT NULL ORDER BY fetch_at LIMIT ?`,
        clock.now(),
        atOnce,
      );
      if (rows.length === 0 && seen === asked) return;
      await Promise.all(rows.map(take));
    }
  }

  function wake(): void {
    asked += 1;
    if (maxBytes === 0 || stopping.signal.aborted) return;
    running ??= look()
      .catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'evidence to fetch could not be read'))
      .finally(() => {
        running = null;
      });
  }

  return {
    wake,
    start: () => {
      timer = repeat(clock, lookMs, wake);
    },
    stop: async () => {
      stopping.abort();
      timer?.cancel();
      await running;
    },
  };
}
