import type { Change, Commit } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { Delivery } from '../domain/alert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import type { Logger } from '../lib/logger.ts';

const bite = 500;

/**
 * Deliveries that wait for a channel which is no longer configured would wait for ever, unseen. At start those whose
 * recipient is still there go over the channel he has now; the others become dead letters, which people see.
 */
export function createStrays(given: {
  readonly channels: readonly string[];
  readonly recipients: readonly Recipient[];
  readonly find: (known: readonly string[], limit: number) => readonly Delivery[];
  readonly commit: Commit;
  readonly clock: Clock;
  readonly logger: Logger;
}): Component {
  const { channels, recipients, find, commit, clock, logger } = given;
  const channelOf = new Map(recipients.map(({ id, channel }) => [id, channel]));

  const settle = (delivery: Delivery): Change => {
    const at = clock.now();
    const channel = channelOf.get(delivery.recipient);
    if (channel !== undefined && channels.includes(channel) && delivery.item !== 'canary')
      return { kind: 'delivery-rerouted', id: delivery.id, channel, at };
    return {
      kind: 'delivery-tried',
      id: delivery.id,
      at,
      state: 'dead',
      attempts: delivery.attempts,
      nextAttemptAt: at,
      result: `channel ${delivery.channel} is not configured any more`,
    };
  };

  return {
    name: 'strays',
    start: async (signal) => {
      let rerouted = 0;
      let dead = 0;
      while (!signal.aborted) {
        const found = find(channels, bite);
        if (found.length === 0) break;
        const changes = found.map(settle);
        await commit(changes);
        const moved = changes.filter(({ kind }) => kind === 'delivery-rerouted').length;
        rerouted += moved;
        dead += changes.length - moved;
      }
      if (rerouted > 0) logger.info({ deliveries: rerouted }, 'deliveries of a removed channel go over another');
      if (dead > 0) logger.error({ deliveries: dead }, 'deliveries of a removed channel are dead letters');
    },
    stop: () => Promise.resolve(),
  };
}
