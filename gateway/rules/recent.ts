import { sourceOf, type EventKind, type GatewayEvent } from '../domain/event.ts';
import { createLane, type Lane } from './lane.ts';

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
  const counts = (lane: Lane, index: number, clockMs: number): boolean => lane.receivedAt(index) >= clockMs - windowMs;

  return {
    behindMs: (event) => {
      const lane = laneOf(sourceOf(event), event.kind);
      asked = event;
      itsLane = lane;
      if (!lane || lane.newestAt <= event.at) return 0;
      for (let index = lane.size - 1; index >= 0; index -= 1) {
        const at = lane.at(index);
        if (at <= event.at) return 0;
        if (counts(lane, index, event.receivedAt)) return at - event.at;
      }
      return 0;
    },
    between: (source, wanted, { fromMs, toMs }, clockMs) => {
      const found: GatewayEvent[] = [];
      for (const kind of wanted) {
        const lane = laneOf(source, kind);
        for (let index = (lane?.size ?? 0) - 1; lane && index >= 0; index -= 1) {
          const at = lane.at(index);
          if (at <= fromMs) break;
          if (at <= toMs && counts(lane, index, clockMs)) found.push(lane.event(index));
        }
      }
      return found.sort((a, b) => a.at - b.at);
    },
    newestLagging: (source, kind, { lagMs, clockMs }) => {
      let newest: number | null = null;
      const lane = laneOf(source, kind);
      for (let index = 0; lane && index < lane.size; index += 1) {
        const receivedAt = lane.receivedAt(index);
        if (receivedAt - lane.at(index) <= lagMs || receivedAt < clockMs - windowMs) continue;
        if (newest === null || receivedAt > newest) newest = receivedAt;
      }
      return newest;
    },
    add: (event) => {
      const lane = asked === event ? itsLane : laneOf(sourceOf(event), event.kind);
      asked = null;
      itsLane = undefined;
      if (!lane) {
        let lanes = kinds.get(event.kind);
        if (!lanes) kinds.set(event.kind, (lanes = new Map<string, Lane>()));
        const oldest = lanes.size >= maxSources ? lanes.keys().next().value : undefined;
        if (oldest !== undefined) lanes.delete(oldest);
        lanes.set(sourceOf(event), createLane(event));
        return;
      }
      lane.add(event);
      // Thrown out in bites: every event is moved once in a window's length, not at every arrival.
      if (lane.oldestReceivedAt < event.receivedAt - 2 * windowMs || lane.size > maxLaneEvents) {
        lane.keep(event.receivedAt - windowMs, maxLaneEvents);
      }
    },
    clear: () => {
      kinds.clear();
      asked = null;
    },
  };
}
