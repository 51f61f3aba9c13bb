import type { IPoint } from 'influx';
import type { Change, Commit } from '../domain/change.ts';
import type { SiteId } from '../domain/ids.ts';
import { backoffMs, type BackoffPolicy } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { pause } from '../lib/pause.ts';
import type { Random } from '../lib/random.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import { createWireMeter, type WireReport } from '../lib/wire.ts';
import type { SeriesReads } from './collaborators.ts';
import type { InfluxClient } from './influx-client.ts';
import type { InfluxOptions } from './options.ts';
import { pointOf } from './points.ts';

export interface SeriesExporter extends Component {
  /** `depth`: stored events that have not been looked at yet. */
  report(): WireReport;
}

const retry: BackoffPolicy = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.5 };

/**
 * Copies every stored reading to InfluxDB, in the order of the store, behind a position that is kept in the store. It
 * reads what is committed, so it never holds up the line and loses nothing while InfluxDB is away: the position only
 * moves when the points are there. After a crash between the two it writes the same points once more, which changes
 * nothing.
 */
export function createSeriesExporter(given: {
  readonly options: InfluxOptions;
  readonly site: SiteId;
  readonly client: InfluxClient;
  readonly reads: SeriesReads;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): SeriesExporter {
  const { options, site, client, reads, commit, clock, random, logger } = given;
  const meter = createWireMeter('store → InfluxDB', null);
  const warn = createRepeatedFault(clock, (key, count, facts) => logger.warn({ ...facts, count }, key));
  const stopping = new AbortController();
  let position = 0;
  let running: Promise<void> = Promise.resolve();

  /** Waits out one failure. */
  const wait = async (attempt: number): Promise<void> => {
    const since = clock.monotonic();
    await pause(
      clock,
      backoffMs(retry, attempt, () => random.unit()),
      stopping.signal,
    );
    meter.waited(clock.monotonic() - since);
  };

  /** False: asked to stop before the points were there. */
  const write = async (points: readonly IPoint[]): Promise<boolean> => {
    if (points.length === 0) return true;
    for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
      const result = await client.write(points);
      if (result.kind === 'written') {
        meter.enter(points.length);
        meter.leave(points.length);
        if (attempt > 1) logger.info({ tries: attempt }, 'time series are written again');
        return true;
      }
      if (result.kind === 'refused') return writeApart(points, result.reason);
      warn('time series cannot be written', { reason: result.reason });
      await wait(attempt);
    }
    return false;
  };

  /** One point that InfluxDB will never take must not keep all others back: halves until it stands alone. */
  const writeApart = async (points: readonly IPoint[], reason: string): Promise<boolean> => {
    if (points.length === 1) {
      meter.drop();
      warn('a point was refused', { reason, measurement: points[0]?.measurement, tags: points[0]?.tags });
      return true;
    }
    const middle = Math.ceil(points.length / 2);
    return (await write(points.slice(0, middle))) && (await write(points.slice(middle)));
  };

  /** Writes what stands after the position; true if there may be more at once. */
  const step = async (): Promise<boolean> => {
    const page = reads.readings(position, options.batchSize);
    if (page.last === null) {
      // The store numbers anew when its newest events have been deleted for their age. What is left goes out again.
      if (reads.newestEvent() < position) await moveTo(0);
      return false;
    }
    const points = page.readings.flatMap((reading) => pointOf(reading, site) ?? []);
    if (!(await write(points))) return false;
    await moveTo(page.last);
    return page.events === options.batchSize;
  };
  const moveTo = async (to: number): Promise<void> => {
    const moved: Change = { kind: 'series-exported', position: to };
    await commit([moved]);
    position = to;
  };

  const run = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted;) {
      try {
        const more = await step();
        failures = 0;
        if (!more) await pause(clock, options.interval, stopping.signal);
      } catch (error) {
        failures += 1;
        warn('time series fall behind', { reason: messageOf(error) });
        await wait(failures);
      }
    }
  };

  return {
    name: 'series',
    start: () => {
      position = reads.seriesPosition();
      running = run();
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    report: () => ({ ...meter.report(), depth: Math.max(0, reads.newestEvent() - position) }),
  };
}
