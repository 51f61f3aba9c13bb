import { canaryDataSchema, type CanaryData } from '../domain/notice.ts';
import { repeat, type Clock, type EpochMs, type MonotonicMs, type Timer } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { isoOrNull } from './alert-queries.ts';
import type { DeskData } from './data/desk-data.ts';
import type { GatewayBook, GatewayEntry } from './gateway-book.ts';
import { gatewayWordStatement } from './notice-statements.ts';
import { inScope, type Scope } from './scope.ts';
import type { DeskGateway } from './shapes-gateways.ts';

/** How often polls alone are written down: after a restart the last word may be this much too old. */
const keepEveryMs = 60_000;
/** A gateway's clock that is further off than this makes times on alerts doubtful; signatures fail at 300 s. */
const clockOffMs = 30_000;
/** Below this the gateway soon cannot keep pictures any more. */
const diskLowRatio = 0.05;
/** Canaries come every minute by default (`alerts.canary.every`); what a gateway said of itself is old after three times that. */
const canaryLateMs = 15 * 60_000;

export interface GatewayWatch {
  /** A signed word of a gateway came in. */
  heard(gateway: string): void;
  list(scope: Scope): Promise<DeskGateway[]>;
  /** One gateway, anew, to those who look. */
  tell(gateway: string): Promise<void>;
  start(): void;
  stop(): void;
}

interface Known {
  readonly id: string;
  heardAt: EpochMs | null;
  /** When it was heard in this process's life: silence is told by a clock that does not jump. */
  heardMs: MonotonicMs | null;
  keptMs: MonotonicMs | null;
  online: boolean;
  /** Its silence has been made an alert of. */
  alerted: boolean;
}

interface WordRow {
  readonly gateway: string;
  readonly last_heard_at: EpochMs;
  readonly last_notice_at: EpochMs | null;
  readonly last_canary_at: EpochMs | null;
  readonly said: string | null;
  readonly said_at: EpochMs | null;
}

