import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chargingStates, fireAlarmKinds, pileAlarmKinds } from '../domain/event.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import type { EpochMs } from '../lib/clock.ts';
import { parseTopic } from './topic.ts';
import { parseMessage, type DeviceMessage, type ParsedMessage } from './parse-message.ts';
import { createRepeatWindow } from './repeat-window.ts';

const receivedAt = Date.parse('2026-01-02T03:04:10+08:00') as EpochMs;
const ts = '2026-01-02T03:04:05+08:00';
const at = receivedAt - 5000;

function parse(topic: string, payload: string | Uint8Array | object, duplicate = false): ParsedMessage {
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload), 'utf8');
  return parseMessage({
    topic: `community/s1/${topic}`,
    payload: bytes,
    receivedAt,
    duplicate,
    topicOf: (text) => parseTopic(text, 's1'),
    newId: () => 'e-1',
  });
}
function good(topic: string, payload: string | object): DeviceMessage {
  const parsed = parse(topic, payload);
  if (parsed.kind !== 'message') throw new Error(`${parsed.kind}: ${parsed.reason}`);
  return parsed;
}
const base = { id: 'e-1', at, receivedAt, area: null, late: false };
const noReadings = {
  state: null,
  powerW: null,
  voltageV: null,
  currentA: null,
  energyKwh: null,
  durationS: null,
  ambientC: null,
  portC: null,
  order: null,
  stopReason: null,
};

describe('a good message', () => {
  it('of a port carries every reading into the event', () => {
    const payload =
      '{"v":1,"ts":"2026-01-02T03:04:05+08:00","pile":"10597059","port":1,"state":"charging","power_w":312.4,"voltage_v":221.2,' +
      '"current_a":1.43,"energy_kwh":0.48,"duration_s":3600,"ambient_c":24,"port_c":41,"order":"2026","card":null,"rssi":21}';
    expect(good('charger/10597059/port/1/telemetry', payload).event).toEqual({
      ...base,
      kind: 'charging',
      device: 'charger/10597059',
      port: 1,
      report: 'telemetry',
      state: 'charging',
      powerW: 312.4,
      voltageV: 221.2,
      currentA: 1.43,
      energyKwh: 0.48,
      durationS: 3600,
      ambientC: 24,
      portC: 41,
      order: '2026',
      stopReason: null,
    });
  });

  it('of a session says start and end', () => {
    expect(good('charger/c1/port/10/session', { ts, pile: 'c1', event: 'start', order: 'o1' }).event).toEqual({
      ...base,
      ...noReadings,
      kind: 'charging',
      device: 'charger/c1',
      port: 10,
      report: 'session-start',
      order: 'o1',
    });
    const end = { ts, pile: 'c1', event: 'end', energy_kwh: 1.2, duration_s: 7200, max_w: 410, stop_reason: 'full' };
    expect(good('charger/c1/port/10/session', end).event).toEqual({
      ...base,
      ...noReadings,
      kind: 'charging',
      device: 'charger/c1',
      port: 10,
      report: 'session-end',
      powerW: 410,
      energyKwh: 1.2,
      durationS: 7200,
      stopReason: 'full',
    });
  });

  it('of a pile alarm names one port or the whole pile', () => {
    const event = { ...base, kind: 'pile-alarm', device: 'charger/c1', alarm: 'smoke', active: true };
    const payload = { v: 1, ts, pile: 'c1', kind: 'smoke', active: true, source: 'dny:42' };
    expect(good('charger/c1/alarm', { ...payload, port: null }).event).toEqual({ ...event, port: null });
    expect(good('charger/c1/alarm', { ...payload, port: 3 }).event).toEqual({ ...event, port: 3 });
  });

  it('of a fire sensor carries its readings, each of which may be absent', () => {
    const event = { ...base, kind: 'fire-telemetry', device: 'fire/f-0012' };
    const payload = {
      ts,
      device: 'f-0012',
      smoke_dbm: 0.03,
      temperature_c: 24.1,
      co_ppm: 0,
      battery_pct: 91,
      rssi: -70,
    };
    expect(good('fire/f-0012/telemetry', payload).event).toEqual({
      ...event,
      smokeDbm: 0.03,
      temperatureC: 24.1,
      coPpm: 0,
      batteryPct: 91,
      rssiDbm: -70,
    });
    expect(good('fire/f-0012/telemetry', { ts, device: 'f-0012' }).event).toEqual({
      ...event,
      smokeDbm: null,
      temperatureC: null,
      coPpm: null,
      batteryPct: null,
      rssiDbm: null,
    });
  });

  it('of a status may call a pile pile or device', () => {
    const event = { ...base, kind: 'device', device: 'charger/c1', change: 'online', seconds: null };
    expect(good('charger/c1/status', { ts, pile: 'c1', state: 'online' }).event).toEqual(event);
    expect(good('charger/c1/status', { ts, device: 'c1', state: 'online' }).event).toEqual(event);
  });

  it.each(fireAlarmKinds)('may be a fire alarm of kind %s', (kind) => {
    expect(good('fire/f1/alarm', { ts, device: 'f1', kind, active: false }).event).toMatchObject({
      kind: 'fire',
      alarm: kind,
      active: false,
    });
  });
  it.each(pileAlarmKinds)('may be a pile alarm of kind %s', (kind) => {
    expect(good('charger/c1/alarm', { ts, pile: 'c1', kind, active: true }).event).toMatchObject({ alarm: kind });
  });
  it.each(chargingStates)('may tell the port state %s', (state) => {
    expect(good('charger/c1/port/2/telemetry', { ts, pile: 'c1', state }).event).toMatchObject({ state, port: 2 });
  });

  it('may hold fields that nobody here knows', () => {
    expect(
      good('fire/f1/alarm', { ts, device: 'f1', kind: 'co', active: true, firmware: { v: [1] } }).event,
    ).toMatchObject({
      alarm: 'co',
    });
  });
});

