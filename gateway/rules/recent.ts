import { sourceOf, type EventKind, type GatewayEvent } from '../domain/event.ts';

/** One source's events of one kind, oldest first by event time. */
interface Lane {
  readonly events: GatewayEvent[];
  /** Receive time of the earliest received, so that nothing is looked through for nothing. */
  oldestReceivedAt: number;
  /** Event time of the last: most events come in order, and then no other needs to be touched. */
  newestAt: number;
}

/**
 * The last events of each device or camera and kind, so that one that comes out of order can be put in its place. Not
 * stored: after a restart the same events are read again from the record, and give the same. Hence only events received
 * within `windowMs` before the one at hand count, whatever else is still in memory.
 */
export interface RecentEvents {
  /** ms by which the source's newest event of this kind is ahead of this one; 0 where it is the newest itself. */
  behindMs(event: GatewayEvent): number;
  /** The source's events of these kinds with `at` in (fromMs, toMs], oldest first, as known when `clockMs` is the time. */
  between(
    source: string,
    kinds: Iterable<EventKind>,
    span: { readonly fromMs: number; readonly toMs: number },
    clockMs: number,
  ): readonly GatewayEvent[];
  /** When the source's last event of this kind was received that took longer than `lagMs` to come; null for none. */
  newestLagging(
    source: string,
    kind: EventKind,
    about: { readonly lagMs: number; readonly clockMs: number },
  ): number | null;
  add(event: GatewayEvent): void;
  clear(): void;
}

/** A device that sends faster than this is cut to its newest; ten ports at two a second for two minutes fit. */
const maxLaneEvents = 2500;
const maxSources = 100_000;

export function createRecentEvents(windowMs: number): RecentEvents {
  const kinds = new Map<EventKind, Map<string, Lane>>();
  const laneOf = (source: string, kind: EventKind): Lane | undefined => kinds.get(kind)?.get(source);
  /** The event asked about last, with its lane: it is the one that is added next. */
  let asked: GatewayEvent | null = null;
  let itsLane: Lane | undefined;
  const counts = (event: GatewayEvent, clockMs: number): boolean => event.receivedAt >= clockMs - windowMs;

  return {
    behindMs: (event) => {
      const lane = laneOf(sourceOf(event), event.kind);
      asked = event;
      itsLane = lane;
      if (!lane || lane.newestAt <= event.at) return 0;
      for (let index = lane.events.length - 1; index >= 0; index -= 1) {
        const other = lane.events[index];
        if (!other || other.at <= event.at) return 0;
        if (counts(other, event.receivedAt)) return other.at - event.at;
      }
      return 0;
    },
    between: (source, wanted, { fromMs, toMs }, clockMs) => {
      const found: GatewayEvent[] = [];
      for (const kind of wanted) {
        const events = laneOf(source, kind)?.events ?? [];
        for (let index = events.length - 1; index >= 0; index -= 1) {
          const other = events[index];
          if (!other || other.at <= fromMs) break;
          if (other.at <= toMs && counts(other, clockMs)) found.push(other);
        }
      }
      return found.sort((a, b) => a.at - b.at);
    },
    newestLagging: (source, kind, { lagMs, clockMs }) => {
      let newest: number | null = null;
      for (const event of laneOf(source, kind)?.events ?? []) {
        if (event.receivedAt - event.at <= lagMs || !counts(event, clockMs)) continue;
        if (newest === null || event.receivedAt > newest) newest = event.receivedAt;
      }
      return newest;
    },
    add: (event) => {
      let lane = asked === event ? itsLane : laneOf(sourceOf(event), event.kind);
      asked = null;
      if (!lane) {
        const source = sourceOf(event);
        let lanes = kinds.get(event.kind);
        if (!lanes) kinds.set(event.kind, (lanes = new Map<string, Lane>()));
        const oldest = lanes.size >= maxSources ? lanes.keys().next().value : undefined;
        if (oldest !== undefined) lanes.delete(oldest);
        lanes.set(source, (lane = { events: [], oldestReceivedAt: event.receivedAt, newestAt: event.at }));
      }
      const { events } = lane;
      if (event.at >= lane.newestAt) {
        events.push(event);
        lane.newestAt = event.at;
      } else {
        let place = events.length;
        while (place > 0 && (events[place - 1]?.at ?? 0) > event.at) place -= 1;
        events.splice(place, 0, event);
      }
      // Thrown out in bites: every event is moved once in a window's length, not at every arrival.
      if (lane.oldestReceivedAt < event.receivedAt - 2 * windowMs || events.length > maxLaneEvents) {
        const kept = events.filter((other) => counts(other, event.receivedAt)).slice(-maxLaneEvents);
        events.length = 0;
        events.push(...kept);
        lane.oldestReceivedAt = Math.min(...kept.map((other) => other.receivedAt));
        lane.newestAt = events.at(-1)?.at ?? event.at;
      }
    },
    clear: () => {
      kinds.clear();
      asked = null;
    },
  };
}
