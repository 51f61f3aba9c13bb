/**
 * SQLite with one writer thread, group commit and a read connection on the calling thread.
 *
 * An fsync takes 5 to 50 ms on a box's eMMC; in a thread of its own it holds up nobody. Whatever is written while one
 * transaction runs goes into the next one; a commit never waits for a next call (design section 2).
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../clock.ts';
import type { Component } from '../component.ts';
import { GatewayError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { createRepeatedFault } from '../repeated-fault.ts';
import { createWireMeter, type WireReport } from '../wire.ts';
import type { Migration } from './migrate.ts';
import { writeProbe } from './probe.ts';
import { openReader, type Reader } from './reader.ts';
import { createReserve } from './reserve.ts';
import type { SqlValue } from './sqlite.ts';
import { createWriterClient, type WriteFault } from './writer-client.ts';

export type { Migration } from './migrate.ts';
export type { SqlValue } from './sqlite.ts';

/** SQL with its values. Texts are kept for good once seen: build them from constants, never from values. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

export interface WriteOptions {
  readonly chained: boolean;
  /** Called when it is on disk, before the promise resolves: a step less for what comes by the thousand. */
  readonly committed?: () => void;
}

export interface DatabaseHealth {
  /** False from a commit that failed for the disk's sake until one has gone through again; tried every second. */
  readonly healthy: boolean;
  /** What the disk said; null while healthy. */
  readonly fault: string | null;
  /** The disk was full and the reserve does not stand again yet: write only what cannot wait. */
  readonly spaceShort: boolean;
}

export interface Database extends Component {
  /**
   * Resolves when a commit that holds all these statements is on disk. Rejects with none of them written:
   * `store.commit-failed` (`facts.disk` names SQLite's code where the disk is at fault; then it is retryable) or
   * `store.closed`. Group commit in the writer thread; a commit never waits for the next call.
   *
   * A chained write builds on every chained write called before it: when one fails, those called after it and before its
   * failure was told to `onChainBroken` fail too (`facts.chain`), so that nothing is written that rests on what was not.
   */
  write(statements: readonly Statement[], options?: WriteOptions): Promise<void>;
  /** Calls `listener` when a chained write has failed, before any caller is told: the place to forget and read again. */
  onChainBroken(listener: () => void): void;
  /** Rows from the read-only connection of the calling thread; sees every write that has resolved. Statements are cached. */
  all<Row>(sql: string, ...params: SqlValue[]): Row[];
  /** First row, or undefined. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names the row that its SQL makes
  get<Row>(sql: string, ...params: SqlValue[]): Row | undefined;
  health(): DatabaseHealth;
  /** Gives up the reserve file, so that a little more can be written. False if there was none left to give. */
  releaseReserve(): Promise<boolean>;
  report(): WireReport;
}

export interface DatabaseSettings {
  readonly file: string;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Size of the file that is given up when space runs out; made in the background. 0 (default) for none. */
  readonly reserveBytes?: number;
  /** Test: a slow disk; added to every commit in the writer thread. */
  readonly fsyncDelayMs?: number;
  /** Test: a small disk, in pages of 4 096 bytes. */
  readonly maxPages?: number;
  /** Test: file that says what the disk is like (lib/steering.ts). */
  readonly steering?: string | null;
}

/** How often writing is tried again while it does not work. */
const probeMs = 1000;

/**
 * `start` opens and migrates the file and throws `store.too-new`, `store.corrupt` or `store.commit-failed` (a file that
 * cannot be written); `stop` commits what was accepted before it.
 */