/** Knows when each gateway was last heard, and says when one falls silent or comes back. */
export function createGatewayWatch(options: {
  readonly book: GatewayBook;
  readonly data: DeskData;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly silentAfterMs: number;
  /** After this long its silence is an alert. */
  readonly alertAfterMs: number;
  readonly waitingAnswers: () => Promise<ReadonlyMap<string, number>>;
  readonly onChange: (gateway: DeskGateway) => void;
  /** `since`: its last word. Rejects when it could not be stored; it is called again then. */
  readonly onSilent: (gateway: GatewayEntry, since: EpochMs) => Promise<void>;
  readonly onBack: (gateway: GatewayEntry) => Promise<void>;
}): GatewayWatch {
  const { book, data, clock, logger, silentAfterMs, alertAfterMs, waitingAnswers, onChange } = options;
  const known = new Map<string, Known>();
  let timer: Timer | null = null;
  let startedMs: MonotonicMs = clock.monotonic();

  const of = (id: string): Known => {
    const found = known.get(id);
    if (found) return found;
    const made: Known = { id, heardAt: null, heardMs: null, keptMs: null, online: false, alerted: false };
    known.set(id, made);
    return made;
  };

  function faultsOf(entry: GatewayEntry, row: WordRow | undefined, said: DeskGateway['said'], silent: boolean) {
    if (entry.revokedAt !== null) return ['revoked' as const];
    const faults: DeskGateway['faults'] = [];
    if (silent) faults.push('silent');
    if (!silent && row?.last_canary_at != null && clock.now() - row.last_canary_at > canaryLateMs)
      faults.push('canary');
    if (!said) return faults;
    if (Math.abs(said.clockOffsetMs) > clockOffMs) faults.push('clock');
    if (said.disk && said.disk.freeBytes < diskLowRatio * said.disk.totalBytes) faults.push('disk');
    if (said.cameras.blind.length > 0) faults.push('cameras');
    if (said.devices.silent > 0) faults.push('devices');
    if (!said.healthy) faults.push('unhealthy');
    return faults;
  }

  function parseSaid(row: WordRow | undefined): { said: DeskGateway['said']; state: CanaryData['state'] } {
    if (row?.said == null || row.said_at === null) return { said: null, state: undefined };
    const parsed = canaryDataSchema.safeParse(JSON.parse(row.said));
    const state = parsed.success ? parsed.data.state : undefined;
    if (!parsed.success || !state) return { said: null, state: undefined };
    return {
      said: {
        at: new Date(row.said_at).toISOString(),
        version: state.version,
        healthy: state.healthy,
        clockOffsetMs: Date.parse(parsed.data.sentAt) - row.said_at,
        disk: state.disk,
        cameras: state.cameras,
        devices: state.devices,
      },
      state,
    };
  }

  async function report(entries: readonly GatewayEntry[]): Promise<DeskGateway[]> {
    const [words, open, silences, plans, waiting] = await Promise.all([
      data.all<WordRow>('SELECT * FROM gateway_word'),
      data.all<{ gateway: string; count: number }>(
        'SELECT gateway, count(*) AS count FROM alert WHERE open = 1 GROUP BY gateway',
      ),
      data.all<{ gateway: string; id: string }>('SELECT gateway, id FROM alert WHERE open = 1 AND own = 1'),
      data.all<{ gateway: string }>('SELECT gateway FROM plan'),
      waitingAnswers(),
    ]);
    const wordOf = new Map(words.map((row) => [row.gateway, row]));
    const openOf = new Map(open.map((row) => [row.gateway, row.count]));
    const silenceOf = new Map(silences.map((row) => [row.gateway, row.id]));
    const planned = new Set(plans.map(({ gateway }) => gateway));
    return entries.map((entry) => {
      const seen = of(entry.id);
      const row = wordOf.get(entry.id);
      const lastHeardAt = Math.max(seen.heardAt ?? 0, row?.last_heard_at ?? 0);
      const state =
        entry.revokedAt !== null ? 'revoked' : seen.online ? 'online' : lastHeardAt === 0 ? 'never' : 'silent';
      const { said, state: told } = parseSaid(row);
      return {
        id: entry.id,
        name: entry.name,
        state,
        silentSince: state === 'silent' ? new Date(lastHeardAt).toISOString() : null,
        lastHeardAt: lastHeardAt === 0 ? null : new Date(lastHeardAt).toISOString(),
        lastNoticeAt: isoOrNull(row?.last_notice_at ?? null),
        lastCanaryAt: isoOrNull(row?.last_canary_at ?? null),
        openAlerts: openOf.get(entry.id) ?? 0,
        waitingAnswers: waiting.get(entry.id) ?? 0,
        faults: faultsOf(entry, row, said, state === 'silent'),
        said,
        recipients: told?.recipients ?? [],
        silentAlertId: silenceOf.get(entry.id) ?? null,
        joined: entry.joined,
        joinedAt: isoOrNull(entry.joinedAt),
        keysChangedAt: isoOrNull(entry.keysChangedAt),
        rotating: entry.rotating,
        hasPlan: planned.has(entry.id),
      } satisfies DeskGateway;
    });
  }

  async function tell(id: string): Promise<void> {
    const entry = book.entry(id);
    if (!entry) return;
    try {
      const [gateway] = await report([entry]);
      if (gateway) onChange(gateway);
    } catch (error) {
      logger.debug({ gateway: id, reason: messageOf(error) }, 'state of a gateway not read');
    }
  }

  function keep(gateway: Known): void {
    const nowMs = clock.monotonic();
    if (gateway.keptMs !== null && nowMs - gateway.keptMs < keepEveryMs) return;
    gateway.keptMs = nowMs;
    data.write([gatewayWordStatement(gateway.id, clock.now(), false)]).catch((error: unknown) => {
      logger.debug({ gateway: gateway.id, reason: messageOf(error) }, 'last word of a gateway not written');
    });
  }

  async function settle(entry: GatewayEntry, seen: Known, silent: boolean): Promise<void> {
    if (silent === seen.alerted) return;
    seen.alerted = silent;
    try {
      if (silent) {
        const row = await data.get<WordRow>('SELECT * FROM gateway_word WHERE gateway = ?', entry.id);
        const since = Math.max(seen.heardAt ?? 0, row?.last_heard_at ?? 0);
        // One that was never heard is not silent: it has not been set up yet.
        if (since > 0) await options.onSilent(entry, since as EpochMs);
      } else await options.onBack(entry);
    } catch (error) {
      seen.alerted = !silent;
      logger.error({ gateway: entry.id, reason: messageOf(error) }, 'silence of a gateway could not be stored');
    }
  }

  async function look(): Promise<void> {
    const nowMs = clock.monotonic();
    for (const entry of book.all()) {
      const seen = of(entry.id);
      // What was silent before this process began is given the same time from then on.
      const silentMs = nowMs - (seen.heardMs ?? startedMs);
      if (seen.online && (silentMs >= silentAfterMs || entry.revokedAt !== null)) {
        seen.online = false;
        if (entry.revokedAt === null) logger.warn({ gateway: entry.id }, 'gateway silent');
        await tell(entry.id);
      }
      if (entry.revokedAt === null) await settle(entry, seen, !seen.online && silentMs >= alertAfterMs);
    }
  }

  return {
    heard: (id) => {
      const entry = book.entry(id);
      if (!entry) return;
      const gateway = of(id);
      gateway.heardAt = clock.now();
      gateway.heardMs = clock.monotonic();
      keep(gateway);
      if (gateway.online) return;
      gateway.online = true;
      logger.info({ gateway: id }, 'gateway online');
      void tell(id);
      // Also one whose silence was told of before this process began.
      gateway.alerted = true;
      void settle(entry, gateway, false);
    },
    list: (scope) => report(book.all().filter(({ id }) => inScope(scope, id))),
    tell,
    start: () => {
      startedMs = clock.monotonic();
      // A quarter of the time it measures: silence is told at most that much late.
      timer = repeat(clock, Math.max(250, Math.min(silentAfterMs, alertAfterMs) / 4), look);
    },
    stop: () => timer?.cancel(),
  };
}
