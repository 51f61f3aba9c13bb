import { describe, expect, it } from 'vitest';
import type { AlertId, AreaId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { noticeDataSchema } from '../domain/notice.ts';
import { answerOf, createAlertsBench, evidenceOf, matchOf, someRecipients, startMs } from './alerts-bench.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const later = (ms: number): EpochMs => (startMs + ms) as EpochMs;

/** `recipient change version` of each notice, in order. */
const told = (bench: ReturnType<typeof createAlertsBench>): string[] =>
  bench.notices().map(({ recipient, change, alertVersion }) => `${recipient} ${change} ${alertVersion}`);

function raised(changes: Parameters<typeof matchOf>[0] = {}, overrides: Parameters<typeof createAlertsBench>[0] = {}) {
  const bench = createAlertsBench(overrides);
  const outcome = bench.keep(bench.alerts.apply([matchOf(changes)], startMs));
  return { bench, outcome, id: bench.alert().id };
}

describe('answers', () => {
  it('make the first answerer the owner; later ones are kept but change nothing', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', { at: later(1000) }), later(2000)));
    const second = answerOf(id, 'acknowledged', { by: '物业', recipient: 'property' as RecipientId });
    bench.keep(bench.alerts.answer(second, later(3000)));
    expect(bench.alert()).toMatchObject({ owner: '李警官', acknowledgedAt: later(1000), state: 'acknowledged' });
    expect(bench.changes.filter(({ kind }) => kind === 'feedback-recorded')).toHaveLength(2);
    expect(told(bench).slice(4)).toEqual(['fire-department updated 2', 'property updated 2', 'grid-1 updated 2']);
  });

  it('given at the gateway itself are told to every recipient', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', { recipient: null }), later(1000)));
    expect(told(bench).slice(4)).toHaveLength(4);
    expect(bench.alert().followUp.answered).toEqual(['notification']);
  });

  it('that come twice are taken once, also after a restart', () => {
    const { bench, id } = raised();
    const answer = answerOf(id, 'progress', { text: '已到场' });
    bench.keep(bench.alerts.answer(answer, later(1000)));
    expect(bench.alerts.answer(answer, later(2000))).toEqual({ changes: [], effects: [] });
    expect(bench.restarted().alerts.answer(answer, later(3000))).toEqual({ changes: [], effects: [] });
  });

  it('are taken again when their commit failed and the room was reloaded', () => {
    const { bench, id } = raised();
    const answer = answerOf(id, 'acknowledged');
    bench.alerts.answer(answer, later(1000));
    bench.alerts.reload([bench.alert()]);
    bench.keep(bench.alerts.answer(answer, later(2000)));
    expect(bench.alert().owner).toBe('李警官');
  });

  it('with a clock that is wrong cannot be earlier than the alert or later than now', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', { at: later(dayMs) }), later(1000)));
    expect(bench.alert().acknowledgedAt).toBe(later(1000));
  });

  it('close a red alert only after the outcome, a revisit and an answer of both sides', () => {
    const { bench, id } = raised({ tier: 'red' });
    bench.keep(bench.alerts.answer(answerOf(id, 'progress'), later(1000)));
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome'), later(2000)));
    bench.keep(bench.alerts.answer(answerOf(id, 'revisit'), later(3000)));
    expect(bench.alert()).toMatchObject({ state: 'revisited', closedAt: null });
    const property = { by: '物业', recipient: 'property' as RecipientId };
    bench.keep(bench.alerts.answer(answerOf(id, 'progress', property), later(4000)));
    expect(bench.alert()).toMatchObject({ state: 'closed', closedAt: later(4000) });
    expect(bench.states()).toEqual(['raised', 'in-progress', 'resolved', 'revisited', 'closed']);
    expect(told(bench).slice(-4)).toEqual([
      'station closed 5',
      'fire-department closed 5',
      'property closed 5',
      'grid-1 closed 5',
    ]);
    expect(bench.alerts.open()).toEqual([]);
  });

  it('need only the sides that somebody stands on', () => {
    const { bench, id } = raised({}, { recipients: someRecipients.slice(0, 2) });
    for (const kind of ['outcome', 'revisit'] as const) bench.keep(bench.alerts.answer(answerOf(id, kind), later(1)));
    expect(bench.alert().state).toBe('closed');
  });

  it('close a yellow alert, and a drill, with the outcome', () => {
    const yellow = raised({ tier: 'yellow' });
    yellow.bench.keep(yellow.bench.alerts.answer(answerOf(yellow.id, 'outcome'), later(1000)));
    expect(yellow.bench.states()).toEqual(['raised', 'resolved', 'closed']);
    const drill = raised({ tier: 'red' });
    drill.bench.keep(drill.bench.alerts.answer(answerOf(drill.id, 'outcome', { outcome: 'drill' }), later(1000)));
    expect(drill.bench.states()).toEqual(['raised', 'resolved', 'closed']);
  });

  it('of a false alarm end it and are told to all as closed', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome', { outcome: 'false-alarm' }), later(1000)));
    expect(bench.alert()).toMatchObject({ state: 'false-alarm', closedAt: later(1000), owner: '李警官' });
    expect(told(bench).slice(4)).toEqual([
      'station closed 2',
      'fire-department closed 2',
      'property closed 2',
      'grid-1 closed 2',
    ]);
    bench.keep(bench.alerts.answer(answerOf(id, 'progress'), later(2000)));
    expect(bench.changes.at(-1)?.kind).toBe('feedback-recorded');
    expect(bench.alert().state).toBe('false-alarm');
  });

  it('of a transfer free the owner and start the clock for the next one', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged'), later(1000)));
    bench.keep(bench.alerts.answer(answerOf(id, 'transferred', { text: '消防' }), later(2000)));
    expect(bench.alert()).toMatchObject({ state: 'transferred', owner: null, acknowledgeBy: later(2000 + 4 * hourMs) });
    const next = answerOf(id, 'acknowledged', { by: '消防', recipient: 'fire-department' as RecipientId });
    bench.keep(bench.alerts.answer(next, later(3000)));
    expect(bench.alert()).toMatchObject({ state: 'acknowledged', owner: '消防' });
  });

  it('to an alert that nobody knows are refused by name', () => {
    const bench = createAlertsBench();
    expect(() => bench.alerts.answer(answerOf('nope' as AlertId, 'progress'), startMs)).toThrow(
      expect.objectContaining({ code: 'alert.unknown' }),
    );
  });
});

