import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../domain/change.ts';
import type { GatewayEvent } from '../domain/event.ts';
import type { AreaId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import type { Rules } from './index.ts';
import { charging, fire, hot, noon, restartIds, rowsOf, rule, rulesOf, silent } from './samples.ts';

describe('loading', () => {
  const held = { held: `${hot}\nfor: 30s`, other: 'tier: blue\nwhen: { kind: device }\nsuppress: { for: 1h }' };

  it('keeps the running set when the new one is wrong, and swaps whole when it is right', () => {
    const rules = rulesOf(held);
    const version = rules.version;
    expect(() => rules.load([{ file: 'x.yaml', text: 'id: x' }])).toThrow(
      expect.objectContaining({ code: 'rules.invalid' }),
    );
    expect(rules.version).toBe(version);
    rules.evaluate(charging(0, { portC: 61 }));
    rules.evaluate(silent(0));
    rules.load([{ file: 'held.yaml', text: rule('held', held.held) }]);
    expect(rules.version).not.toBe(version);
    // The hold goes on; the row of the rule that is gone is removed.
    const result = rules.tick(noon + 31_000);
    expect(result.matches).toHaveLength(1);
    expect(result.changes).toContainEqual({ kind: 'rule-state', rule: 'other', key: 'other:fire/f1', state: null });
  });

  it('drops stored rows that no rule can read, and says so to the store', () => {
    const rules = rulesOf(held);
    rules.reload([
      { rule: 'gone', key: 'a', state: '{}' },
      { rule: 'held', key: 'b', state: 'not json' },
      { rule: 'held', key: 'c', state: '{"hold":{"since":"yesterday"}}' },
    ]);
    expect(rules.tick(noon).changes.map((change) => 'key' in change && change.key)).toEqual(['a', 'b', 'c']);
  });
});

describe('memory', () => {
  it('is bounded: past the limit the longest untouched key is forgotten, on disk too', () => {
    const rules = rulesOf({ held: `${hot}\nfor: 30s\nkey: "{{event.port}}"` }, { maxKeysPerRule: 100 });
    const changes = Array.from({ length: 101 }, (_, port) => rules.evaluate(charging(0, { port, portC: 61 })).changes);
    expect(changes.at(-1)?.at(-1)).toEqual({ kind: 'rule-state', rule: 'held', key: '0', state: null });
    expect(rules.list()[0]?.keys).toBe(100);
  });

  it('is forgotten when nothing that may still come can use it', () => {
    const rules = rulesOf({ other: 'tier: blue\nwhen: { kind: device }\nsuppress: { for: 1h }' });
    rules.evaluate(silent(0));
    expect(rules.tick(noon + 24 * 3_600_000).changes).toEqual([]);
    expect(rules.tick(noon + 26 * 3_600_000).changes).toHaveLength(1);
    expect(rules.list()[0]?.keys).toBe(0);
  });
});

describe('a restart', () => {
  const bodies = {
    plain: `${hot}\nsuppress: { for: 20s }\nkey: "{{event.port}}"`,
    held: `${hot.replace('60', '55')}\nfor: 15s\nkey: "{{event.port}}"`,
    counted:
      'tier: yellow\nwhen: { kind: fire }\ncount: { within: 30s, atLeast: 3 }\nsuppress: { for: 10s }\nkey: "{{place}}"',
    both: 'tier: red\ntogether: [{ name: smoke, when: { kind: fire, alarm: smoke } }, { name: heat, when: { kind: charging }, if: event.portC >= 60 }]\nwithin: 25s\nkey: "{{place}}"',
  };
  const step = fc.oneof(
    fc.record({
      what: fc.constant('charging' as const),
      after: fc.nat(12),
      port: fc.nat(2),
      portC: fc.constantFrom(null, 50, 57, 61, 75),
    }),
    fc.record({ what: fc.constant('fire' as const), after: fc.nat(12), shed: fc.nat(1) }),
    fc.record({ what: fc.constant('tick' as const), after: fc.nat(20) }),
  );

  it('changes nothing: the same events give the same matches with restarts at any points', () => {
    const [steady, first, second] = [rulesOf(bodies), rulesOf(bodies), rulesOf(bodies)];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.nat(3)), (steps, restarts) => {
        restartIds();
        let now = 0;
        const program = steps.map((entry) => {
          now += entry.after;
          if (entry.what === 'tick') return now;
          return entry.what === 'fire'
            ? fire(now, { area: `shed-${entry.shed}` as AreaId })
            : charging(now, { port: entry.port, portC: entry.portC, area: 'shed-1' as AreaId });
        });
        const run = (rules: Rules, one: GatewayEvent | number) =>
          typeof one === 'number' ? rules.tick(noon + one * 1000) : rules.evaluate(one);
        steady.reload([]);
        const expected: Match[] = program.flatMap((one) => run(steady, one).matches);
        // Compiling anew takes most of a restart's time and holds no memory; two compiled sets take turns.
        let restarted = first;
        restarted.reload([]);
        const changes: Change[] = [];
        const recorded: GatewayEvent[] = [];
        const seen: Match[] = [];
        for (const one of program) {
          const result = run(restarted, one);
          changes.push(...result.changes);
          seen.push(...result.matches);
          if (typeof one !== 'number') recorded.push(one);
          if (restarts.next().value === 0) {
            restarted = restarted === first ? second : first;
            restarted.reload(rowsOf(changes), recorded);
          }
        }
        // Several holds due at one tick may come in another order; which they are may not.
        const sorted = (matches: readonly Match[]): string[] => matches.map((match) => JSON.stringify(match)).sort();
        expect(sorted(seen)).toEqual(sorted(expected));
      }),
      { numRuns: 150 },
    );
  });
});
