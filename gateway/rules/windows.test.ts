import { describe, expect, it } from 'vitest';
import type { GatewayEvent } from '../domain/event.ts';
import type { EpochMs } from '../lib/clock.ts';
import { charging, noon, passage, play, rulesOf } from './samples.ts';
import type { Rules } from './index.ts';

const rising = `tier: yellow
when: { kind: charging }
window: { riseC: { of: event.portC, is: rise, within: 5m } }
if: window.riseC >= 5
key: "{{event.device}}:{{event.port}}"
facts: { roseC: window.riseC }`;
const at = (atS: number, portC: number | null, fields: object = {}) => charging(atS, { portC, ...fields });
const riseOf = (rules: Rules, event: GatewayEvent) => rules.evaluate(event).matches[0]?.facts['roseC'];

describe('a window', () => {
  it('says by how much a value is above its lowest of the time, both ends counted', () => {
    const rules = rulesOf({ rising });
    expect(play(rules, [at(0, 30), at(60, 34), at(300, 35), at(301, 36)])).toEqual(['300 yellow']);
    // At 301 the 30 of the beginning is gone: 36 is 2 above 34.
  });

  it('is kept for each `per` alone, and a reading without the value says nothing', () => {
    const rules = rulesOf({ rising });
    expect(play(rules, [at(0, 30), at(10, 40, { port: 2 }), at(20, null), at(30, 36)])).toEqual(['30 yellow']);
  });

  it('does not hold on one reading alone', () => {
    expect(play(rulesOf({ rising: rising.replace('>= 5', '< 5') }), [at(0, 30), at(10, 31)])).toEqual(['10 yellow']);
  });

  it('explains itself by its value', () => {
    const rules = rulesOf({ rising });
    rules.evaluate(at(0, 30));
    const [match] = rules.evaluate(at(60, 38)).matches;
    expect(match?.facts).toMatchObject({ riseC: 8, roseC: 8 });
    expect(match?.why?.conditions[0]?.values).toEqual([['window.riseC', 8]]);
  });

  it('puts a late reading where it belongs, and never counts what happened later', () => {
    const rules = rulesOf({ rising });
    const late = (atS: number, portC: number, receivedS: number) => ({
      ...at(atS, portC),
      receivedAt: (noon + receivedS * 1000) as EpochMs,
    });
    expect(riseOf(rules, late(60, 35, 60))).toBeUndefined();
    // Lower and later: no rise for the one before it.
    expect(riseOf(rules, late(30, 41, 70))).toBeUndefined();
    expect(riseOf(rules, late(20, 33, 80))).toBeUndefined();
    expect(riseOf(rules, late(120, 39, 120))).toBe(6);
  });

  it('gives fall, min, max and mean as well', () => {
    const rules = rulesOf({
      all: `tier: blue
when: { kind: charging }
window:
  fall: { of: event.portC, is: fall, within: 1m }
  low: { of: event.portC, is: min, within: 1m }
  high: { of: event.portC, is: max, within: 1m }
  mean: { of: event.portC * 2, is: mean, within: 1m }
if: event.portC < 20
facts: { fall: window.fall, low: window.low, high: window.high, mean: window.mean }`,
    });
    for (const [atS, portC] of [
      [0, 50],
      [50, 40],
      [70, 30],
    ] as const)
      rules.evaluate(at(atS, portC));
    const [match] = rules.evaluate(at(90, 10)).matches;
    expect(match?.facts).toMatchObject({ fall: 30, low: 10, high: 40, mean: 160 / 3 });
  });

  it('stands beside `for`: each reading is judged by its own window', () => {
    const held = { held: rising.replace('key:', 'for: 30s\nkey:') };
    expect(play(rulesOf(held), [at(0, 30), at(60, 36), at(80, 37), at(90, 38)])).toEqual(['90 yellow']);
    expect(play(rulesOf(held), [at(0, 30), at(60, 36), at(80, 30), at(90, 38), 200])).toEqual(['120 yellow']);
  });

  it('is what it was after a restart, from the recorded events alone', () => {
    const events = [at(0, 30), at(100, 31), at(200, 33), at(299, 36)];
    const steady = rulesOf({ rising });
    events.slice(0, 3).forEach((event) => steady.evaluate(event));
    const restarted = rulesOf({ rising });
    expect(restarted.replayMs).toBeGreaterThanOrEqual(300_000);
    restarted.reload([], events.slice(0, 3));
    const [last] = events.slice(-1);
    if (!last) throw new Error('no event');
    expect(restarted.evaluate(last)).toEqual(steady.evaluate(last));
  });

  it('begins anew when its rule is changed, and goes on when another one is', () => {
    const rules = rulesOf({ rising, other: 'tier: blue\nwhen: { kind: device }' });
    rules.evaluate(at(0, 30));
    const [text, other] = rules.list();
    if (!text || !other) throw new Error('two rules');
    const textsOf = (body: string) =>
      rules.list().map(({ file, text: own }) => ({ file, text: own.replace('>= 5', body) }));
    rules.load(textsOf('>= 5').map((one) => ({ ...one, text: one.text.replace('tier: blue', 'tier: yellow') })));
    expect(riseOf(rules, at(60, 36))).toBe(6);
    rules.load(textsOf('>= 4'));
    expect(riseOf(rules, at(70, 37))).toBeUndefined();
  });

  it('listens only to what the rule listens to', () => {
    expect(play(rulesOf({ rising }), [at(0, 30), passage(10), at(60, 36)])).toEqual(['60 yellow']);
  });
});
