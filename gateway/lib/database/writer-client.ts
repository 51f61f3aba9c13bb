import { Worker } from 'node:worker_threads';
import { GatewayError, messageOf } from '../errors.ts';
import { workerUrl } from '../worker-url.ts';
import type { Statement } from './index.ts';
import {
  callHead,
  chainFault,
  type Fault,
  type GroupAnswer,
  type GroupMessage,
  type OpenAnswer,
  type WriterData,
} from './protocol.ts';
import type { SqlValue } from './sqlite.ts';

export type WriteFault = Fault;

/** Called once: with null when the call is on disk, else with why nothing of it is. */
type Written = (fault: WriteFault | null) => void;

interface Call {
  readonly chained: boolean;
  readonly done: Written;
  /** Where it ends in `GroupMessage.calls`. */
  readonly end: number;
}

/** The calling thread's side of the writer: gathers calls into groups, one group on its way at a time. */
export interface WriterClient {
  /** Starts the thread; throws what `Database.start` throws. */
  open(): Promise<void>;
  /** Never calls `done` before it returns. */
  write(statements: readonly Statement[], chained: boolean, done: Written): void;
  /** Waits for what was accepted, then ends the thread. */
  close(): Promise<void>;
}

export function createWriterClient(options: {
  readonly data: WriterData;
  /** Called after each group: null when writing works, else why nothing of the group was written. */
  readonly onGroup: (fault: WriteFault | null) => void;
  /** A chained call failed; called before any caller is told and before anything else is written. */
  readonly onChainBroken: () => void;
  /** The thread ended by itself; it is started again for the next group. */
  readonly onLost: (reason: string) => void;
}): WriterClient {
  const numbers = new Map<string, number>();
  let unsentSql: string[] = [];
  let waiting: Call[] = [];
  /** Their values, laid out for the writer as they come: what waits in thousands is kept small. */
  let values: SqlValue[] = [];
  let inFlight: Call[] | null = null;
  let worker: Worker | null = null;
  let opening: Promise<void> | null = null;
  let scheduled = false;
  let drained: (() => void) | null = null;

  const isIdle = (): boolean => inFlight === null;

  const numberOf = (sql: string): number => {
    const known = numbers.get(sql);
    if (known !== undefined) return known;
    const number = numbers.size;
    numbers.set(sql, number);
    unsentSql.push(sql);
    return number;
  };

  const settle = (answer: GroupAnswer): void => {
    const group = inFlight ?? [];
    inFlight = null;
    const failed = answer?.kind === 'some-failed' ? new Map(answer.failed) : null;
    const faultAt = (position: number): Fault | undefined =>
      answer?.kind === 'all-failed' ? answer.fault : failed?.get(position);
    options.onGroup(answer?.kind === 'all-failed' ? answer.fault : null);
    let stale: Call[] = [];
    if (answer !== null && group.some((call, position) => call.chained && faultAt(position))) {
      // What waits was made before anyone could know.
      stale = waiting.filter((call) => call.chained);
      keepUnchained();
      options.onChainBroken();
    }
    // The next group leaves before this one is settled, so that the disk is busy while the callers go on.
    post();
    group.forEach((call, position) => call.done(faultAt(position) ?? null));
    for (const call of stale) call.done(chainFault);
    if (waiting.length === 0 && isIdle()) drained?.();
  };

  const keepUnchained = (): void => {
    const [calls, laidOut] = [waiting, values];
    waiting = [];
    values = [];
    let start = 0;
    for (const call of calls) {
      if (!call.chained) {
        for (let at = start; at < call.end; at += 1) values.push(laidOut[at] ?? null);
        waiting.push({ ...call, end: values.length });
      }
      start = call.end;
    }
  };

  const lost = (gone: Worker, reason: string): void => {
    if (worker !== gone) return;
    worker = null;
    unsentSql = [...numbers.keys()];
    options.onLost(reason);
    // Whether the group reached the disk is not known here: a caller that tries again is told apart by its ids.
    if (inFlight)
      settle({
        kind: 'all-failed',
        fault: { message: `the writer thread ended: ${reason}`, chain: false, disk: 'THREAD' },
      });
  };

  const launch = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const started = new Worker(workerUrl(import.meta.url, 'writer'), {
        workerData: options.data,
        // The process's own flags may be such as a thread refuses (`--input-type`).
        execArgv: [],
      });
      worker = started;
      started.once('message', (answer: OpenAnswer) => {
        if (answer.kind === 'refused') {
          worker = null;
          reject(new GatewayError(answer.code, `${options.data.file}: ${answer.message}`));
          return;
        }
        started.on('message', settle);
        resolve();
      });
      const ended = (reason: string): void => {
        reject(new GatewayError('store.commit-failed', `the writer thread ended: ${reason}`));
        lost(started, reason);
      };
      started.once('error', (error) => ended(messageOf(error)));
      started.once('exit', (code) => ended(`exit code ${code}`));
    });

  const post = (): void => {
    if (inFlight !== null || waiting.length === 0) return;
    inFlight = waiting;
    const message: GroupMessage = { newSql: unsentSql, calls: values };
    waiting = [];
    values = [];
    unsentSql = [];
    if (worker && !opening) worker.postMessage(message);
    else reopenFor(message);
  };

  /** Brings the thread back for a group that found it gone. */
  const reopenFor = (message: GroupMessage): void => {
    opening ??= launch().finally(() => {
      opening = null;
    });
    opening.then(
      () => worker?.postMessage(message),
      (error: unknown) => {
        unsentSql = [...numbers.keys()];
        settle({ kind: 'all-failed', fault: { message: messageOf(error), chain: false, disk: 'THREAD' } });
      },
    );
  };

  return {
    open: launch,
    write: (statements, chained, done) => {
      values.push(callHead.of(statements.length, chained));
      for (const { sql, params } of statements) {
        values.push(numberOf(sql), params.length);
        for (const value of params) values.push(value);
      }
      waiting.push({ chained, done, end: values.length });
      if (scheduled || inFlight !== null) return;
      // One turn: everything that the sockets have brought by now shares the transaction; nothing is waited for.
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        post();
      });
    },
    close: async () => {
      if (inFlight !== null || waiting.length > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
      }
      const closing = worker;
      worker = null;
      if (!closing) return;
      const exited = new Promise((resolve) => closing.once('exit', resolve));
      closing.postMessage('close');
      await exited;
    },
  };
}
