import { InfluxDB, type IPoint } from 'influx';
import type { Clock } from '../lib/clock.ts';
import { codeOf, messageOf } from '../lib/errors.ts';
import type { InfluxOptions } from './options.ts';

/** What came of a write. `refused`: these points will never be taken, however often they are sent. */
export type WriteResult =
  | { readonly kind: 'written' }
  | { readonly kind: 'away'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

export interface InfluxClient {
  write(points: readonly IPoint[]): Promise<WriteResult>;
}

/** An answer that takes longer is none. Also the longest that stopping may wait. */
const answerWithinMs = 5000;

/** One try is one try: waiting and trying again is the exporter's matter. */
const noBackoff = { getDelay: () => 0, next: () => noBackoff, reset: () => noBackoff };

export function createInfluxClient(options: InfluxOptions, password: string | null, clock: Clock): InfluxClient {
  const { protocol, hostname, port } = new URL(options.url);
  const { database } = options;
  const client = new InfluxDB({
    protocol: protocol === 'https:' ? 'https' : 'http',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 8086 : Number(port),
    database,
    ...(options.username === undefined ? {} : { username: options.username, password: password ?? '' }),
    pool: { backoff: noBackoff, maxRetries: 0, requestTimeout: answerWithinMs },
  });
  const timely = <Value>(work: Promise<Value>): Promise<Value> => {
    let late = (): void => undefined;
    // The client never settles when a connection breaks in the middle of an answer.
    const timer = clock.after(answerWithinMs, () => late());
    const deadline = new Promise<never>((_resolve, reject) => {
      late = () => reject(new Error(`no answer within ${answerWithinMs} ms`));
    });
    return Promise.race([work, deadline]).finally(() => timer.cancel());
  };
  const tried = async (points: readonly IPoint[]): Promise<number | string> => {
    try {
      await timely(client.writePoints([...points], { database, precision: 'ms' }));
      return 204;
    } catch (error) {
      return statusOf(error) ?? codeOf(error) ?? messageOf(error);
    }
  };
  return {
    write: async (points) => {
      let answer = await tried(points);
      if (answer === 404) {
        // The database is not there (yet, or any more). Making one that is there changes nothing.
        await timely(client.createDatabase(database)).catch(() => undefined);
        answer = await tried(points);
      }
      if (answer === 204) return { kind: 'written' };
      const reason = typeof answer === 'number' ? `InfluxDB answers ${answer}` : answer;
      // 400: a field of another type, or older than the database keeps. 413: too much at once.
      return answer === 400 || answer === 413 ? { kind: 'refused', reason } : { kind: 'away', reason };
    },
  };
}

/** Status of an answer that was no success, where the client's error holds one. */
function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('res' in error)) return null;
  const { res } = error;
  if (typeof res !== 'object' || res === null || !('statusCode' in res)) return null;
  return typeof res.statusCode === 'number' ? res.statusCode : null;
}
