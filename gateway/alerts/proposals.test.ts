import { describe, expect, it } from 'vitest';
import type { Alert } from '../domain/alert.ts';
import type { AlertId, RuleId } from '../domain/ids.ts';
import type { MatchExplanation } from '../domain/match.ts';
import type { RuleProposal } from '../domain/proposal.ts';
import type { EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { createAlertsBench, matchOf, startMs } from './alerts-bench.ts';
import { comparisonsOf, createProposals, effectOf, ideaFor, type RuleKnown } from './proposals.ts';

const hourMs = 3_600_000;
const rule: RuleKnown = {
  ...{ id: 'charging-over-temperature' as RuleId, version: 'abcdef012345' },
  ...{ params: { warnC: 60, criticalC: 80 }, suppressMs: 10 * 60_000 },
};
const why = (portC: number): MatchExplanation => ({
  ...{ rule: rule.id, version: rule.version, time: { kind: 'at-once' }, events: [], lateByS: null },
  conditions: [
    {
      of: 'if',
      expression: 'event.portC > params.warnC',
      values: [
        ['event.portC', portC],
        ['params.warnC', 60],
      ],
    },
  ],
  tier: { tier: 'orange', condition: null, passedOver: 0 },
});
let count = 0;
function alertOf(portC: number, state: Alert['state'], atH: number, key = `k${(count += 1)}`): Alert {
  const bench = createAlertsBench();
  const at = (startMs + atH * hourMs) as EpochMs;
  bench.keep(bench.alerts.apply([matchOf({ key, at, facts: { portC }, why: why(portC) })], at));
  return { ...bench.alert(), id: `a${portC}-${atH}-${(count += 1)}` as AlertId, state };
}

describe('what a false alarm suggests', () => {
  it('reads from the alert itself what was compared with which parameter', () => {
    expect(comparisonsOf(alertOf(63, 'false-alarm', 0))).toEqual([
      { fact: 'event.portC', operator: '>', param: 'warnC' },
    ]);
  });

  it('is a threshold that spares the false ones and none that was true', () => {
    const alerts = [alertOf(64, 'false-alarm', 0), alertOf(72, 'closed', 1), alertOf(62, 'false-alarm', 2)];
    const judged = alertOf(63, 'false-alarm', 3);
    expect(ideaFor(rule, judged, [...alerts, judged])).toMatchObject({
      change: { setting: 'params.warnC', from: 60, to: 64 },
      settings: { params: { warnC: 64 } },
    });
    // A true one at 63.5 stands in the way of 64.
    const near = [...alerts, alertOf(63.5, 'closed', 4), judged];
    expect(ideaFor(rule, judged, near)?.change).toMatchObject({ to: 63 });
    // A true one below the false one: no threshold can tell them apart.
    expect(ideaFor(rule, judged, [alertOf(61, 'closed', 4), judged])).toBeNull();
    // Further than a quarter is for people to decide.
    expect(ideaFor(rule, alertOf(76, 'false-alarm', 5), [])).toBeNull();
  });

  it('is a longer suppression where one cause comes back again and again', () => {
    const same = [0, 2, 5].map((hour): Alert => {
      const { why, ...unexplained } = alertOf(99, 'false-alarm', hour, 'shed/a1');
      expect(why).toBeDefined();
      return unexplained;
    });
    const [judged] = same.slice(-1);
    if (!judged) throw new Error('no alert');
    expect(ideaFor(rule, judged, same)?.change).toEqual({ setting: 'suppress', from: '10m', to: '3h' });
  });

  it('comes with its effect on the record: spared, and missed by name', () => {
    const wrong = alertOf(63, 'false-alarm', 0, 'x');
    const right = alertOf(62, 'closed', 1, 'y');
    const match = (alert: Alert) => ({ key: alert.key, at: alert.occurredAt, lastAt: alert.lastAt, count: 2 });
    const span = { since: startMs, until: (startMs + hourMs) as EpochMs };
    expect(effectOf([match(wrong), match(right)], [], [wrong, right], span)).toEqual({
      ...{ ...span, before: 4, after: 0, falseAlarms: 1, falseAlarmsSpared: 1, missed: [right.id] },
    });
  });

  it('is stored, with the lines for kanmen.yaml, also where the record cannot be asked; nothing is applied', async () => {
    const judged = alertOf(63, 'false-alarm', 0);
    const stored: RuleProposal[] = [];
    const asked: unknown[] = [];
    const make = (fails: boolean) =>
      createProposals({
        ask: {
          rule: () => rule,
          alertsOfRule: () => [judged],
          backtest: (id, change) => {
            asked.push([id, change]);
            return fails ? Promise.reject(new Error('no record')) : Promise.resolve([]);
          },
        },
        commit: (changes) => {
          for (const change of changes) if (change.kind === 'proposal-made') stored.push(change.proposal);
          return Promise.resolve();
        },
        ...{ now: () => startMs, random: { id: () => 'p1' }, logger: silentLogger },
      });
    await make(false).judgedFalse(judged);
    await make(true).judgedFalse(judged);
    expect(asked.slice(0, 2)).toEqual([
      [rule.id, null],
      [rule.id, { params: { warnC: 63 } }],
    ]);
    expect(stored).toMatchObject([
      {
        yaml: 'rules:\n  settings:\n    charging-over-temperature: { params: { warnC: 63 } }\n',
        effect: { missed: [] },
        note: null,
      },
      { effect: null, note: 'no record' },
    ]);
  });
});
