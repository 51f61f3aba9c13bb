import type { ChargingEvent, ChargingSession } from '../domain/event.ts';
import type { EpochMs } from '../lib/clock.ts';

/** What is known of one port. */
export interface PortState {
  readonly open: OpenSession | null;
  /** When the last session ended: an older report of it must not open another. */
  readonly closedAt: EpochMs | null;
}

export interface OpenSession {
  readonly session: ChargingSession;
  /** The last sample with a power; null after a restart, then the gap counts with the next one's power. */
  readonly lastPower: { readonly at: EpochMs; readonly powerW: number } | null;
}

export interface SessionStep {
  readonly state: PortState;
  /** Sessions as they are now, in order: at most one that ended and one that goes on. */
  readonly changed: readonly ChargingSession[];
}

export const idlePort: PortState = { open: null, closedAt: null };

/** A start that is told this soon after the first reading of it is the same start. */
const sameStartMs = 60_000;
/** What counts as the start of a session for `startPeakW`: chargers have found their current by then (standards 4.6). */
const startMs = 300_000;

/**
 * One report of a port. A session opens at `session-start` or at the first state `charging` or `float`; it ends at
 * `session-end`, at state `idle` (a full charger that is unplugged), or when a later report shows that its end was lost:
 * another order number, or a duration that began after the last report. Reports that are older than the newest only
 * raise maxima. Pure, and the same report twice changes nothing the second time but the count of samples at one moment.
 */
export function trackSession(state: PortState, event: ChargingEvent): SessionStep {
  const { open } = state;
  if (open === null) return withoutSession(state, event);
  const { session } = open;
  if (event.at < session.startedAt || isOtherOrder(event, session, event.report === 'session-end')) {
    return event.report !== 'session-end' && event.at >= session.lastAt ? successor(state, open, event) : same(state);
  }
  if (event.at < session.lastAt && event.report !== 'session-end') return older(state, open, event);
  if (event.report === 'session-end')
    return close(measured(open, event), laterOf(event.at, session.lastAt), event.stopReason);
  if (event.state === 'idle') return close(measured(open, event), event.at, event.stopReason);
  if (isNewStart(event, session)) return successor(state, open, event);
  const next = measured(open, event);
  return { state: { open: next, closedAt: state.closedAt }, changed: [next.session] };
}

const same = (state: PortState): SessionStep => ({ state, changed: [] });

/** Earlier by the same report's own count of seconds, where it gives one. */
function startOf(event: ChargingEvent, notBefore: EpochMs | null): EpochMs {
  const start = event.report === 'session-start' ? event.at : event.at - (event.durationS ?? 0) * 1000;
  return Math.max(start, notBefore ?? start) as EpochMs;
}

function withoutSession(state: PortState, event: ChargingEvent): SessionStep {
  if (state.closedAt !== null && event.at <= state.closedAt) return same(state);
  return begin(state, event);
}

function begin(state: PortState, event: ChargingEvent): SessionStep {
  const begins = event.report === 'session-start' || event.state === 'charging' || event.state === 'float';
  if (event.report === 'session-end') {
    // Nobody told us that it began; the log shall have it all the same, if the pile says how long it was.
    if (event.durationS === null) return { state: { open: null, closedAt: event.at }, changed: [] };
    return close(measured(opened(event, state.closedAt), event), event.at, event.stopReason);
  }
  if (!begins) return same(state);
  const open = measured(opened(event, state.closedAt), event);
  return { state: { open, closedAt: state.closedAt }, changed: [open.session] };
}

function opened(event: ChargingEvent, notBefore: EpochMs | null): OpenSession {
  const startedAt = startOf(event, notBefore);
  return {
    lastPower: null,
    session: {
      // The same after a restart and for whoever works it out again.
      id: `${event.device.replace('/', '-')}-${event.port}-${startedAt}`,
      device: event.device,
      port: event.port,
      area: event.area,
      order: event.order,
      startedAt,
      endedAt: null,
      lastAt: startedAt,
      energyKwh: null,
      meanPowerW: null,
      peakPowerW: null,
      startPeakW: null,
      maxPortC: null,
      stopReason: null,
      samples: 0,
    },
  };
}

/** Both have an order number and it is not the same. A session that has none yet takes the first it hears of. */
function isOtherOrder(event: ChargingEvent, session: ChargingSession, isEnd: boolean): boolean {
  if (event.order === null || session.order === null || event.order === session.order) return false;
  return isEnd || event.state !== 'idle';
}

