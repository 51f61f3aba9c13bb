/**
 * Readings as time series in InfluxDB 1.x, beside the database, which stays the truth.
 *
 * takes: stored readings in the order of the store, from where it last came to
 * gives: points (measurement by kind; tags site, area, device, port; fields with units; capture time in ms)
 * keeps: its position, in the store
 * never: holds up the line, loses a reading while InfluxDB is away, writes a reading twice as two points
 * spec: InfluxDB 1.8 line protocol and /write; design section 2 (series)
 */
import { readFileSync } from 'node:fs';
import type { Commit } from '../domain/change.ts';
import type { SiteId } from '../domain/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { codeOf, GatewayError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { SeriesReads } from './collaborators.ts';
import { createSeriesExporter, type SeriesExporter } from './exporter.ts';
import { createInfluxClient } from './influx-client.ts';
import type { SeriesOptions } from './options.ts';

export type { Reading, ReadingPage, SeriesReads } from './collaborators.ts';
export type { SeriesExporter } from './exporter.ts';
export { pointOf } from './points.ts';
export { seriesOptions, type SeriesOptions } from './options.ts';

/** The exporter that the options ask for; null where they ask for none. Throws `config.secret-missing`. */
export function createSeries(given: {
  readonly options: SeriesOptions;
  readonly site: SiteId;
  readonly reads: SeriesReads;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): SeriesExporter | null {
  const { influx } = given.options;
  if (influx === undefined) return null;
  const password = influx.passwordFile === undefined ? null : readPassword(influx.passwordFile);
  return createSeriesExporter({
    ...given,
    options: influx,
    client: createInfluxClient(influx, password, given.clock),
  });
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new GatewayError(
      'config.secret-missing',
      `the password of InfluxDB cannot be read: ${file} (${codeOf(error) ?? 'unknown'})`,
      { facts: { file }, cause: error },
    );
  }
}
