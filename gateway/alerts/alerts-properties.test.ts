import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertStates, endedAlertStates, feedbackKinds } from '../domain/alert.ts';
import type { EpochMs } from '../lib/clock.ts';
import { digestDataSchema, noticeDataSchema } from '../domain/notice.ts';
import { tierRank, tiers } from '../domain/tier.ts';
import { answerOf, createAlertsBench, evidenceOf, matchOf, someRecipients, startMs } from './alerts-bench.ts';
import { notedSteps, stateAfter, transitionTable, type Step } from './transitions.ts';

const stepNames = Object.keys(transitionTable) as Step[];

type Move =
  | {
      readonly do: 'match';
      readonly key: number;
      readonly tier: number;
      readonly weight: number;
      readonly area: number;
    }
  | {
      readonly do: 'answer';
      readonly kind: number;
      readonly outcome: number;
      readonly from: number;
      readonly alert: number;
    }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'receive'; readonly which: number }
  | { readonly do: 'evidence'; readonly alert: number; readonly id: number }
  | { readonly do: 'restart' };

const small = fc.nat({ max: 4 });
const moves = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('match' as const),
      key: fc.nat({ max: 2 }),
      tier: fc.nat({ max: 3 }),
      weight: small,
      area: small,
    }),
    fc.record({
      do: fc.constant('answer' as const),
      kind: small,
      outcome: fc.nat({ max: 2 }),
      from: fc.nat({ max: 5 }),
      alert: small,
    }),
    fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(fc.nat({ max: 90_000 }), fc.nat({ max: 10 * 86_400_000 })),
    }),
    fc.record({ do: fc.constant('receive' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('evidence' as const), alert: small, id: small }),
    fc.record({ do: fc.constant('restart' as const) }),
  ),
  { maxLength: 60 },
);

function play(story: readonly Move[]) {
  let bench = createAlertsBench();
  let nowMs: number = startMs;
  const ids = () => bench.changes.flatMap((change) => (change.kind === 'alert-saved' ? [change.alert.id] : []));
  for (const move of story) {
    const now = nowMs as EpochMs;
    switch (move.do) {
      case 'match': {
        const area = (['a1', 'a2', null][move.area % 3] ?? null) as ReturnType<typeof matchOf>['area'];
        const title = { zh: `标题${move.weight}`, en: `title ${move.weight}` };
        const tier = tiers[move.tier] ?? 'blue';
        bench.keep(
          bench.alerts.apply([matchOf({ key: `k${move.key}`, tier, weight: move.weight, area, title, at: now })], now),
        );
        break;
      }
      case 'answer': {
        const id = ids()[move.alert];
        const kind = feedbackKinds[move.kind];
        if (id === undefined || kind === undefined) break;
        const recipient = someRecipients[move.from]?.id ?? null;
        const outcome = kind === 'outcome' ? ((['true', 'false-alarm', 'drill'] as const)[move.outcome] ?? null) : null;
        bench.keep(bench.alerts.answer(answerOf(id, kind, { outcome, recipient, at: now }), now));
        break;
      }
      case 'wait':
        nowMs += move.ms;
        bench.keep(bench.alerts.tick(nowMs as EpochMs));
        break;
      case 'receive': {
        const all = bench.deliveries();
        const delivery = all[move.which % Math.max(all.length, 1)];
        if (delivery) bench.keep(bench.alerts.delivered(delivery, now));
        break;
      }
      case 'evidence': {
        const id = ids()[move.alert];
        if (id !== undefined) bench.keep(bench.alerts.attachEvidence(id, [evidenceOf(`p${move.id}`)], now));
        break;
      }
      case 'restart':
        bench = bench.restarted();
        break;
    }
  }
  return bench;
}

