import type { Delivery } from '../domain/alert.ts';
import type { RecipientId } from '../domain/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { isUrgent } from './settle.ts';

const windowMs = 60_000;

/** What a recipient can take in a minute, where that is said. Red and orange go all the same, and count. */
export interface RecipientLimits {
  /** Who has had his share of the last minute. */
  full(): readonly RecipientId[];
  mayGo(delivery: Delivery): boolean;
  took(delivery: Delivery): void;
  /** When the first of those who are full can take another one, in ms from now; null where nobody is. */
  opensInMs(): number | null;
}

export function createRecipientLimits(
  clock: Pick<Clock, 'monotonic'>,
  perMinute: (recipient: RecipientId) => number | null,
): RecipientLimits {
  /** Of recipients with a limit: when they were sent something, the oldest first. */
  const sent = new Map<RecipientId, number[]>();

  const recent = (recipient: RecipientId): readonly number[] => {
    const times = sent.get(recipient) ?? [];
    const fromMs = clock.monotonic() - windowMs;
    while (times.length > 0 && (times[0] ?? 0) <= fromMs) times.shift();
    return times;
  };
  const isFull = (recipient: RecipientId): boolean => {
    const most = perMinute(recipient);
    return most !== null && recent(recipient).length >= most;
  };

  return {
    full: () => [...sent.keys()].filter(isFull),
    mayGo: (delivery) => isUrgent(delivery.tier) || delivery.item === 'canary' || !isFull(delivery.recipient),
    took: ({ item, recipient }) => {
      if (item === 'canary' || perMinute(recipient) === null) return;
      const times = sent.get(recipient);
      if (times) times.push(clock.monotonic());
      else sent.set(recipient, [clock.monotonic()]);
    },
    opensInMs: () => {
      const waits = [...sent.keys()].filter(isFull).map((recipient) => {
        const times = recent(recipient);
        const leaves = times[times.length - (perMinute(recipient) ?? 0)] ?? 0;
        return Math.max(1, leaves + windowMs - clock.monotonic());
      });
      return waits.length === 0 ? null : Math.min(...waits);
    },
  };
}