describe('deadlines', () => {
  it('that are missed escalate once each, widen the circle and stop at the limit', () => {
    const { bench } = raised({ tier: 'yellow', to: ['grid'] });
    const escalatedAt: number[] = [];
    for (let hour = 1; hour <= 24 * 6; hour += 1) {
      const outcome = bench.keep(bench.alerts.tick(later(hour * hourMs)));
      if (outcome.changes.some(({ kind }) => kind === 'notice-created')) escalatedAt.push(hour);
    }
    expect(escalatedAt).toEqual([24, 48, 72]);
    expect(bench.alert()).toMatchObject({ escalation: 3, acknowledgeBy: null });
    const reached = (version: number) =>
      bench
        .notices()
        .filter(({ alertVersion }) => alertVersion === version)
        .map(({ recipient, change }) => `${recipient} ${change}`);
    expect([1, 2, 3, 4].map(reached)).toEqual([
      ['grid-1 raised'],
      ['property escalated', 'grid-1 escalated'],
      ['fire-department escalated', 'property escalated', 'grid-1 escalated'],
      ['station escalated', 'fire-department escalated', 'property escalated', 'grid-1 escalated'],
    ]);
  });

  it('of an alert that was acknowledged in time are the outcome’s', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged'), later(hourMs)));
    expect(bench.data().at(-1)?.deadline).toBe('2026-01-05T11:04:05.000+08:00');
    expect(bench.alerts.tick(later(71 * hourMs)).changes).toEqual([]);
    bench.keep(bench.alerts.tick(later(72 * hourMs)));
    expect(bench.alert().escalation).toBe(1);
    expect(bench.data().at(-1)?.news.text).toBe('no outcome in time');
  });

  it('missed while the gateway was off are told once, not once for each', () => {
    const { bench } = raised();
    const again = bench.restarted();
    again.keep(again.alerts.tick(later(2 * dayMs)));
    expect(again.alerts.tick(later(2 * dayMs + 1000)).changes).toEqual([]);
    expect(again.alert().escalation).toBe(1);
  });

  it('of a revisit are asked for first, then escalate, and are asked for until it is done', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'progress', { recipient: 'property' as RecipientId }), startMs));
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome'), startMs));
    const asked: string[] = [];
    for (let day = 1; day <= 12; day += 1) {
      const outcome = bench.keep(bench.alerts.tick(later(day * dayMs)));
      const news = outcome.changes.flatMap((change) =>
        change.kind === 'delivery-created' ? [noticeDataSchema.parse(change.delivery.data).news.kind] : [],
      );
      if (news[0] !== undefined) asked.push(`${day} ${news[0]}`);
    }
    expect(asked).toEqual(['3 revisit-asked', '6 escalated', '9 revisit-asked', '12 revisit-asked']);
    bench.keep(bench.alerts.answer(answerOf(id, 'revisit'), later(13 * dayMs)));
    expect(bench.alert()).toMatchObject({ state: 'closed', followUp: { missed: ['revisit'] } });
  });

  it('do not exist for blue, which closes by itself after a quiet week', () => {
    const { bench } = raised({ tier: 'blue' });
    bench.keep(bench.alerts.tick(later(dayMs)));
    for (const delivery of bench.deliveries()) bench.keep(bench.alerts.delivered(delivery, later(dayMs)));
    expect(bench.alerts.tick(later(6 * dayMs)).changes).toEqual([]);
    bench.keep(bench.alerts.tick(later(7 * dayMs)));
    expect(bench.states()).toEqual(['raised', 'delivered', 'closed']);
  });
});

