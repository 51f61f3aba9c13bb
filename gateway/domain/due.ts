import type { EpochMs } from '../lib/clock.ts';
import type { Delivery } from './alert.ts';
import type { RecipientId } from './ids.ts';
import { tierRank } from './tier.ts';

/** Which deliveries one channel may send now. The store answers it in SQL; `selectDue` is what the SQL must mean. */
export interface DueQuery {
  readonly channel: string;
  readonly nowMs: EpochMs;
  /** A repeat that waits for longer than this was stamped by a clock that was wrong: it is due. */
  readonly longestRetryMs: number;
  /** The same for a first try (blue waits for the daily digest). */
  readonly longestFirstMs: number;
  /** Repeats are due whatever their wait: the way as a whole is broken, and one of them is to try it. Absent: no. */
  readonly retriesDue?: boolean;
  /** Recipients who have had their share: they get red and orange, what these wait behind, and canaries. Absent: none. */
  readonly except?: readonly RecipientId[];
  readonly limit: number;
}

function isDue(delivery: Delivery, query: DueQuery): boolean {
  const waitMs = delivery.nextAttemptAt - query.nowMs;
  if (query.retriesDue === true && delivery.attempts > 0) return true;
  return waitMs <= 0 || waitMs > (delivery.attempts > 0 ? query.longestRetryMs : query.longestFirstMs);
}

/**
 * Of each alert and recipient only the oldest pending delivery (lowest `sequence`), so that nothing overtakes; likewise of
 * each recipient's digests, for two of them may tell of one alert. Other items without an alert each stand alone. It is due
 * by its own time, or, while it has never been tried, as soon as a younger one behind it is. Worst tier of the group first, then lowest sequence.
 */
export function selectDue(all: Iterable<Delivery>, query: DueQuery): Delivery[] {
  const groups = new Map<string, Delivery[]>();
  for (const delivery of all) {
    if (delivery.state !== 'pending' || delivery.channel !== query.channel) continue;
    const chain = delivery.alertId ?? (delivery.item === 'digest' ? 'digest' : delivery.id);
    const key = `${chain}\n${delivery.recipient}`;
    const group = groups.get(key);
    if (group) group.push(delivery);
    else groups.set(key, [delivery]);
  }
  const heads: { readonly head: Delivery; readonly rank: number }[] = [];
  for (const group of groups.values()) {
    const head = group.reduce((oldest, other) => (other.sequence < oldest.sequence ? other : oldest));
    const rank = Math.min(...group.map((other) => tierRank(other.tier)));
    if (rank > tierRank('orange') && head.item !== 'canary' && query.except?.includes(head.recipient) === true)
      continue;
    const due = isDue(head, query) || (head.attempts === 0 && group.some((other) => isDue(other, query)));
    if (due) heads.push({ head, rank });
  }
  return heads
    .sort((a, b) => a.rank - b.rank || a.head.sequence - b.head.sequence)
    .slice(0, query.limit)
    .map(({ head }) => head);
}