describe('time', () => {
  const alarm = (extra: object): DeviceMessage =>
    good('fire/f1/alarm', { device: 'f1', kind: 'smoke', active: true, ...extra });

  it('is the time of receipt when the device gives none', () => {
    expect(alarm({})).toMatchObject({ skewMs: null, event: { at: receivedAt, late: false } });
  });
  it('older than 24 h makes a message late, a second less does not', () => {
    expect(alarm({ ts: '2026-01-01T03:04:09+08:00' }).event).toMatchObject({ late: true });
    expect(alarm({ ts: '2026-01-01T03:04:11+08:00' }).event).toMatchObject({ late: false });
  });
  it('from a clock that was never set is not believed: a sensor in 1970 or 2000 still raises a live alarm', () => {
    for (const unset of ['1970-01-01T00:00:12Z', '2000-01-01T00:00:00Z']) {
      expect(alarm({ ts: unset })).toMatchObject({ weak: true, event: { at: receivedAt, late: false } });
    }
  });
  it('in the future is not believed either, and shows as skew', () => {
    expect(alarm({ ts: '2026-01-02T04:04:10+08:00' })).toMatchObject({ skewMs: -3_600_000, event: { at: receivedAt } });
  });
  it('of a farewell is when it arrives: a will is written long before it is sent', () => {
    expect(good('fire/f1/status', { ts: '2025-12-01T00:00:00Z', device: 'f1', state: 'offline' })).toMatchObject({
      weak: true,
      skewMs: null,
      event: { change: 'offline', at: receivedAt, late: false },
    });
  });
});

describe('how a repeat is known', () => {
  it('is the id, where the message has one', () => {
    expect(good('fire/f1/telemetry', { ts, device: 'f1', id: 'n-7' })).toMatchObject({
      messageKey: 'id:fire/f1:n-7',
      weak: false,
    });
  });
  it('is SHA-256 of topic and payload, where it has a time but no id', () => {
    const payload = JSON.stringify({ ts, device: 'f1' });
    const sha256 = createHash('sha256').update(`community/s1/fire/f1/telemetry${payload}`).digest('base64url');
    expect(good('fire/f1/telemetry', payload)).toMatchObject({ messageKey: `sha256:${sha256}`, weak: false });
  });

  const bare = (duplicate: boolean): DeviceMessage => ({ ...good('fire/f1/telemetry', { device: 'f1' }), duplicate });

  it('is the same payload within 60 s, where it has neither', async () => {
    const clock = createFakeClock();
    const keyOf = createRepeatWindow(clock);
    const first = keyOf(bare(false));
    await clock.advance(59_999);
    expect(keyOf(bare(false))).toBe(first);
    await clock.advance(1);
    expect(keyOf(bare(false))).not.toBe(first);
  });
  it('is the DUP flag at any time later, if the first copy was heard', async () => {
    const clock = createFakeClock();
    const keyOf = createRepeatWindow(clock);
    const first = keyOf(bare(false));
    await clock.advance(3_600_000);
    expect(keyOf(bare(true))).toBe(first);
    // After a restart nothing is known of the first copy: it may never have been stored, so this one counts.
    expect(createRepeatWindow(clock)(bare(true))).not.toBe(first);
  });
  it('forgets the oldest when there are too many', () => {
    const keyOf = createRepeatWindow(createFakeClock(), 2);
    const say = (key: string): string => keyOf({ ...bare(true), messageKey: key });
    const first = say('a');
    say('b');
    expect(say('a')).toBe(first);
    say('c');
    expect(say('b')).toMatch(/^b@/);
    expect(keyOf({ ...bare(false), messageKey: 'a' })).not.toBe(undefined);
  });
});