export function createDatabase(settings: DatabaseSettings): Database {
  const { file, clock, logger } = settings;
  const meter = createWireMeter('store', null);
  const reserve = createReserve(`${file}.reserve`, settings.reserveBytes ?? 0);
  const closing = new AbortController();
  const chainListeners: (() => void)[] = [];
  let reader: Reader | null = null;
  let fault: string | null = null;
  let spaceShort = false;
  let accepting = false;
  let probe: Timer | null = null;
  let reserveWork: Promise<void> = Promise.resolve();

  const noteFault = createRepeatedFault(clock, (disk, count, facts) =>
    logger.error({ disk, count, file, ...facts }, 'database cannot be written'),
  );

  const writer = createWriterClient({
    data: {
      file,
      migrations: settings.migrations,
      fsyncDelayMs: settings.fsyncDelayMs ?? 0,
      maxPages: settings.maxPages ?? null,
      steering: settings.steering ?? null,
    },
    onGroup: (diskFault) => {
      if (diskFault === null) {
        if (fault !== null) logger.info({ file }, 'database can be written again');
        fault = null;
        return;
      }
      fault = diskFault.message;
      if (diskFault.disk === 'SQLITE_FULL') spaceShort = true;
      noteFault(diskFault.disk ?? 'thread', { reason: diskFault.message });
      scheduleProbe();
    },
    onChainBroken: () => {
      for (const listener of chainListeners) listener();
    },
    onLost: (reason) => noteFault('thread', { reason }),
  });

  const ensureReserve = (): Promise<void> => {
    reserveWork = reserveWork.then(async () => {
      try {
        const stands = await reserve.ensure(closing.signal);
        if (stands) spaceShort = false;
        else if (!closing.signal.aborted) {
          if (!spaceShort) logger.error({ file }, 'no room for the reserve file');
          spaceShort = true;
          scheduleProbe();
        }
      } catch (error) {
        spaceShort = true;
        noteFault('reserve', { reason: messageOf(error) });
        scheduleProbe();
      }
    });
    return reserveWork;
  };

  function scheduleProbe(): void {
    if (probe !== null || closing.signal.aborted) return;
    probe = clock.after(probeMs, () => {
      probe = null;
      writer.write([writeProbe(clock.now())], false, (writeFault) => {
        if (writeFault !== null) scheduleProbe();
        // Room for the commit is there again; for the reserve perhaps too.
        else if (spaceShort) void ensureReserve();
      });
    });
  }

  const toError = (writeFault: WriteFault): GatewayError =>
    new GatewayError('store.commit-failed', `not written: ${writeFault.message}`, {
      facts: { disk: writeFault.disk, chain: writeFault.chain, file },
      retryable: writeFault.disk !== null || writeFault.chain,
    });

  const opened = (): Reader => {
    if (!reader) throw new GatewayError('store.closed', 'the database is not open');
    return reader;
  };

  return {
    name: 'database',
    start: async () => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      await writer.open();
      reader = await openReader(file);
      accepting = true;
      void ensureReserve();
    },
    stop: async () => {
      accepting = false;
      closing.abort();
      probe?.cancel();
      await writer.close();
      await reserveWork;
      reader?.close();
      reader = null;
    },
    write: (statements, writeOptions) => {
      if (!accepting) {
        return Promise.reject(new GatewayError('store.closed', 'the database is stopping; nothing more is accepted'));
      }
      if (statements.length === 0) return Promise.resolve();
      meter.enter();
      return new Promise((resolve, reject) => {
        writer.write(statements, writeOptions?.chained ?? false, (writeFault) => {
          meter.leave();
          if (writeFault === null) {
            writeOptions?.committed?.();
            resolve();
            return;
          }
          meter.drop();
          reject(toError(writeFault));
        });
      });
    },
    onChainBroken: (listener) => {
      chainListeners.push(listener);
    },
    all: (sql, ...params) => opened().all(sql, params),
    get: (sql, ...params) => opened().get(sql, params),
    health: () => ({ healthy: fault === null, fault, spaceShort }),
    releaseReserve: async () => {
      spaceShort = true;
      await reserveWork;
      const given = await reserve.release();
      if (given) logger.error({ file }, 'reserve file given up');
      scheduleProbe();
      return given;
    },
    report: () => meter.report(),
  };
}