describe('receipts and evidence', () => {
  it('of a report make the alert delivered, of a mere notification not', () => {
    const { bench } = raised();
    const to = (id: string) => {
      const delivery = bench.deliveries().find(({ recipient }) => recipient === id);
      if (!delivery) throw new Error(`nothing for ${id}`);
      return delivery;
    };
    expect(bench.alerts.delivered(to('property'), later(100)).changes).toEqual([]);
    bench.keep(bench.alerts.delivered(to('station'), later(200)));
    expect(bench.alert()).toMatchObject({ state: 'delivered', version: 1 });
    expect(bench.alerts.delivered(to('fire-department'), later(300)).changes).toEqual([]);
    const yellow = raised({ tier: 'yellow', to: ['grid'] }).bench;
    const [only] = yellow.deliveries();
    if (only) yellow.keep(yellow.alerts.delivered(only, later(200)));
    expect(yellow.alert().state).toBe('delivered');
  });

  it('are told as an update, each piece once', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.attachEvidence(id, [evidenceOf('p1'), evidenceOf('p2')], later(500)));
    expect(bench.alerts.attachEvidence(id, [evidenceOf('p1')], later(600)).changes).toEqual([]);
    expect(bench.data().at(-1)).toMatchObject({
      version: 2,
      evidence: [{ id: 'p1', mediaType: 'image/jpeg' }, { id: 'p2' }],
      news: { kind: 'evidence-added' },
    });
    expect(() => bench.alerts.attachEvidence('nope' as AlertId, [evidenceOf('p')], startMs)).toThrow('no such alert');
  });

  it('that come after the end are kept with the alert and told to nobody', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome', { outcome: 'false-alarm' }), later(1)));
    const before = bench.notices().length;
    bench.keep(bench.alerts.attachEvidence(id, [evidenceOf('p1')], later(500)));
    expect(bench.alert().evidence.map((ref) => ref.id)).toEqual(['p1']);
    expect(bench.notices()).toHaveLength(before);
  });
});

describe('a restart', () => {
  it('goes on where it was: same alert, rising version and sequence', () => {
    const { bench } = raised();
    const again = bench.restarted();
    again.keep(again.alerts.apply([matchOf({ tier: 'red', area: 'a1' as AreaId })], later(minuteMs)));
    expect(again.alert()).toMatchObject({ version: 2, count: 2, tier: 'red' });
    expect(again.deliveries().map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});
