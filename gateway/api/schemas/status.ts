import { z } from 'zod';
import { named, time } from './shapes.ts';

const level = z.enum(['ok', 'degraded', 'unhealthy']);

export const wire = named(
  'Wire',
  z.object({
    name: z.string(),
    depth: z.number().describe('Items waiting or being worked on'),
    capacity: z.number().nullable(),
    passed: z.number(),
    dropped: z.number(),
    waitedMs: z.number(),
  }),
);

/** Without a login: nothing of what happened in the compound. */
export const health = named(
  'Health',
  z.object({
    status: level,
    wires: z.array(wire),
    canary: z
      .object({ working: z.number().int(), broken: z.number().int(), unknown: z.number().int() })
      .describe('Ways to recipients, tried end to end again and again: a broken one is known within two minutes'),
  }),
);

export const status = named(
  'Status',
  z.object({
    status: level,
    now: time,
    parts: z.array(z.object({ name: z.string(), status: level, note: z.string().nullable() })),
    wires: z.array(wire),
    disk: z
      .object({
        freeBytes: z.number().nullable(),
        totalBytes: z.number().nullable(),
        state: z.enum(['ok', 'low', 'full']),
        refused: z
          .array(z.enum(['clips', 'pictures', 'passages', 'readings']))
          .describe('What is not taken any more for want of room, the least worth first'),
      })
      .nullable(),
    deliveries: z.object({
      pending: z.number().int(),
      delivered: z.number().int(),
      dead: z.number().int(),
      oldestPendingAt: time.nullable(),
    }),
  }),
);
