import { z } from 'zod';
import { zoneUses } from '../domain/event.ts';
import { idPattern } from '../domain/ids.ts';
import { durationMs } from '../lib/quantities.ts';
import { areaOf, crossingSides } from './polygon.ts';

/** What a zone may be for: `reading` and `ignore` say what is looked at, the others are watched for what comes to stand. */
export const zonePurposes = ['reading', 'ignore', ...zoneUses] as const;

const share = z
  .number({ error: 'a number from 0 to 1' })
  .min(0)
  .max(1)
  .describe("A share of the picture's width (first) or height (second)");

const point = z
  .tuple([share, share], {
    error: 'a point [x, y]: shares of the picture from its top left corner, 0 to 1; a pixel divided by width or height',
  })
  .describe('[x, y] from the top left corner of the picture, each 0 to 1');

/** Less than this is a slip of the hand: 1/1000 of the picture is 40 × 23 px of 1280 × 720. */
const leastArea = 0.001;

/** One zone drawn in a camera's picture. */
export const zoneOptions = z
  .strictObject({
    id: z
      .string()
      .regex(idPattern, { error: 'an id of letters, digits, _, . and -, at most 64, beginning with a letter or digit' })
      .describe('Name of the zone in events and rules; unique for its camera, stays the same for ever'),
    name: z.string().min(1).max(80).optional().describe('Name shown to people; absent: the id'),
    use: z
      .enum(zonePurposes)
      .describe(
        'What for: reading (passages count only here), ignore (nothing here counts), or a place watched for what comes to stand in it',
      ),
    subjects: z
      .array(z.enum(['vehicle', 'person']))
      .min(1)
      .max(2)
      .default(['vehicle', 'person'])
      .describe('Whom a reading or ignore zone is about (default both)'),
    standsFor: durationMs({
      default: '10s',
      min: '2s',
      max: '30m',
      describe: 'In a watched zone: who stands still for this long has come to stand, and is told of',
    }),
    points: z
      .array(point)
      .min(3)
      .max(24)
      .describe('Corners of the zone in order around it, 3 to 24; the last one is joined to the first'),
  })
  .superRefine(({ points }, context) => {
    if (points.length < 3) return;
    const fault = (index: number | null, message: string): void =>
      context.addIssue({
        code: 'custom',
        path: index === null ? ['points'] : ['points', index],
        message,
        params: { says: 'fault' },
      });
    const again = points.findIndex((one, index) => points.findIndex(([x, y]) => x === one[0] && y === one[1]) < index);
    if (again >= 0) {
      fault(again, 'this corner stands there twice; the last corner is joined to the first by itself');
      return;
    }
    const crossing = crossingSides(points);
    if (crossing !== null) {
      const side = (from: number): string => `${from + 1}–${((from + 1) % points.length) + 1}`;
      fault(
        crossing[1],
        `the side between corners ${side(crossing[1])} crosses the one between ${side(crossing[0])}: corners go around the zone in order`,
      );
      return;
    }
    if (areaOf(points) < leastArea) fault(null, 'is smaller than a thousandth of the picture: nothing can stand in it');
  })
  .describe("A zone in the camera's picture");
export type ZoneOptions = z.output<typeof zoneOptions>;

/** The zones of one camera. */
export const zonesOptions = z
  .array(zoneOptions)
  .max(16)
  .default([])
  .superRefine((zones, context) => {
    zones.forEach(({ id }, index) => {
      const first = zones.findIndex((zone) => zone.id === id);
      if (first < index)
        context.addIssue({
          code: 'custom',
          path: [index, 'id'],
          message: `two zones of this camera have this id; the first is zones[${first}]`,
          params: { says: 'fault' },
        });
    });
  })
  .describe('Zones in the picture: where passages count, what is ignored, where nothing may stand');
