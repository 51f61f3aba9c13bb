import { describe, expect, it } from 'vitest';
import type { GatewayEvent } from '../domain/event.ts';
import type { CameraId, DeviceKey } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { charging, fire, hot, noon, passage, play, rulesOf, silent } from './samples.ts';

/** The event, received so many seconds after it happened. */
const received = <Event extends GatewayEvent>(event: Event, afterS: number): Event => ({
  ...event,
  receivedAt: (event.at + afterS * 1000) as EpochMs,
});

describe('a rule with `absent`', () => {
  const unended = {
    unended:
      'tier: yellow\nwhen: { kind: fire, active: true }\nabsent: { when: { kind: fire, active: false }, within: 1m }\nwait: 10s\nper: "{{event.device}}"',
  };

  it('matches when what is awaited does not come, at the moment it was due', () => {
    expect(play(rulesOf(unended), [fire(0), 69, 70, 71, 600])).toEqual(['60 yellow']);
  });

  it('does not match when it comes in time, for the same device only', () => {
    expect(play(rulesOf(unended), [fire(0), fire(59, { active: false }), 600])).toEqual([]);
    const other = fire(59, { active: false, device: 'fire/f2' as DeviceKey });
    expect(play(rulesOf(unended), [fire(0), other, 600])).toEqual(['60 yellow']);
  });

  it('waits for an answer that was given in time and comes late', () => {
    const late = received(fire(55, { active: false }), 12);
    expect(play(rulesOf(unended), [fire(0), 66, late, 600])).toEqual([]);
  });

  it('knows an answer that came before the question did', () => {
    const question = received(fire(0), 6);
    expect(play(rulesOf(unended), [fire(5, { active: false }), question, 600])).toEqual([]);
  });

  it('begins the wait anew with each event where both are the same', () => {
    const heartbeat = {
      heartbeat:
        'tier: blue\nwhen: { kind: charging }\nabsent: { when: { kind: charging }, within: 1m }\nwait: 0s\nper: "{{event.device}}"',
    };
    expect(play(rulesOf(heartbeat), [charging(0), charging(50), charging(100), 159, 160, 900])).toEqual(['160 blue']);
  });
});

describe('a rule with `sequence`', () => {
  const twice = (more = '') => ({
    twice: `tier: yellow
sequence:
  - { name: first, when: { kind: passage, direction: in } }
  - { name: second, when: { kind: passage, direction: in } }
within: 1h
per: "{{event.camera}}"
key: "twice:{{second.camera}}"
facts: { gapS: (second.at - first.at) / 1000 }
${more}`,
  });
  const without = 'without: { when: { kind: passage, direction: out } }\nwait: 20s';

  it('matches events in the order in which they happened, whatever the order in which they come', () => {
    const story = {
      story:
        'tier: red\nsequence: [{ name: smoke, when: { kind: fire, alarm: smoke } }, { name: heat, when: { kind: fire, alarm: heat } }]\nwithin: 1m',
    };
    const [smoke, heat] = [fire(0), fire(30, { alarm: 'heat' })];
    expect(play(rulesOf(story), [smoke, heat])).toEqual(['30 red']);
    expect(play(rulesOf(story), [heat, received(smoke, 40)])).toEqual(['30 red']);
    expect(play(rulesOf(story), [fire(30), fire(0, { alarm: 'heat' })])).toEqual([]);
    expect(play(rulesOf(story), [fire(0), fire(61, { alarm: 'heat' })])).toEqual([]);
  });

  it('is broken by what must not come between, also by what comes late', () => {
    const out = passage(60, { direction: 'out' });
    expect(play(rulesOf(twice(without)), [passage(0), passage(120), 200])).toEqual(['120 yellow']);
    expect(play(rulesOf(twice(without)), [passage(0), out, passage(120), 200])).toEqual([]);
    expect(play(rulesOf(twice(without)), [passage(0), passage(120), received(out, 70), 200])).toEqual([]);
  });

  it('tells of every chain where several are due at one moment', () => {
    const rules = rulesOf({
      twice:
        'tier: yellow\nsequence:\n  - { name: first, when: { kind: passage, direction: in } }\n  - { name: second, when: { kind: passage, direction: in } }\nwithout: { when: { kind: passage, direction: out } }\nwithin: 1m\nwait: 20s\nper: "{{event.camera}}"\nkey: "{{second.id}}"',
    });
    // Three cars within one millisecond make two chains.
    expect(play(rules, [passage(0), passage(0), passage(0), 600])).toHaveLength(2);
  });

  it('keeps what it is kept for apart, and takes a condition over all its events', () => {
    const elsewhere = passage(60, { camera: 'gate-2' as CameraId });
    expect(play(rulesOf(twice()), [passage(0), elsewhere])).toEqual([]);
    const spaced = twice('if: second.at - first.at >= 30000');
    expect(play(rulesOf(spaced), [passage(0), passage(10)])).toEqual([]);
    // The second is too near to the third, the first is not.
    expect(play(rulesOf(spaced), [passage(0), passage(10), passage(35)])).toEqual(['35 yellow']);
  });
});

