import { z } from 'zod';
import { durationMs } from '../lib/quantities.ts';

const influxOptions = z
  .strictObject({
    url: z
      .string()
      .regex(/^https?:\/\/[^\s/@?#]+\/?$/, {
        error: 'an address such as http://127.0.0.1:8086, without user name, password and path',
      })
      .describe('Where InfluxDB 1.x answers; port 8086 where none is named'),
    database: z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, { error: 'a name of letters, digits, _ . and -, at most 64' })
      .default('kanmen')
      .describe('Name of the database; made if it is not there'),
    username: z.string().min(1).optional().describe('User name at InfluxDB, if it wants one'),
    passwordFile: z.string().min(1).optional().describe('File that holds the password at InfluxDB'),
    batchSize: z
      .int()
      .min(1)
      .max(10_000)
      // 200 readings: 36 kB of line protocol, 4 ms of the main thread (p50; 500: 12 ms), where alarms pass, too.
      .default(200)
      .describe('Most events read and written at once (1 to 10000, default 200)'),
    interval: durationMs({
      default: '5s',
      min: '100ms',
      max: '1h',
      describe: 'How long it waits for new readings after it has written all there were',
    }),
  })
  .describe('An InfluxDB 1.x that gets every reading as a point; absent: none does');
export type InfluxOptions = z.output<typeof influxOptions>;

/** `series{…}`: readings as time series beside the database. SQLite stays the truth. */
export const seriesOptions = z
  .strictObject({ influx: influxOptions.optional() })
  .describe('Readings as time series, for charts over years and many compounds');
export type SeriesOptions = z.output<typeof seriesOptions>;
