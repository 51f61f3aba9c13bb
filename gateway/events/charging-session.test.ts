import { describe, expect, it } from 'vitest';
import type { ChargingEvent, ChargingSession } from '../domain/event.ts';
import type { DeviceKey, EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { idlePort, trackSession, type PortState } from './charging-session.ts';

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const at = (seconds: number): EpochMs => (startMs + seconds * 1000) as EpochMs;

const report = (seconds: number, part: Partial<ChargingEvent> = {}): ChargingEvent => ({
  kind: 'charging',
  id: `e${seconds}` as EventId,
  at: at(seconds),
  receivedAt: at(seconds),
  area: null,
  late: false,
  device: 'charger/c1' as DeviceKey,
  port: 3,
  report: 'telemetry',
  state: 'charging',
  powerW: null,
  voltageV: null,
  currentA: null,
  energyKwh: null,
  durationS: null,
  ambientC: null,
  portC: null,
  order: null,
  stopReason: null,
  ...part,
});
const started = (seconds: number, part: Partial<ChargingEvent> = {}) =>
  report(seconds, { report: 'session-start', state: null, ...part });
const ended = (seconds: number, part: Partial<ChargingEvent> = {}) =>
  report(seconds, { report: 'session-end', state: null, ...part });
const idle = (seconds: number, part: Partial<ChargingEvent> = {}) => report(seconds, { state: 'idle', ...part });

/** All sessions that the reports make, each as it was last, in order of their first appearance. */
function sessionsOf(events: readonly ChargingEvent[], from: PortState = idlePort): ChargingSession[] {
  const sessions = new Map<string, ChargingSession>();
  let state = from;
  for (const event of events) {
    const step = trackSession(state, event);
    state = step.state;
    for (const session of step.changed) sessions.set(session.id, session);
  }
  return [...sessions.values()];
}

const brief = (sessions: readonly ChargingSession[]) =>
  sessions.map(({ startedAt, endedAt, stopReason }) => [
    (startedAt - startMs) / 1000,
    endedAt === null ? null : (endedAt - startMs) / 1000,
    stopReason,
  ]);

describe('charging session', () => {
  it('runs from start to end with mean by time, peak, energy and the hottest port', () => {
    const [session, ...others] = sessionsOf([
      started(0, { order: 'o1' }),
      report(60, { powerW: 100, energyKwh: 0.1, portC: 30 }),
      report(120, { powerW: 300, energyKwh: 0.2, portC: 45 }),
      report(720, { powerW: 300, energyKwh: 0.9, portC: 41 }),
      ended(780, { order: 'o1', energyKwh: 1.0, stopReason: 'full' }),
    ]);
    expect(others).toEqual([]);
    // 60 s at 100 (nothing else is known), 60 s at 200 on average, 600 s at 300.
    const meanPowerW = (60 * 100 + 60 * 200 + 600 * 300) / 720;
    expect(session?.meanPowerW).toBeCloseTo(meanPowerW, 6);
    expect(session).toMatchObject({
      id: `charger-c1-3-${startMs}`,
      order: 'o1',
      startedAt: at(0),
      endedAt: at(780),
      lastAt: at(780),
      energyKwh: 1.0,
      peakPowerW: 300,
      maxPortC: 45,
      stopReason: 'full',
      samples: 3,
    });
  });

  it('opens at the first charging report, back-dated by the duration it tells', () => {
    expect(brief(sessionsOf([report(600, { durationS: 500 }), idle(700)]))).toEqual([[100, 700, 'unplugged']]);
    expect(brief(sessionsOf([report(5, { state: 'plugged' }), report(6, { state: 'full' })]))).toEqual([]);
  });

  it('ends with "full" when a full charger is unplugged, also after a while plugged', () => {
    expect(
      brief(sessionsOf([report(0), report(60, { state: 'full' }), report(90, { state: 'plugged' }), idle(99)])),
    ).toEqual([[0, 99, 'full']]);
    expect(brief(sessionsOf([report(0), report(60, { state: 'full' }), report(90), idle(99)]))).toEqual([
      [0, 99, 'unplugged'],
    ]);
  });

  it('takes the reason that the end tells', () => {
    expect(brief(sessionsOf([report(0), ended(9, { stopReason: 'over-temperature' })]))).toEqual([
      [0, 9, 'over-temperature'],
    ]);
  });

  it.each([
    ['another order number', [report(0, { order: 'a' }), report(60, { order: 'a' }), report(3600, { order: 'b' })]],
    ['a start without number', [started(0), report(60), started(3600)]],
    ['a duration that began later', [report(0), report(60), report(3650, { durationS: 50 })]],
  ])('closes a session whose end was lost, at its last report: %s', (_what, events) => {
    expect(brief(sessionsOf(events))).toEqual([
      [0, 60, 'end-lost'],
      [3600, null, null],
    ]);
  });

  it('does not open again for what was late, repeated or out of order', () => {
    const early = report(60, { powerW: 100 });
    const events = [started(0), early, report(120, { powerW: 200 }), ended(180)];
    const plain = sessionsOf(events);
    expect(sessionsOf([...events, ...events])).toEqual(plain);
    expect(sessionsOf([...events.filter((event) => event !== early), early])).toHaveLength(1);
    expect(sessionsOf([...events, report(100)])).toEqual(plain);
  });

  it('lets an older report raise the maxima and nothing else', () => {
    const before = sessionsOf([report(0, { powerW: 100 }), report(120, { powerW: 200 })]);
    const after = sessionsOf([
      report(0, { powerW: 100 }),
      report(120, { powerW: 200 }),
      report(60, { powerW: 900, portC: 70 }),
    ]);
    expect(after).toEqual([{ ...before[0], peakPowerW: 900, startPeakW: 900, maxPortC: 70 }]);
  });

  it('ignores the end of another order', () => {
    expect(brief(sessionsOf([report(0, { order: 'b' }), ended(9, { order: 'a' })]))).toEqual([[0, null, null]]);
  });

  it('goes on with a stored session after a restart', () => {
    const [stored] = sessionsOf([report(0, { powerW: 100 }), report(100, { powerW: 100 })]);
    const restored: PortState = { open: stored ? { session: stored, lastPower: null } : null, closedAt: null };
    const [session] = sessionsOf([report(200, { powerW: 300 }), idle(300)], restored);
    expect(session).toMatchObject({ id: stored?.id, startedAt: at(0), endedAt: at(300), samples: 3 });
    // 100 s at 100, then 100 s for which only the 300 W at their end are known.
    expect(session?.meanPowerW).toBeCloseTo(200, 6);
  });

  it('logs a session of which only the end arrived, if it tells how long it was', () => {
    expect(brief(sessionsOf([ended(500, { durationS: 400, stopReason: 'full' })]))).toEqual([[100, 500, 'full']]);
    expect(sessionsOf([ended(500)])).toEqual([]);
  });
});
