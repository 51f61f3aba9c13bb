import type { Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { DeliveryResult } from '../domain/delivery.ts';
import type { Tier } from '../domain/tier.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { OutboxOptions } from './options.ts';

export type Tried = Extract<Change, { kind: 'delivery-tried' }>;

export const isUrgent = (tier: Tier): boolean => tier === 'red' || tier === 'orange';

/** A delivery expires only after so many tries, however old the clock says it is. */
const fairTries = 100;

/** Longest text kept of what the far side said. */
const maxResult = 500;

/**
 * What one try comes to, as the row that settles it. Pure but for `random` (0..1).
 *
 * `rejected` ends a yellow or blue delivery among the dead letters. A red or orange one is tried again all the same, for ever,
 * because the far side may be mended; only when a younger one of the same alert waits behind it does it make way, for the
 * younger one tells everything that it told.
 */
export function settle(
  delivery: Delivery,
  result: DeliveryResult,
  context: {
    readonly options: OutboxOptions;
    /** Never goes back: what waits are reckoned from. */
    readonly nowMs: EpochMs;
    /** What the wall clock says: when it was tried, how old it is. */
    readonly wallMs: EpochMs;
    readonly hasYounger: boolean;
    readonly random: () => number;
  },
): Tried {
  const { options, nowMs, wallMs } = context;
  const attempts = delivery.attempts + 1;
  const tried = { kind: 'delivery-tried', id: delivery.id, at: wallMs, attempts } as const;
  const urgent = isUrgent(delivery.tier);
  const policy = urgent ? options.urgentRetry : options.retry;
  const dead = (why: string): Tried => ({
    ...tried,
    state: 'dead',
    nextAttemptAt: nowMs,
    result: why.slice(0, maxResult),
  });
  const again = (why: string, afterMs: number | null, maxMs = policy.max): Tried => {
    const backOffMs = backoffMs(
      { firstMs: policy.first, maxMs, factor: 2, jitterRatio: 0.3 },
      attempts,
      context.random,
    );
    const waitMs = Math.max(backOffMs, Math.min(afterMs ?? 0, options.longestRetryAfter));
    return {
      ...tried,
      state: 'pending',
      nextAttemptAt: (nowMs + waitMs) as EpochMs,
      result: why.slice(0, maxResult),
    };
  };
  // A canary says how the way is now: a later try would say it of another moment, and the next canary does that.
  if (delivery.item === 'canary' && result.kind !== 'delivered') return dead(result.reason);
  switch (result.kind) {
    case 'delivered':
      return { ...tried, state: 'delivered', nextAttemptAt: nowMs, result: result.receipt.slice(0, maxResult) };
    case 'rejected':
      if (!urgent) return dead(`rejected: ${result.reason}`);
      return context.hasYounger
        ? dead(`rejected, a younger one follows: ${result.reason}`)
        : again(`rejected: ${result.reason}`, null, Math.max(policy.max, options.retry.max));
    case 'retry':
      // By the count of tries too: a clock that was set right after a boot in 1970 must not age a delivery by decades.
      return !urgent &&
        wallMs - delivery.createdAt >= options.expireAfter &&
        attempts >= Math.min(fairTries, options.expireAfter / options.retry.max)
        ? dead(`expired: ${result.reason}`)
        : again(result.reason, result.afterMs);
  }
}

/** The longest that a repeat may rightly wait: later stamps come from a clock that was wrong. */
export function longestRetryMs(options: OutboxOptions): number {
  return Math.max(options.retry.max, options.urgentRetry.max, options.longestRetryAfter);
}