function isNewStart(event: ChargingEvent, session: ChargingSession): boolean {
  if (event.order !== null && event.order === session.order) return false;
  if (event.report === 'session-start') return event.at - session.startedAt > sameStartMs;
  return event.durationS !== null && event.at - event.durationS * 1000 > session.lastAt + sameStartMs;
}

/** The end of the open session was lost: it ended when it was last heard of, and another one begins. */
function successor(state: PortState, open: OpenSession, event: ChargingEvent): SessionStep {
  if (event.at < open.session.startedAt) return same(state);
  const ended = close(open, open.session.lastAt, open.session.stopReason ?? 'end-lost');
  const next = begin({ open: null, closedAt: open.session.lastAt }, event);
  return { state: next.state, changed: [...ended.changed, ...next.changed] };
}

function close(open: OpenSession, endedAt: EpochMs, stopReason: string | null): SessionStep {
  const session: ChargingSession = {
    ...open.session,
    endedAt,
    lastAt: endedAt,
    stopReason: stopReason ?? open.session.stopReason ?? 'unplugged',
  };
  return { state: { open: null, closedAt: endedAt }, changed: [session] };
}

function older(state: PortState, open: OpenSession, event: ChargingEvent): SessionStep {
  const session = { ...open.session, ...maxima(open.session, event) };
  const raised =
    session.peakPowerW !== open.session.peakPowerW ||
    session.startPeakW !== (open.session.startPeakW ?? null) ||
    session.maxPortC !== open.session.maxPortC ||
    session.energyKwh !== open.session.energyKwh;
  return raised ? { state: { ...state, open: { ...open, session } }, changed: [session] } : same(state);
}

const laterOf = (a: EpochMs, b: EpochMs): EpochMs => (a > b ? a : b);
const higher = (known: number | null, said: number | null): number | null =>
  known === null ? said : said === null ? known : Math.max(known, said);

function maxima(session: ChargingSession, event: ChargingEvent) {
  const atStart = event.report !== 'session-end' && event.at - session.startedAt <= startMs;
  return {
    // A pile counts up; what is less was said earlier.
    energyKwh: higher(session.energyKwh, event.energyKwh),
    peakPowerW: higher(session.peakPowerW, event.powerW),
    startPeakW: higher(session.startPeakW ?? null, atStart ? event.powerW : null),
    maxPortC: higher(session.maxPortC, event.portC),
  };
}

/** Takes a report in order: mean weighted by time (trapezoid between samples), maxima, why it stopped so far. */
function measured(open: OpenSession, event: ChargingEvent): OpenSession {
  const { session } = open;
  const { powerW } = event;
  // A settlement's power is the pile's own summary, not a sample.
  const sampled = powerW !== null && event.report !== 'session-end';
  const lastAt = laterOf(event.at, session.lastAt);
  let meanPowerW = session.meanPowerW;
  if (sampled) {
    const since = open.lastPower ?? { at: session.lastAt, powerW };
    const knownMs = since.at - session.startedAt;
    const gapMs = Math.max(event.at - since.at, 0);
    const gapMeanW = (since.powerW + powerW) / 2;
    meanPowerW =
      meanPowerW === null || knownMs + gapMs === 0
        ? powerW
        : (meanPowerW * knownMs + gapMeanW * gapMs) / (knownMs + gapMs);
  }
  const { energyKwh, peakPowerW, startPeakW, maxPortC } = maxima(session, event);
  return {
    lastPower: sampled ? { at: lastAt, powerW } : open.lastPower,
    // Written out: made for every reading, and two spreads one upon the other are slow.
    session: {
      id: session.id,
      device: session.device,
      port: session.port,
      area: event.area ?? session.area,
      order: session.order ?? event.order,
      startedAt: session.startedAt,
      endedAt: session.endedAt,
      lastAt,
      energyKwh,
      meanPowerW,
      peakPowerW,
      startPeakW,
      maxPortC,
      // Why the current stopped, kept for when the plug comes out; it is still plugged in.
      stopReason: stoppedBy(session, event),
      samples: session.samples + (sampled ? 1 : 0),
    },
  };
}

function stoppedBy(session: ChargingSession, event: ChargingEvent): string | null {
  switch (event.state) {
    case 'full':
    case 'fault':
      return event.state;
    case 'charging':
    case 'float':
      return null;
    case 'idle':
    case 'plugged':
    case 'offline':
    case null:
      return session.stopReason;
  }
}
