import { describe, expect, it } from 'vitest';
import type { ChargingEvent } from '../domain/event.ts';
import type { AreaId, DeviceKey } from '../domain/ids.ts';
import { charging, fire, hot, passage, play, rowsOf, rulesOf, silent } from './samples.ts';

describe('a rule with `for`', () => {
  const held = { held: `${hot}\nfor: 30s\nkey: "{{event.device}}:{{event.port}}"` };

  it('matches when the condition has held that long, per key', () => {
    const rules = rulesOf(held);
    const steps = [0, 10, 20, 29].flatMap((s) => [
      charging(s, { portC: 61 }),
      charging(s, { port: 2, portC: s === 20 ? 50 : 61 }),
    ]);
    expect(play(rules, [...steps, charging(30, { portC: 61 }), charging(30, { port: 2, portC: 61 })])).toEqual([
      '30 orange',
    ]);
  });

  it('is completed by a tick when no further event comes, once, at the moment it was due', () => {
    expect(play(rulesOf(held), [charging(0, { portC: 61 }), 29, 31, 32, 600])).toEqual(['30 orange']);
  });

  it('waits for an event where the tick is off', () => {
    const rules = rulesOf({ held: `${held.held}\ntick: false` });
    expect(play(rules, [charging(0, { portC: 61 }), 600, charging(601, { portC: 61 })])).toEqual(['601 orange']);
  });

  it('starts anew after the condition ended, and leaves no memory behind', () => {
    const rules = rulesOf(held);
    expect(
      play(rules, [charging(0, { portC: 61 }), charging(20, { portC: 50 }), charging(25, { portC: 61 }), 50, 55]),
    ).toEqual(['55 orange']);
    expect(rules.evaluate(charging(60, { portC: 50 })).changes).toEqual([
      { kind: 'rule-state', rule: 'held', key: 'charger/p1:1', state: null },
    ]);
  });

  it('is not ended by an event from before it began', () => {
    expect(play(rulesOf(held), [charging(10, { portC: 61 }), charging(5, { portC: 50 }), 41])).toEqual(['40 orange']);
  });

  it('keeps its age over a restart', () => {
    const before = rulesOf(held);
    const rows = rowsOf(before.evaluate(charging(0, { portC: 61 })).changes);
    const after = rulesOf(held);
    after.reload(rows);
    expect(play(after, [29, 30])).toEqual(['30 orange']);
  });

  it('names the first and the last event, and how long it held', () => {
    const rules = rulesOf(held);
    const [first, last] = [charging(0, { portC: 61 }), charging(40, { portC: 63 })];
    rules.evaluate(first);
    const [inTime, again] = rules.evaluate(last).matches;
    // Time completed it before the second event came; that one is a repeat.
    expect(inTime).toMatchObject({ events: [first.id], facts: { portC: 61, heldS: 30, rule: 'held' } });
    expect(again?.events).toEqual([first.id, last.id]);
    expect(again?.facts).toMatchObject({ portC: 63, heldS: 40, rule: 'held', because: 'event.portC >= 60' });
  });
});

describe('a rule with `count`', () => {
  const counted = {
    counted:
      'tier: yellow\nwhen: { kind: device, change: silent }\ncount: { within: 1m, atLeast: 3 }\nkey: "{{place}}"',
  };

  it('matches at so many events in the window', () => {
    expect(play(rulesOf(counted), [silent(0), silent(30), silent(60)])).toEqual(['60 yellow']);
    expect(play(rulesOf(counted), [silent(0), silent(30), silent(61)])).toEqual([]);
  });

  it('can count different devices, not events', () => {
    const distinct = { counted: counted.counted.replace('atLeast: 3', 'atLeast: 2, distinct: "{{event.device}}"') };
    const other = { device: 'fire/f2' as DeviceKey };
    expect(play(rulesOf(distinct), [silent(0), silent(10), silent(20), silent(30, other)])).toEqual(['30 yellow']);
  });

  it('puts an event that comes out of order where it belongs', () => {
    // It became true at the third of them, whichever came last.
    expect(play(rulesOf(counted), [silent(0), silent(60), silent(20)])).toEqual(['60 yellow']);
  });
});

describe('a rule with `together`', () => {
  const both = {
    both: `tier: red
together:
  - { name: smoke, when: { kind: fire, alarm: smoke, active: true } }
  - { name: heat, when: { kind: charging }, if: event.portC >= 60 }
within: 5m
key: "fire:{{place}}"
facts: { sensor: smoke.device, temperature: heat.portC }`,
  };

  it('matches in either order within the time and the area', () => {
    expect(play(rulesOf(both), [charging(0, { portC: 61 }), fire(300)])).toEqual(['300 red']);
    expect(play(rulesOf(both), [fire(0), charging(300, { portC: 61 })])).toEqual(['300 red']);
  });

  it('does not match across areas, after the time, or without an area', () => {
    const elsewhere = { area: 'shed-2' as AreaId };
    expect(play(rulesOf(both), [charging(0, { portC: 61 }), fire(10, elsewhere)])).toEqual([]);
    expect(play(rulesOf(both), [charging(0, { portC: 61 }), fire(301)])).toEqual([]);
    expect(play(rulesOf(both), [charging(0, { portC: 61, area: null }), fire(10, { area: null })])).toEqual([]);
    expect(play(rulesOf(both), [charging(0, { portC: 59 }), fire(10)])).toEqual([]);
  });

  it('explains itself by both events', () => {
    const rules = rulesOf(both);
    const [first, second] = [charging(0, { portC: 61 }), fire(20)];
    rules.evaluate(first);
    const match = rules.evaluate(second).matches[0];
    expect(match).toMatchObject({ key: 'fire:shed-1', area: 'shed-1', source: null, events: [second.id, first.id] });
    expect(match?.facts).toMatchObject({ sensor: 'fire/f1', temperature: 61, heatPortC: 61 });
  });
});

