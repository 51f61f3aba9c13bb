import type { ChargingEvent, ChargingSession, GatewayEvent } from '../domain/event.ts';
import type { EpochMs } from '../lib/clock.ts';
import { idlePort, trackSession, type PortState } from './charging-session.ts';

/**
 * A session that only went on is written once a minute, not at every reading: a row that is written anew each time costs
 * more than the reading itself. What a crash takes is read again from the readings, which are all on disk.
 */
export const saveEveryMs = 60_000;
/** How much of the readings is read again after a restart: twice what can be unsaved. */
export const replayMs = 2 * saveEveryMs;
/** Ports remembered; those without a session go first. 200 piles with 10 ports are 2 000. */
const maxPorts = 50_000;

interface Entry {
  state: PortState;
  /** Time of the gateway at which the open session was last written, and whether it has gone on since. */
  savedMs: number;
  unsaved: boolean;
}

export interface TakenReport {
  readonly save: readonly ChargingSession[];
  readonly session: ChargingSession | null;
}

/** The ports of all piles and their open sessions. */
export interface SessionBook {
  /** Takes a report: the sessions to write because of it, and the one that it belongs to. */
  take(event: ChargingEvent, nowMs: EpochMs): TakenReport;
  /** Sessions that have gone on for a minute since they were written; all that have gone on, if `all`. */
  unsaved(nowMs: EpochMs, all: boolean): readonly ChargingSession[];
  reload(open: readonly ChargingSession[], readings: Iterable<GatewayEvent>, nowMs: EpochMs): void;
}

const none: readonly ChargingSession[] = [];

export function createSessionBook(): SessionBook {
  const ports = new Map<string, Entry>();
  /** The ports' keys by device: a text that was looked up before has its hash, one put together for every reading has not. */
  const keys = new Map<string, string[]>();
  const portKey = ({ device, port }: { device: string; port: number }): string => {
    let known = keys.get(device);
    if (!known) {
      if (keys.size >= maxPorts) keys.clear();
      keys.set(device, (known = []));
    }
    return (known[port] ??= `${device}/${port}`);
  };

  const entryOf = (key: string, nowMs: number): Entry => {
    const known = ports.get(key);
    if (known) return known;
    if (ports.size >= maxPorts) {
      for (const [other, entry] of ports) {
        if (entry.state.open !== null && ports.size < 2 * maxPorts) continue;
        ports.delete(other);
        break;
      }
    }
    const made = { state: idlePort, savedMs: nowMs, unsaved: false };
    ports.set(key, made);
    return made;
  };

  return {
    take: (event, nowMs) => {
      const entry = entryOf(portKey(event), nowMs);
      const wasOpen = entry.state.open?.session.id;
      const step = trackSession(entry.state, event);
      entry.state = step.state;
      const [only] = step.changed;
      const newest = step.changed.at(-1) ?? step.state.open?.session;
      const belongs = newest && event.at >= newest.startedAt && (newest.endedAt === null || event.at <= newest.endedAt);
      const session = belongs ? newest : null;
      if (only === undefined) return { save: none, session };
      const wentOn = step.changed.length === 1 && only.endedAt === null && only.id === wasOpen;
      if (wentOn && nowMs - entry.savedMs < saveEveryMs) {
        entry.unsaved = true;
        return { save: none, session };
      }
      entry.savedMs = nowMs;
      entry.unsaved = false;
      return { save: step.changed, session };
    },
    unsaved: (nowMs, all) => {
      const due: ChargingSession[] = [];
      for (const entry of ports.values()) {
        if (!entry.unsaved || entry.state.open === null) continue;
        if (!all && nowMs - entry.savedMs < saveEveryMs) continue;
        entry.savedMs = nowMs;
        entry.unsaved = false;
        due.push(entry.state.open.session);
      }
      return due;
    },
    reload: (open, readings, nowMs) => {
      ports.clear();
      const stored = new Map<string, EpochMs>();
      for (const session of open) {
        stored.set(portKey(session), session.lastAt);
        const entry = entryOf(portKey(session), nowMs);
        entry.state = { open: { session, lastPower: null }, closedAt: null };
      }
      for (const event of readings) {
        if (event.kind !== 'charging') continue;
        const entry = entryOf(portKey(event), nowMs);
        // Up to then the stored session has everything.
        if (event.at <= (stored.get(portKey(event)) ?? 0)) continue;
        const step = trackSession(entry.state, event);
        entry.state = step.state;
        entry.unsaved = step.changed.length > 0 && step.state.open !== null;
      }
    },
  };
}
