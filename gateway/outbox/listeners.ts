import type { Feedback } from '../domain/alert.ts';
import type { Channel } from '../domain/delivery.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { pause } from '../lib/pause.ts';
import type { Random } from '../lib/random.ts';

export interface FeedbackListeners extends Component {
  /** Listens to a channel that was not there at the start, too. */
  add(channel: Channel): void;
}

/** Holds every channel's way back open from start to stop, and takes it up again should it end. */
export function createFeedbackListeners(given: {
  readonly channels: ReadonlyMap<string, Channel>;
  /** Resolves when the answer is stored; a rejection makes the channel ask again. */
  readonly onFeedback: (feedback: Feedback) => Promise<void>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'unit'>;
  readonly logger: Logger;
}): FeedbackListeners {
  const { clock, logger } = given;
  const ending = new AbortController();
  let listening: Promise<void>[] | null = null;

  const listen = async (channel: Channel): Promise<void> => {
    for (let failures = 0; !ending.signal.aborted;) {
      try {
        await channel.listen(given.onFeedback, ending.signal);
        return; // The channel has no way back, or the signal ended it.
      } catch (error) {
        failures += 1;
        logger.error({ channel: channel.id, error: messageOf(error) }, 'way back of a channel broke');
        const policy = { firstMs: 1000, maxMs: 60_000, factor: 2, jitterRatio: 0.3 };
        await pause(
          clock,
          backoffMs(policy, failures, () => given.random.unit()),
          ending.signal,
        );
      }
    }
  };

  return {
    name: 'feedback listeners',
    start: (signal) => {
      signal.addEventListener('abort', () => ending.abort(), { once: true });
      listening = [...given.channels.values()].map(listen);
      return Promise.resolve();
    },
    stop: async () => {
      ending.abort();
      await Promise.all(listening ?? []);
      listening = null;
    },
    add: (channel) => {
      listening?.push(listen(channel));
    },
  };
}