describe('a bad message', () => {
  const smoke = { ts, device: 'f1', kind: 'smoke', active: true };
  it.each([
    ['an empty payload', 'fire/f1/alarm', '', 'the payload is empty'],
    ['no JSON', 'fire/f1/alarm', 'smoke!', 'the payload is not JSON'],
    ['bytes that are not UTF-8', 'fire/f1/alarm', Buffer.from([0x7b, 0xff, 0x7d]), 'the payload is not UTF-8'],
    ['a JSON array', 'fire/f1/alarm', '[]', 'the payload is not a JSON object'],
    ['JSON null', 'fire/f1/alarm', 'null', 'the payload is not a JSON object'],
    ['a wrong version', 'fire/f1/alarm', { ...smoke, v: 2 }, /^v: /],
    ['no device', 'fire/f1/alarm', { ts, kind: 'smoke', active: true }, /^device: /],
    ['a pile status without name', 'charger/c1/status', { ts, state: 'online' }, 'device: missing'],
    ['an unknown kind', 'fire/f1/alarm', { ...smoke, kind: 'ufo' }, /^kind: /],
    ['active as text', 'fire/f1/alarm', { ...smoke, active: 'true' }, /^active: /],
    ['no active', 'fire/f1/alarm', { ts, device: 'f1', kind: 'smoke' }, /^active: /],
    ['an id that is too long', 'fire/f1/alarm', { ...smoke, id: 'x'.repeat(65) }, /^id: /],
    ['an empty id', 'fire/f1/alarm', { ...smoke, id: '' }, /^id: /],
    ['a time without offset', 'fire/f1/alarm', { ...smoke, ts: '2026-01-02T03:04:05' }, /^ts: /],
    ['a time that is none', 'fire/f1/alarm', { ...smoke, ts: '1767294245000' }, /^ts: /],
    ['a day that does not exist', 'fire/f1/alarm', { ...smoke, ts: '2026-02-30T03:04:05Z' }, /^ts: /],
    ['a reading as text', 'fire/f1/telemetry', { ts, device: 'f1', temperature_c: '24' }, /^temperature_c: /],
    ['a reading out of all bounds', 'charger/c1/port/1/telemetry', { ts, pile: 'c1', power_w: 1e9 }, /^power_w: /],
    ['a negative power', 'charger/c1/port/1/telemetry', { ts, pile: 'c1', power_w: -1 }, /^power_w: /],
    [
      'another port than the topic',
      'charger/c1/port/2/telemetry',
      { ts, pile: 'c1', port: 1 },
      /^port: 1 in the payload/,
    ],
    ['port 0 in the topic', 'charger/c1/port/0/telemetry', { ts, pile: 'c1' }, /no message is defined/],
    ['port 0 in the payload', 'charger/c1/alarm', { ts, pile: 'c1', kind: 'smoke', port: 0, active: true }, /^port: /],
    ['a port that is no number', 'charger/c1/port/x/telemetry', { ts, pile: 'c1' }, /no message is defined/],
    ['an unknown session event', 'charger/c1/port/1/session', { ts, pile: 'c1', event: 'pause' }, /^event: /],
    ['an unknown topic', 'fire/f1/port/1/telemetry', { ts, device: 'f1' }, /no message is defined/],
    ['a down topic', 'fire/f1/down/x', { ts, device: 'f1' }, /no message is defined/],
  ])('with %s is malformed, with the reason', (_what, topic, payload, reason) => {
    const parsed = parse(topic, payload);
    expect(parsed.kind).toBe('malformed');
    if (parsed.kind === 'malformed') expect(parsed.reason).toMatch(reason);
  });

  it.each(['fire/f1', 'fire//alarm', 'camera/c1/status', 'fire/../alarm', 'fire/f 1/alarm'])(
    'on the topic %s belongs to no device',
    (topic) => {
      expect(parse(topic, smoke)).toMatchObject({ kind: 'malformed', device: null });
    },
  );

  it('that names another device than its topic is forged', () => {
    expect(parse('fire/f1/alarm', { ...smoke, device: 'f2' })).toMatchObject({ kind: 'forged', device: 'fire/f1' });
    expect(parse('charger/c1/status', { ts, pile: 'c1', device: 'c2', state: 'online' }).kind).toBe('forged');
  });

  it('cut off at any byte is malformed', () => {
    const whole = Buffer.from(JSON.stringify({ ...smoke, note: '烟雾' }), 'utf8');
    expect(parse('fire/f1/alarm', whole).kind).toBe('message');
    for (let length = 0; length < whole.length; length += 1) {
      expect(parse('fire/f1/alarm', whole.subarray(0, length)).kind, `cut at ${length}`).toBe('malformed');
    }
  });

  it('with one flipped bit never throws, and never becomes another device', () => {
    const whole = Buffer.from(JSON.stringify(smoke), 'utf8');
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const parsed = parse('fire/f1/alarm', bytes);
      if (parsed.kind === 'message') expect(parsed.event).toMatchObject({ device: 'fire/f1' });
    }
  });

  it('of any bytes on any topic never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (topic, payload) => {
        expect(['message', 'malformed', 'forged']).toContain(parse(topic, payload).kind);
        expect(['malformed', 'forged']).toContain(parse('fire/f1/alarm', payload).kind);
      }),
    );
  });
});
