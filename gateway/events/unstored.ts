import type { Change } from '../domain/change.ts';
import type { ChargingSession, GatewayEvent } from '../domain/event.ts';

/** Messages that were evaluated and not stored; 10 000 are five minutes of 2 000 devices that report every minute. */
const maxUnstored = 10_000;

/** What an event comes to when neither an alert nor a rule's memory rests on it. */
export interface Records {
  readonly event: GatewayEvent;
  /** Charging sessions to be written with it. */
  readonly sessions: readonly ChargingSession[];
}

/**
 * Events that the rules have seen and the disk had no room for, by the key of their message, until they come again. Taking
 * each of them back by reading the rules' memory anew took 120 ms at least (2 200 devices, two minutes of readings), where
 * evaluating one takes 0.04 ms: at 37 readings a second no alarm would have got a turn.
 */
export interface Unstored {
  get(messageKey: string): Records | undefined;
  /** The oldest goes when there are too many: if it comes again, it is evaluated again. */
  put(messageKey: string, records: Records): void;
  take(messageKey: string): void;
  clear(): void;
}

export function createUnstored(): Unstored {
  const events = new Map<string, Records>();
  return {
    get: (key) => events.get(key),
    put: (key, records) => {
      events.delete(key);
      events.set(key, records);
      const oldest = events.size > maxUnstored ? events.keys().next().value : undefined;
      if (oldest !== undefined) events.delete(oldest);
    },
    take: (key) => void events.delete(key),
    clear: () => events.clear(),
  };
}

/** The changes of one that has come again. A session that goes on is not among them: a later reading has written it since. */
export function changesOf(
  { event, sessions }: Records,
  messageKey: string,
  receivedAt: GatewayEvent['receivedAt'],
): Change[] {
  return [
    { kind: 'event-recorded', event: { ...event, receivedAt }, messageKey },
    ...sessions
      .filter(({ endedAt }) => endedAt !== null)
      .map((session): Change => ({ kind: 'session-saved', session })),
  ];
}

/**
 * What these changes record, if they do nothing else: a reading with its session, a passage at most with the deliveries of
 * it to those who collect passages. Null where an alert or a rule's memory rests on it, or a plate that was ordered.
 */
export function recordsOnly(changes: readonly Change[]): Records | null {
  const [first] = changes;
  if (first?.kind !== 'event-recorded') return null;
  const { event } = first;
  if (event.kind !== 'passage' && event.kind !== 'charging' && event.kind !== 'fire-telemetry') return null;
  const sessions: ChargingSession[] = [];
  for (const change of changes.slice(1)) {
    if (change.kind === 'session-saved') sessions.push(change.session);
    else if (change.kind !== 'delivery-created' || change.delivery.item !== 'passage') return null;
    else if (change.delivery.tier === 'red' || change.delivery.tier === 'orange') return null;
  }
  return { event, sessions };
}
