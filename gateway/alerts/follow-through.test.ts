import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Recipient } from '../domain/delivery.ts';
import type { RecipientId } from '../domain/ids.ts';
import { noticeDataSchema } from '../domain/notice.ts';
import type { EpochMs } from '../lib/clock.ts';
import { answerOf, createAlertsBench, matchOf, someRecipients, startMs } from './alerts-bench.ts';

/** Alerts followed over weeks: who has to do what until when, whatever the clock on the wall says. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const later = (ms: number): EpochMs => (startMs + ms) as EpochMs;
type Bench = ReturnType<typeof createAlertsBench>;

function raised(tier: 'red' | 'orange' | 'yellow' = 'red', overrides: Parameters<typeof createAlertsBench>[0] = {}) {
  const bench = createAlertsBench(overrides);
  bench.keep(bench.alerts.apply([matchOf({ tier })], startMs));
  for (const delivery of bench.deliveries()) bench.keep(bench.alerts.delivered(delivery, later(1000)));
  return { bench, id: bench.alert().id };
}
const property = { by: '物业', recipient: 'property' as RecipientId };
/** `hour: news` of each time that somebody was told, by ticks every `stepMs` from `fromMs` to `toMs`. */
function watch(bench: Bench, fromMs: number, toMs: number, stepMs: number): string[] {
  const said: string[] = [];
  for (let ms = fromMs; ms <= toMs; ms += stepMs) {
    const { changes } = bench.keep(bench.alerts.tick(later(ms)));
    const told = changes.find(({ kind }) => kind === 'delivery-created');
    if (told?.kind !== 'delivery-created') continue;
    const { news } = noticeDataSchema.parse(told.delivery.data);
    said.push(`${ms / hourMs}h ${news.kind}`);
  }
  return said;
}

describe('a red alert', () => {
  it('escalates when nobody receives it, and when nobody acknowledges it', () => {
    const bench = createAlertsBench();
    bench.keep(bench.alerts.apply([matchOf({ tier: 'red' })], startMs));
    bench.keep(bench.alerts.tick(later(59_000)));
    expect(bench.alert().escalation).toBe(0);
    bench.keep(bench.alerts.tick(later(minuteMs)));
    expect(bench.alert()).toMatchObject({ escalation: 1, followUp: { missed: ['deliver'] } });
    // The people of the other grid are the next level, and the only one that is left.
    expect(bench.deliveries().at(-1)?.recipient).toBe('grid-2');
    bench.keep(bench.alerts.tick(later(5 * minuteMs)));
    expect(bench.data().at(-1)?.news).toMatchObject({ kind: 'escalated', text: 'nobody has acknowledged in time' });
    expect(bench.alert().followUp.missed).toEqual(['deliver', 'acknowledge']);
  });

  it('asks for progress notes until the station says that it is steady', () => {
    const { bench, id } = raised('red', { tiers: { red: { progressEvery: '30m', outcomeWithin: 'none' } } });
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', { at: later(minuteMs) }), later(minuteMs)));
    bench.keep(bench.alerts.answer(answerOf(id, 'progress', { text: '正在扑救' }), later(20 * minuteMs)));
    expect(watch(bench, 21 * minuteMs, 49 * minuteMs, minuteMs)).toEqual([]);
    expect(watch(bench, 50 * minuteMs, 50 * minuteMs, minuteMs)).toEqual([`${50 / 60}h escalated`]);
    // The community may say so too, but it is the station that ends it.
    bench.keep(bench.alerts.answer(answerOf(id, 'progress', { ...property, mark: 'steady' }), later(51 * minuteMs)));
    expect(bench.alert().followUp).toMatchObject({ progressBy: later(81 * minuteMs) });
    expect(bench.alert().followUp.steadyAt ?? null).toBeNull();
    bench.keep(bench.alerts.answer(answerOf(id, 'progress', { mark: 'steady' }), later(60 * minuteMs)));
    expect(bench.alert()).toMatchObject({
      state: 'in-progress',
      followUp: { steadyAt: later(60 * minuteMs), progressBy: null },
    });
    expect(watch(bench, 61 * minuteMs, 5 * dayMs, 30 * minuteMs)).toEqual([]);
    expect(bench.changes.flatMap((c) => (c.kind === 'alert-transition' ? [c.transition.step] : []))).toEqual([
      ...['raise', 'deliver', 'acknowledge', 'progress', 'escalate', 'steady'],
    ]);
  });

  it('goes to its end over two weeks: both sides answer, a revisit is asked for and found unsolved, then solved', () => {
    const { bench, id } = raised('red', { tiers: { red: { progressEvery: 'none' } } });
    const say = (kind: Parameters<typeof answerOf>[1], ms: number, more: Parameters<typeof answerOf>[2] = {}) =>
      bench.keep(bench.alerts.answer(answerOf(id, kind, { at: later(ms), ...more }), later(ms)));
    say('acknowledged', minuteMs);
    say('outcome', hourMs);
    // The community has a day to answer, too.
    expect(watch(bench, 2 * hourMs, 24 * hourMs, hourMs)).toEqual([]);
    expect(watch(bench, 25 * hourMs, 26 * hourMs, hourMs)).toEqual(['25h escalated']);
    say('progress', 27 * hourMs, property);
    expect(watch(bench, 28 * hourMs, 73 * hourMs, hourMs)).toEqual(['73h revisit-asked']);
    say('revisit', 80 * hourMs, { mark: 'unsolved', text: '线路仍然发热' });
    expect(bench.alert()).toMatchObject({ state: 'raised', acknowledgedAt: null, owner: '李警官', closedAt: null });
    expect(bench.alert().followUp).toMatchObject({ answered: [], resolvedAt: null, reopened: 1 });
    say('acknowledged', 81 * hourMs);
    say('outcome', 82 * hourMs);
    say('progress', 83 * hourMs, property);
    say('revisit', 10 * dayMs);
    expect(bench.alert()).toMatchObject({ state: 'closed', closedAt: later(10 * dayMs) });
    expect(bench.states()).toEqual([
      ...['raised', 'delivered', 'acknowledged', 'resolved', 'resolved', 'raised', 'acknowledged', 'resolved'],
      ...['revisited', 'closed'],
    ]);
  });
});

