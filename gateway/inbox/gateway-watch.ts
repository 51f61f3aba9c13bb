import type { Clock, EpochMs, MonotonicMs, Timer } from '../lib/clock.ts';
import { repeat } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import type { Logger } from '../lib/logger.ts';
import { messageOf } from '../lib/errors.ts';
import { gatewayWordStatement } from './notice-statements.ts';
import type { DeskGateway } from './shapes.ts';

/** How often polls alone are written down: after a restart the last word may be this much too old. */
const keepEveryMs = 60_000;

export interface GatewayWatch {
  /** A signed word of a gateway came in. */
  heard(gateway: string): void;
  list(): DeskGateway[];
  start(): void;
  stop(): void;
}

interface Known {
  readonly id: string;
  readonly name: string;
  heardAt: EpochMs | null;
  /** When it was heard in this process's life: silence is told by a clock that does not jump. */
  heardMs: MonotonicMs | null;
  keptMs: MonotonicMs | null;
  online: boolean;
}

/** Knows when each gateway was last heard, and says when one falls silent or comes back. */
export function createGatewayWatch(options: {
  readonly gateways: readonly { readonly id: string; readonly name: string }[];
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly silentAfterMs: number;
  readonly waitingAnswers: (gateway: string) => number;
  readonly onChange: (gateway: DeskGateway) => void;
}): GatewayWatch {
  const { database, clock, logger, silentAfterMs, waitingAnswers, onChange } = options;
  const known = new Map<string, Known>(
    options.gateways.map(({ id, name }) => [
      id,
      { id, name, heardAt: null, heardMs: null, keptMs: null, online: false },
    ]),
  );
  let timer: Timer | null = null;

  function report(gateway: Known): DeskGateway {
    const row = database.get<{ last_heard_at: number; last_notice_at: number | null }>(
      'SELECT last_heard_at, last_notice_at FROM gateway_word WHERE gateway = ?',
      gateway.id,
    );
    const lastHeardAt = Math.max(gateway.heardAt ?? 0, row?.last_heard_at ?? 0);
    const open = database.get<{ count: number }>(
      'SELECT count(*) AS count FROM alert WHERE gateway = ? AND open = 1',
      gateway.id,
    );
    return {
      id: gateway.id,
      name: gateway.name,
      state: gateway.online ? 'online' : lastHeardAt === 0 ? 'never' : 'silent',
      lastHeardAt: lastHeardAt === 0 ? null : new Date(lastHeardAt).toISOString(),
      lastNoticeAt: row?.last_notice_at == null ? null : new Date(row.last_notice_at).toISOString(),
      openAlerts: open?.count ?? 0,
      waitingAnswers: waitingAnswers(gateway.id),
    };
  }

  function keep(gateway: Known): void {
    const nowMs = clock.monotonic();
    if (gateway.keptMs !== null && nowMs - gateway.keptMs < keepEveryMs) return;
    gateway.keptMs = nowMs;
    database.write([gatewayWordStatement(gateway.id, clock.now(), false)]).catch((error: unknown) => {
      logger.debug({ gateway: gateway.id, reason: messageOf(error) }, 'last word of a gateway not written');
    });
  }

  const look = (): void => {
    for (const gateway of known.values()) {
      if (!gateway.online || clock.monotonic() - (gateway.heardMs ?? 0) < silentAfterMs) continue;
      gateway.online = false;
      logger.warn({ gateway: gateway.id }, 'gateway silent');
      onChange(report(gateway));
    }
  };

  return {
    heard: (id) => {
      const gateway = known.get(id);
      if (!gateway) return;
      gateway.heardAt = clock.now();
      gateway.heardMs = clock.monotonic();
      keep(gateway);
      if (gateway.online) return;
      gateway.online = true;
      logger.info({ gateway: id }, 'gateway online');
      onChange(report(gateway));
    },
    list: () => [...known.values()].map(report),
    start: () => {
      // A quarter of the time it measures: silence is told at most that much late.
      timer = repeat(clock, Math.max(250, silentAfterMs / 4), look);
    },
    stop: () => timer?.cancel(),
  };
}
