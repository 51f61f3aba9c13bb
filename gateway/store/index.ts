/**
 * The one store: everything that is ever written, as changes, and every question asked of it.
 *
 * takes: changes that belong together
 * gives: a promise that they are on disk; state to go on with; history by page; what is too old
 * keeps: SQLite (one file, WAL, synchronous=FULL) and a reserve file beside it; in memory ids of the last messages
 * never: writes half of a commit, decides what a change means, blocks the event loop on the disk
 * spec: design.md section 2 (acknowledged means stored); standards.md section 8 (retention)
 */
import type { Change, Commit } from '../domain/change.ts';
import type { WebSession } from '../domain/user.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { createDatabase, type DatabaseHealth, type Statement } from '../lib/database/index.ts';
import { GatewayError, isGatewayError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { WireReport } from '../lib/wire.ts';
import { verifyAudit, type AuditVerdict } from './audit.ts';
import { createDeliveryReads, type DeliveryReads } from './deliveries.ts';
import { createFollowUpReads } from './follow-up.ts';
import { createHistory, type History } from './history.ts';
import { migrations } from './migrations/index.ts';
import { retentionOptions, type Retention } from './options.ts';
import { createSeenMessages } from './seen.ts';
import { createState, type State } from './state.ts';
import { statementsOf } from './statements.ts';
import { sweep, type SweepResult } from './sweep.ts';
import { mayUseReserve } from './urgent.ts';

export type { DeliveryQuery, DeliveryRecord, DeliveryTry } from './deliveries.ts';
export type { AuditRow, AuditVerdict } from './audit.ts';
export type { FigureRow } from './follow-up.ts';
export type * from './history.ts';
export { openRecordedEvents, type RecordedEvents, type RecordedQuery, type RecordedShare } from './recorded-events.ts';
export type { Cursor, PageQuery } from './rows.ts';
export type { PendingCount, RuleStateRow } from './state.ts';
export type { SweepResult } from './sweep.ts';

export interface Store extends Component, State, History, FollowUpReads, DeliveryReads {
  /**
   * Writes changes that belong together. Rejects with none of them written: `store.commit-failed` (`facts.disk` says
   * what the disk said) or `store.closed`. While the disk is full it refuses what may not use the reserve.
   */
  readonly commit: Commit;
  /**
   * The same for changes that were worked out from memory which earlier such changes had changed: when one fails, those
   * after it fail too (`facts.chain`), until `onBroken` has been told. `room`'s refusals are the caller's matter here.
   */
  readonly commitInLine: Commit;
  /** Called when a commit in line has failed, before anybody is told: read everything again. */
  onBroken(listener: () => void): void;
  /** What may be written now. */
  readonly room: {
    /** True: only changes for which `allows` says so; the disk is full. */
    short(): boolean;
    allows(changes: readonly Change[]): boolean;
    /** After a commit failed for lack of space: true if it may succeed now, because the reserve has been given up. */
    make(changes: readonly Change[]): Promise<boolean>;
  };
  /** Whether a message with this key is on disk (kept for `retention.messageIds`). A few µs. */
  seen(messageKey: string): boolean;
  webSession(tokenSha256: string, nowMs?: EpochMs): WebSession | undefined;
  /** Reads the whole audit log and checks its chain. */
  verifyAudit(): AuditVerdict;
  /** Deletes a bite of everything that is too old; to be called every minute, and again while not done. */
  sweep(nowMs: EpochMs): Promise<SweepResult>;
  health(): DatabaseHealth;
  report(): WireReport;
}

type FollowUpReads = ReturnType<typeof createFollowUpReads>;

/** Default size of the reserve (design section 2). */
const reserveBytes = 64_000_000;

export function createStore(settings: {
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retention?: Retention;
  /** 64 MB unless given. */
  readonly reserveBytes?: number;
  /** Test: a slow disk. */
  readonly fsyncDelayMs?: number;
  /** Test: a small disk, in pages of 4 096 bytes. */
  readonly maxPages?: number;
  /** Test: file that says what the disk is like (lib/steering.ts). */
  readonly steering?: string | null;
}): Store {
  const { clock } = settings;
  const retention = settings.retention ?? retentionOptions.parse({});
  const database = createDatabase({
    file: settings.file,
    migrations,
    clock,
    logger: settings.logger,
    reserveBytes: settings.reserveBytes ?? reserveBytes,
    fsyncDelayMs: settings.fsyncDelayMs ?? 0,
    ...(settings.maxPages === undefined ? {} : { maxPages: settings.maxPages }),
    steering: settings.steering ?? null,
  });
  const seen = createSeenMessages(database);
  const state = createState(database);
  const history = createHistory(database);
  const followUp = createFollowUpReads(database);

  // Plain promises on the way of every message: an async function for each step makes three where one does.
  const write = (changes: readonly Change[], chained: boolean): Promise<void> => {
    const [only] = changes;
    const statements: Statement[] = only && changes.length === 1 ? statementsOf(only) : changes.flatMap(statementsOf);
    return database.write(statements, { chained, committed: () => seen.committed(changes) });
  };

  const room: Store['room'] = {
    short: () => database.health().spaceShort,
    allows: mayUseReserve,
    make: (changes) => (mayUseReserve(changes) ? database.releaseReserve() : Promise.resolve(false)),
  };

  return {
    ...state,
    ...history,
    ...followUp,
    ...createDeliveryReads(database),
    deliveries: (id) => [...history.deliveries(id), ...followUp.digestDeliveries(id)],
    name: 'store',
    start: async (signal) => {
      await database.start(signal);
      seen.load();
    },
    stop: async () => {
      await seen.stop();
      await database.stop();
    },
    commit: async (changes) => {
      if (room.short() && !room.allows(changes)) throw noSpace();
      try {
        await write(changes, false);
      } catch (error) {
        if (!ranOutOfSpace(error) || !(await room.make(changes))) throw error;
        await write(changes, false);
      }
    },
    commitInLine: (changes) => write(changes, true),
    onBroken: (listener) => database.onChainBroken(listener),
    room,
    seen: (messageKey) => seen.has(messageKey),
    webSession: (tokenSha256, nowMs = clock.now()) => state.webSessionAt(tokenSha256, nowMs),
    verifyAudit: () => verifyAudit(database),
    sweep: async (nowMs) => {
      await seen.merge();
      return sweep(database, retention, nowMs);
    },
    health: () => database.health(),
    report: () => database.report(),
  };
}

/** Refused without a try: what is left is kept for red and orange alerts. */
export function noSpace(): GatewayError {
  return new GatewayError('store.commit-failed', 'the disk is full; only red and orange alerts are written', {
    facts: { disk: 'SQLITE_FULL', chain: false },
    retryable: true,
  });
}

function ranOutOfSpace(error: unknown): boolean {
  return isGatewayError(error, 'store.commit-failed') && error.facts['disk'] === 'SQLITE_FULL';
}