describe('dampers', () => {
  it('`release` bridges short gaps of a hold', () => {
    const bridged = { held: `${hot}\nfor: 30s\nrelease: 10s` };
    const at = (s: number, portC: number) => charging(s, { portC });
    expect(play(rulesOf(bridged), [at(0, 61), at(12, 50), at(20, 61), at(29, 61), 30])).toEqual(['30 orange']);
    expect(play(rulesOf(bridged), [at(0, 61), at(12, 50), at(23, 50), at(25, 61), 54, 55])).toEqual(['55 orange']);
  });

  it('`extend` keeps back what flaps until it has been quiet, but not for ever', () => {
    const damped = {
      damped: 'tier: yellow\nwhen: { kind: device }\nsuppress: { for: 1m, extend: true, atMost: 5m }',
    };
    const losses = Array.from({ length: 13 }, (_, index) => silent(index * 30));
    expect(play(rulesOf(damped), [...losses, silent(421)])).toEqual(['0 yellow', '300 yellow', '421 yellow']);
  });
});

describe('event time', () => {
  const held = { held: `${hot}\nfor: 30s` };
  const at = (s: number, portC: number) => charging(s, { portC });

  it('begins a hold anew where a reading out of order says that it was interrupted', () => {
    const rules = rulesOf(held);
    expect(play(rules, [at(0, 61), at(20, 61), received(at(10, 50), 11), 80])).toEqual([]);
    // It lagged, so more may be on its way: time concludes a minute (`lateness`) after it came.
    expect(play(rules, [81])).toEqual(['50 orange']);
  });

  it('begins a hold earlier where a reading out of order says so', () => {
    expect(play(rulesOf(held), [at(10, 61), received(at(0, 61), 11), 70, 71])).toEqual(['30 orange']);
  });

  it('does not begin a hold by a reading that a newer one has overtaken', () => {
    expect(play(rulesOf(held), [at(10, 50), received(at(0, 61), 11), 600])).toEqual([]);
  });

  it('counts what is too late to be put in its place, and marks a match that it makes', () => {
    const rules = rulesOf({ held: held.held, plain: hot });
    const late = received(at(0, 61), 130);
    expect(play(rules, [at(125, 50), late, 900])).toEqual(['0 orange']);
    const counters = Object.fromEntries(rules.list().map((rule) => [rule.id, rule.counters]));
    expect(counters).toMatchObject({ held: { tooLate: 1, matched: 0 }, plain: { late: 1, matched: 1 } });
    expect(rules.evaluate(received(at(1, 61), 130)).matches[0]).toMatchObject({
      facts: { lateByS: 130 },
      why: { lateByS: 130 },
    });
  });

  it('does not conclude while a device is still sending what it had kept', () => {
    // An outage: readings of ten minutes come within a second. The second says that the first did not last.
    const [first, second] = [received(at(0, 61), 600), received(at(20, 50), 580.5)];
    expect(play(rulesOf(held), [first, second, 900])).toEqual([]);
    // And where nothing contradicts, it does conclude, at the moment it was due.
    expect(play(rulesOf(held), [first, 650, 659, 661])).toEqual(['30 orange']);
  });

  it('counts matches that a reading out of order would have prevented', () => {
    const rules = rulesOf(held);
    expect(play(rules, [at(0, 61), 31, at(40, 61), received(at(10, 50), 31)])).toEqual(['30 orange', '40 orange']);
    expect(rules.list()[0]?.counters.disproved).toBe(1);
  });
});

describe('an explanation', () => {
  it('names the rule, its version, what was compared, how long it held, why this tier, and the events', () => {
    const rules = rulesOf({
      hot: 'params: { warnC: 60 }\ntier: [{ tier: red, if: event.portC >= 70 }, { tier: orange }]\nwhen: { kind: charging }\nif: event.portC >= params.warnC\nfor: 30s',
    });
    const first = charging(0, { portC: 64 });
    rules.evaluate(first);
    const [match] = rules.tick(noon + 40_000).matches;
    expect(match?.why).toEqual({
      rule: 'hot',
      version: rules.list()[0]?.version,
      conditions: [
        {
          of: 'if',
          expression: 'event.portC >= params.warnC',
          values: [
            ['event.portC', 64],
            ['params.warnC', 60],
          ],
        },
      ],
      time: { kind: 'for', askedS: 30, heldS: 30, since: noon },
      tier: { tier: 'orange', condition: null, passedOver: 1 },
      events: [{ id: first.id, kind: 'charging', at: first.at, source: 'charger/p1', as: 'event' }],
      lateByS: null,
    });
  });
});
