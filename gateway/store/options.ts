import { z } from 'zod';
import { durationMs, sizeBytes } from '../lib/quantities.ts';

const kept = (what: string, standard: string, min: string, max: string) =>
  durationMs({ default: standard, min, max, describe: `How long ${what} are kept` });

/** Defaults and ceilings: standards.md section 8 (30 days for gate video, faces 72 h, logs at least 6 months). */
export const retentionOptions = z.strictObject({
  passages: kept('passages and their pictures', '30d', '1d', '365d'),
  faces: kept('pictures that show faces and belong to no alert', '72h', '1h', '30d'),
  readings: kept('readings of piles and sensors', '30d', '1d', '400d'),
  events: kept('events other than readings and passages', '400d', '7d', '1100d'),
  sessions: kept('charging sessions', '400d', '30d', '1100d'),
  alerts: kept('closed alerts with all that belongs to them', '400d', '180d', '1100d'),
  audit: kept('lines of the audit log', '400d', '180d', '1100d'),
  quarantine: kept('messages that could not be understood', '30d', '1d', '90d'),
  messageIds: kept('ids by which a repeated message is known', '7d', '7d', '30d'),
});
export type Retention = z.output<typeof retentionOptions>;

/** What is given up first when the disk fills, the least worth first; red and orange alerts never are. */
export const sheddingOrder = ['clips', 'pictures', 'passages', 'readings'] as const;
export type SpaceUse = (typeof sheddingOrder)[number];

const floor = (fallback: string, what: string) =>
  sizeBytes({ default: fallback, min: '0B', max: '10TB', describe: `With less free space than this ${what}` });

/** Floors of free space. Each is lower than the one before, so that things go in the order of their worth. */
export const spaceOptions = z
  .strictObject({
    warn: floor('1GB', 'people are told (event disk-low), and nothing is refused yet'),
    clips: floor('600MB', 'no clips are kept'),
    pictures: floor('400MB', 'no pictures of passages are kept either'),
    passages: floor('250MB', 'no passages are taken either, but those that an alert or a rule’s memory rests on'),
    readings: floor(
      '150MB',
      'no readings are acknowledged either, but those that an alert or a rule’s memory rests on',
    ),
  })
  .superRefine((floors, context) => {
    const order = ['warn', ...sheddingOrder] as const;
    order.slice(1).forEach((use, index) => {
      const before = order[index] ?? 'warn';
      if (floors[use] > floors[before])
        context.addIssue({
          code: 'custom',
          path: [use],
          message: `must not be more than ${before}: what is worth less goes first`,
          params: { says: 'fault' },
        });
    });
  })
  .prefault({})
  .describe('What is given up as the disk fills, in order of worth');
export type SpaceOptions = z.output<typeof spaceOptions>;

export const storeOptions = z.strictObject({
  space: spaceOptions,
  reserve: sizeBytes({
    default: '64MB',
    min: '0B',
    max: '1GB',
    describe: 'Size of the file that is given up for red and orange alerts when the disk is full',
  }),
});
export type StoreOptions = z.output<typeof storeOptions>;