describe('suppression', () => {
  it('keeps back repeats of one key, but never a worse tier', () => {
    const rules = rulesOf({
      hot: 'tier: [{ tier: red, if: event.portC >= 70 }, { tier: orange }]\nwhen: { kind: charging }\nif: event.portC >= 60\nkey: "{{event.port}}"\nsuppress: { for: 10m }',
    });
    const at = (s: number, portC: number, port = 1): ChargingEvent => charging(s, { portC, port });
    expect(play(rules, [at(0, 61), at(1, 62), at(2, 61, 2), at(3, 71), at(4, 72), at(5, 61), at(603, 61)])).toEqual([
      '0 orange',
      '2 orange',
      '3 red',
      '603 orange',
    ]);
    expect(rules.list()[0]?.counters).toMatchObject({ matched: 4, suppressed: 3 });
  });
});

describe('a condition', () => {
  it('does not hold where its field is absent, and that is counted', () => {
    const rules = rulesOf({ hot });
    expect(play(rules, [charging(0, { portC: null }), charging(1, { portC: 61 })])).toEqual(['1 orange']);
    expect(rules.list()[0]?.counters).toMatchObject({ evaluated: 2, absent: 1, failed: 0, matched: 1 });
  });

  it.each([
    ['event.portC >= 60 || event.powerW > 800', { powerW: 900 }, true],
    ['event.portC >= 60 || event.powerW > 800', { powerW: 700 }, false],
    ['!(event.portC >= 60)', {}, false],
    ['has(event.portC) ? event.portC > 60 : event.powerW > 800', { powerW: 900 }, true],
    ['!has(event.portC) && event.powerW > 800', { powerW: 900 }, true],
    ['event.port in [1, 2] && event.state in ["charging", "float"]', {}, true],
    ['event.portC - event.ambientC > 30', { portC: 61, ambientC: 24 }, true],
    ['event.portC - event.ambientC > 30', { portC: 61 }, false],
    ['event.port == 1 && event.portC / 2 > 30.25', { portC: 61 }, true],
    ['event.device.matches("^charger/p[0-9]+$")', {}, true],
    ['("x" + event.device).matches("^charger")', {}, false],
    ['(event.state == "charging") && (event.port > 0 && (event.portC > 1e1 || night))', { portC: 61 }, true],
  ] as const)('%s with %o is %s', (condition, fields, holds) => {
    const rules = rulesOf({ any: `tier: blue\nwhen: { kind: charging }\nif: '${condition}'` });
    expect(play(rules, [charging(0, fields)])).toEqual(holds ? ['0 blue'] : []);
    expect(rules.list()[0]?.counters.failed).toBe(0);
  });

  it('runs a pattern that would choke a backtracking engine in linear time', () => {
    const rules = rulesOf({ evil: `tier: blue\nwhen: { kind: charging }\nif: 'event.device.matches("^(a+)+$")'` });
    const event = charging(0, { device: `${'a'.repeat(5000)}!` as DeviceKey });
    const began = performance.now();
    expect(play(rules, [event])).toEqual([]);
    // A backtracking engine needs 2^5000 steps; one second leaves room for a slow machine.
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('knows the site’s night over midnight', () => {
    const rules = rulesOf({ night: 'tier: blue\nwhen: { kind: passage }\nschedule: night' });
    const hours = [21.99, 22, 23.5, 24, 29.99, 30].map((hour) => passage((hour - 12) * 3600));
    expect(play(rules, hours)).toHaveLength(4);
    const set = rulesOf(
      { night: 'tier: blue\nwhen: { kind: passage }\nif: night && hour < 5' },
      { nightFrom: '23:00' },
    );
    expect(play(set, [passage(10.5 * 3600), passage(11.5 * 3600), passage(16 * 3600)])).toEqual(['57600 blue']);
  });

  it('sees nothing of a late event', () => {
    expect(play(rulesOf({ hot }), [charging(0, { portC: 80, late: true })])).toEqual([]);
  });
});

describe('a site’s settings', () => {
  it('change parameters and durations without touching the document', () => {
    const body =
      'params: { warnC: 60 }\ntier: orange\nwhen: { kind: charging }\nif: event.portC >= params.warnC\nfor: 5m';
    const rules = rulesOf({ hot: body }, { settings: { hot: { for: '5s', params: { warnC: 50 } } } });
    expect(play(rules, [charging(0, { portC: 55 }), 5])).toEqual(['5 orange']);
    expect(rules.list()[0]?.params).toEqual({ warnC: 50 });
  });

  it('can switch a rule off', () => {
    expect(play(rulesOf({ hot }, { settings: { hot: { enabled: false } } }), [charging(0, { portC: 80 })])).toEqual([]);
  });
});