describe('owners and transfers', () => {
  it('the first who answers owns it until it is handed over, on record', () => {
    const { bench, id } = raised('orange');
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged'), later(1000)));
    const over = answerOf(id, 'progress', { mark: 'handed-over', to: '赵警官', text: '交班' });
    bench.keep(bench.alerts.answer(over, later(hourMs)));
    expect(bench.alert()).toMatchObject({ owner: '赵警官', state: 'in-progress' });
    const last = bench.changes.filter((change) => change.kind === 'alert-transition').at(-1);
    expect(last?.transition).toEqual({
      ...{ at: later(hourMs), from: 'in-progress', to: 'in-progress', by: '李警官' },
      ...{ why: '李警官 → 赵警官: 交班', step: 'hand-over' },
    });
  });

  it('a transfer has its own clock, is told to whom it goes, and is followed to its end', () => {
    const housing: Recipient = {
      ...(someRecipients[1] as Recipient),
      id: 'housing' as RecipientId,
      name: '住建局',
      grid: 'g9',
    };
    const { bench, id } = raised('yellow', { recipients: [...someRecipients, housing] });
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', property), later(hourMs)));
    const passOn = answerOf(id, 'transferred', { ...property, to: '住建局', text: '违章搭建' });
    bench.keep(bench.alerts.answer(passOn, later(30 * hourMs)));
    expect(bench.alert()).toMatchObject({
      ...{
        state: 'transferred',
        owner: null,
        acknowledgeBy: later(54 * hourMs),
        outcomeBy: later(30 * hourMs + 7 * dayMs),
      },
      followUp: { transfers: [{ to: '住建局', recipient: 'housing', by: '物业', acceptedAt: null, endedAt: null }] },
    });
    const told = bench.deliveries().find(({ recipient }) => recipient === 'housing');
    const data = noticeDataSchema.parse(told?.data);
    expect(data.news.kind).toBe('transferred');
    expect(data.history?.map(({ step }) => step)).toEqual(['raise', 'deliver', 'acknowledge', 'transfer']);
    // Nobody there takes it up: it escalates by its own clock, not by the first one.
    expect(watch(bench, 31 * hourMs, 53 * hourMs, hourMs)).toEqual([]);
    expect(watch(bench, 54 * hourMs, 54 * hourMs, hourMs)).toEqual(['54h escalated']);
    const there = { by: '周科', recipient: 'housing' as RecipientId };
    bench.keep(
      bench.alerts.answer(answerOf(id, 'acknowledged', { ...there, at: later(55 * hourMs) }), later(55 * hourMs)),
    );
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome', { ...there, at: later(60 * hourMs) }), later(60 * hourMs)));
    expect(bench.alert()).toMatchObject({
      ...{ state: 'closed', owner: '周科' },
      followUp: { transfers: [{ acceptedAt: later(55 * hourMs), endedAt: later(60 * hourMs) }] },
    });
  });
});

