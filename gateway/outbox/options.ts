import { z } from 'zod';
import { durationMs } from '../lib/quantities.ts';

function retryOptions(fallback: { readonly first: string; readonly max: string }, tiers: string) {
  return z
    .strictObject({
      first: durationMs({
        default: fallback.first,
        min: '10ms',
        max: '1h',
        describe: `Wait before the second try of ${tiers}; doubles with each further one.`,
      }),
      max: durationMs({
        default: fallback.max,
        min: '10ms',
        max: '6h',
        describe: `Longest wait between tries of ${tiers}.`,
      }),
    })
    .prefault({});
}

/** `outbox{…}`: how deliveries are sent and tried again. */
export const outboxOptions = z.strictObject({
  parallel: z.int().min(1).max(64).default(4).describe('Deliveries sent at once over one channel.'),
  urgentParallel: z
    .int()
    .min(1)
    .max(64)
    .default(12)
    .describe(
      'So many more for red and orange: slow lesser ones never stand in their way, and an outage’s worth is out in a second or two.',
    ),
  passageParallel: z
    .int()
    .min(1)
    .max(256)
    .default(32)
    .describe('Passages sent at once besides, so that a queue of days drains in minutes over a line of 50 ms.'),
  probe: z
    .strictObject({
      urgentEvery: durationMs({
        default: '1s',
        min: '10ms',
        max: '1m',
        describe: 'While the way to a far side is broken and red or orange wait: how often one of them tries it.',
      }),
      every: durationMs({
        default: '10s',
        min: '10ms',
        max: '10m',
        describe: 'The same while only yellow and blue wait.',
      }),
    })
    .prefault({})
    .describe('A way is broken after three tries in a row without an answer; the first that arrives frees all others.'),
  urgentRetry: retryOptions({ first: '1s', max: '30s' }, 'red and orange'),
  retry: retryOptions({ first: '5s', max: '10m' }, 'yellow and blue'),
  longestRetryAfter: durationMs({
    default: '1h',
    min: '1s',
    max: '24h',
    describe: 'A longer Retry-After of the far side is cut to this.',
  }),
  expireAfter: durationMs({
    default: '30d',
    min: '1m',
    max: '365d',
    describe: 'Yellow and blue go to the dead letters after trying for this long; red and orange are tried for ever.',
  }),
  drainWithin: durationMs({
    default: '3s',
    min: '0ms',
    max: '1m',
    describe: 'How long a stop waits for sends that are under way.',
  }),
});
export type OutboxOptions = z.output<typeof outboxOptions>;