describe('the table of transitions', () => {
  it('knows every state, leads nowhere out of an end, and every state but raised is reached by some step', () => {
    for (const step of stepNames)
      for (const ended of endedAlertStates) expect(stateAfter(ended, step), `${ended} ${step}`).toBeNull();
    const reached = new Set(stepNames.map((step) => transitionTable[step].to));
    expect(alertStates.filter((state) => !reached.has(state))).toEqual([]);
    for (const state of alertStates)
      if (!endedAlertStates.includes(state))
        expect(
          stepNames.some((step) => stateAfter(state, step) !== null),
          `a way out of ${state}`,
        ).toBe(true);
  });
});

describe('any story of matches, answers, waits, receipts, evidence and restarts', () => {
  it('keeps to the table: each recorded transition starts where the last one ended', () => {
    const legal = new Set(
      stepNames.flatMap((step) => transitionTable[step].from.map((from) => `${from} ${transitionTable[step].to}`)),
    );
    fc.assert(
      fc.property(moves, (story) => {
        const state = new Map<string, string>();
        const openKeys = new Map<string, string>();
        for (const change of play(story).changes) {
          if (change.kind === 'alert-transition') {
            const { from, to, step } = change.transition;
            expect(from).toBe(state.get(change.alertId) ?? null);
            if ((notedSteps as readonly (string | undefined)[]).includes(step)) expect(to).toBe(from);
            else if (from !== null) expect(legal).toContain(`${from} ${to}`);
            state.set(change.alertId, to);
          }
          if (change.kind === 'alert-saved') {
            // The open alert of a cause is the only one.
            const { alert } = change;
            const ended = endedAlertStates.includes(alert.state);
            const holder = openKeys.get(alert.key);
            if (!ended) expect(holder ?? alert.id).toBe(alert.id);
            if (!ended) openKeys.set(alert.key, alert.id);
            else if (holder === alert.id) openKeys.delete(alert.key);
            expect(alert.closedAt !== null).toBe(ended);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('saves the state that the transitions lead to', () => {
    fc.assert(
      fc.property(moves, (story) => {
        const bench = play(story);
        const last = new Map<string, string>();
        const saved = new Map<string, string>();
        for (const change of bench.changes) {
          if (change.kind === 'alert-transition') last.set(change.alertId, change.transition.to);
          if (change.kind === 'alert-saved') saved.set(change.alert.id, change.alert.state);
        }
        expect([...saved]).toEqual([...last]);
      }),
      { numRuns: 200 },
    );
  });

  it('tells each version once to each recipient, in rising order, with a valid form; tiers never fall', () => {
    fc.assert(
      fc.property(moves, (story) => {
        const bench = play(story);
        const lastVersion = new Map<string, number>();
        const version = new Map<string, number>();
        const rank = new Map<string, number>();
        let sequence = 0;
        for (const change of bench.changes) {
          if (change.kind === 'alert-saved') {
            const { alert } = change;
            const before = version.get(alert.id) ?? 0;
            expect([before, before + 1]).toContain(alert.version);
            version.set(alert.id, alert.version);
            expect(tierRank(alert.tier)).toBeLessThanOrEqual(rank.get(alert.id) ?? 3);
            rank.set(alert.id, tierRank(alert.tier));
          }
          if (change.kind !== 'delivery-created') continue;
          const { delivery } = change;
          const inDigest = delivery.item === 'digest';
          const told = inDigest
            ? digestDataSchema.parse(delivery.data).notices.map((notice) => notice.data)
            : [noticeDataSchema.parse(delivery.data)];
          for (const data of told) {
            const key = `${data.alertId} ${delivery.recipient}`;
            expect(data.version).toBeGreaterThan(lastVersion.get(key) ?? 0);
            if (!inDigest) expect(data.version).toBe(version.get(data.alertId));
            lastVersion.set(key, data.version);
          }
          expect(delivery.sequence).toBe((sequence += 1));
        }
        const ids = bench.deliveries().map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 300 },
    );
  });

  it('comes to the same rows when it is played again', () => {
    fc.assert(
      fc.property(moves, (story) => {
        const strip = (changes: readonly unknown[]) => JSON.stringify(changes).replace(/"f-\d+"/g, '"f"');
        expect(strip(play(story).changes)).toBe(strip(play(story).changes));
      }),
      { numRuns: 50 },
    );
  });
});