describe('clocks that are set', () => {
  /** Hours of real time at which an alert of this tier was escalated, while the wall clock jumps as told. */
  function escalations(jumps: readonly { readonly atH: number; readonly byMs: number }[], restartAtH: number | null) {
    let bench = raised('orange', { recipients: someRecipients.slice(0, 4).map((r, i) => ({ ...r, level: i })) }).bench;
    const at: number[] = [];
    let offsetMs = 0;
    for (let tenth = 1; tenth <= 20 * 24 * 4; tenth += 1) {
      const hour = tenth / 4;
      for (const jump of jumps) if (jump.atH === hour) offsetMs += jump.byMs;
      if (hour === restartAtH) bench = bench.restarted();
      const before = bench.alert().escalation;
      bench.keep(bench.alerts.tick((startMs + hour * hourMs + offsetMs) as EpochMs, hour * hourMs));
      if (bench.alert().escalation > before) at.push(hour);
    }
    return at;
  }

  it('neither miss nor pull forward a deadline over three weeks, forward, back, and over a restart', () => {
    const straight = escalations([], null);
    expect(straight).toEqual([4, 8, 12]);
    expect(escalations([{ atH: 2, byMs: 400 * dayMs }], null)).toEqual(straight);
    expect(escalations([{ atH: 2, byMs: -56 * 365 * dayMs }], null)).toEqual(straight);
    expect(escalations([], 6)).toEqual(straight);
    expect(escalations([{ atH: 2, byMs: -3 * hourMs }], 6)).toEqual(straight);
  });

  it('hold for any jumps (property)', () => {
    const jump = fc.record({
      atH: fc.integer({ min: 1, max: 20 }),
      byMs: fc.integer({ min: -900 * dayMs, max: 900 * dayMs }),
    });
    fc.assert(
      fc.property(fc.array(jump, { maxLength: 4 }), (jumps) => {
        expect(escalations(jumps, null)).toEqual([4, 8, 12]);
      }),
      { numRuns: 30 },
    );
  });

  it('that were wrong at a boot are believed once they are right', () => {
    const { bench } = raised('orange');
    // Off for an hour; up again in 1970; right again after a minute.
    const again = bench.restarted();
    again.keep(again.alerts.tick(1000 as EpochMs, 1000));
    again.keep(again.alerts.tick(60_000 as EpochMs, 60_000));
    expect(again.alert().escalation).toBe(0);
    again.keep(again.alerts.tick(later(hourMs + minuteMs), 61_000));
    expect(again.alert()).toMatchObject({ escalation: 0, acknowledgeBy: later(4 * hourMs) });
    again.keep(again.alerts.tick(later(4 * hourMs), 61_000 + 3 * hourMs - minuteMs));
    expect(again.alert().escalation).toBe(1);
  });
});

describe('a false alarm', () => {
  it('asks for a proposal of a change, once', () => {
    const { bench, id } = raised('yellow');
    const verdict = answerOf(id, 'outcome', { outcome: 'false-alarm' });
    const first = bench.keep(bench.alerts.answer(verdict, later(hourMs)));
    const asked = first.effects.filter(({ kind }) => kind === 'false-alarm-judged');
    expect(asked).toMatchObject([{ alert: { id, state: 'false-alarm' } }]);
    expect(bench.alerts.answer(verdict, later(hourMs)).effects).toEqual([]);
  });
});
