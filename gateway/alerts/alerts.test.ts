import { describe, expect, it } from 'vitest';
import type { AlertId, AreaId, EventId, RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
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

describe('raising an alert', () => {
  it('tells red and orange to both sides and the grid concerned, yellow and blue to those the rule names', () => {
    const reached = (tier: 'red' | 'orange' | 'yellow' | 'blue') =>
      raised({ tier, to: ['grid'] })
        .bench.notices()
        .map(({ recipient, form }) => `${recipient}: ${form}`);
    const bothSides = ['station: report', 'fire-department: report', 'property: notification', 'grid-1: notification'];
    expect(reached('red')).toEqual(bothSides);
    expect(reached('orange')).toEqual(bothSides);
    expect(reached('yellow')).toEqual(['grid-1: notification']);
    expect(reached('blue')).toEqual(['grid-1: notification']);
  });

  it('makes one alert of several matches with one key: worst tier, title of the highest weight, all facts', () => {
    const bench = createAlertsBench();
    const smoke = matchOf({
      tier: 'red',
      kind: 'fire.smoke-and-heat',
      title: { zh: '烟感报警', en: 'Smoke' },
      weight: 50,
      facts: { smokeDbm: 0.4 },
      events: ['e1' as EventId, 'e2' as EventId],
    });
    bench.keep(bench.alerts.apply([smoke, matchOf({ weight: 20, facts: { portC: 91, smokeDbm: 0 } })], startMs));
    expect(bench.alert()).toMatchObject({
      tier: 'red',
      kind: 'fire.smoke-and-heat',
      title: { en: 'Smoke' },
      count: 1,
      version: 1,
      facts: { portC: 91, smokeDbm: 0.4 },
      events: ['e1', 'e2'],
    });
    expect(told(bench)).toEqual([
      'station raised 1',
      'fire-department raised 1',
      'property raised 1',
      'grid-1 raised 1',
    ]);
  });

  it('makes one alert for each key, in the order of the matches', () => {
    const bench = createAlertsBench();
    bench.keep(bench.alerts.apply([matchOf({ key: 'b' }), matchOf({ key: 'a' }), matchOf({ key: 'b' })], startMs));
    expect(bench.alerts.open().map(({ key, count }) => `${key} ${count}`)).toEqual(['b 1', 'a 1']);
  });

  it('names the rows before the notices and asks for evidence, the outbox and the live feed', () => {
    const { outcome } = raised();
    expect([...new Set(outcome.changes.map(({ kind }) => kind))]).toEqual([
      'alert-saved',
      'alert-transition',
      'notice-created',
      'delivery-created',
    ]);
    expect(outcome.effects.map(({ kind }) => kind)).toEqual(['evidence-wanted', 'deliveries-due', 'alert-changed']);
  });

  it('tells place, times with offset, facts and the deadline as interfaces.md has them', () => {
    const [data] = raised().bench.data();
    expect(data).toMatchObject({
      tier: 'orange',
      version: 1,
      form: 'report',
      occurredAt: '2026-01-02T11:04:05.000+08:00',
      deadline: '2026-01-02T15:04:05.000+08:00',
      place: {
        site: { id: 'nb-0231', name: '春晓花园' },
        area: { id: 'a1', name: 'a1号充电棚' },
        grid: { id: 'g1', people: ['王芳'] },
        name: 'a1号充电棚',
      },
      gateway: 'gw-1',
      facts: { portC: 91 },
      evidence: [],
      news: { kind: 'raised', by: 'kanmen' },
    });
  });

  it('sends at once, but leaves blue for the next digest', () => {
    expect(raised({ tier: 'yellow' }).bench.deliveries()[0]?.nextAttemptAt).toBe(startMs);
    // 11:04 in Shanghai: the next 08:00 there is midnight UTC.
    expect(raised({ tier: 'blue' }).bench.deliveries()[0]?.nextAttemptAt).toBe(Date.UTC(2026, 0, 3, 0, 0, 0));
  });

  it('reaches somebody even where no recipient fits', () => {
    const onlyStation = someRecipients.filter(({ role }) => role === 'station');
    expect(told(raised({ tier: 'blue', to: ['grid'] }, { recipients: onlyStation }).bench)).toEqual([
      'station raised 1',
    ]);
    const otherGrid = someRecipients.filter(({ id }) => id === 'grid-2');
    expect(told(raised({ tier: 'red' }, { recipients: otherGrid }).bench)).toEqual(['grid-2 raised 1']);
    expect(told(raised({ tier: 'red', area: null }, { recipients: otherGrid }).bench)).toEqual(['grid-2 raised 1']);
  });
});

describe('repeats', () => {
  it('are counted at once and told at most once a minute, then ever more rarely', () => {
    const { bench } = raised();
    const tellingsAt: number[] = [];
    for (let second = 1; second <= 4 * 3600; second += 1) {
      const outcome = bench.keep(bench.alerts.apply([matchOf()], later(second * 1000)));
      if (outcome.changes.some(({ kind }) => kind === 'notice-created')) tellingsAt.push(second);
    }
    expect(bench.alert().count).toBe(4 * 3600 + 1);
    expect(tellingsAt).toEqual([60, 120, 240, 480, 960, 1920, 3840, 7440, 11040]);
  });

  it('that came within the minute are told when it is over, by the clock alone', () => {
    const { bench } = raised();
    bench.keep(bench.alerts.apply([matchOf()], later(10_000)));
    expect(bench.alerts.tick(later(59_000)).changes).toEqual([]);
    bench.keep(bench.alerts.tick(later(60_000)));
    expect(bench.data().at(-1)).toMatchObject({ count: 2, version: 2, news: { kind: 'repeated', text: '2' } });
    expect(bench.alerts.tick(later(10 * minuteMs)).changes).toEqual([]);
  });

  it('with a worse tier are told at once as escalated, to the wider circle, with the sooner deadline', () => {
    const { bench } = raised({ tier: 'yellow', to: ['grid'] });
    bench.keep(bench.alerts.apply([matchOf({ tier: 'red', weight: 5 })], later(1000)));
    expect(told(bench)).toEqual([
      'grid-1 raised 1',
      'station escalated 2',
      'fire-department escalated 2',
      'property escalated 2',
      'grid-1 escalated 2',
    ]);
    expect(bench.alert()).toMatchObject({ tier: 'red', acknowledgeBy: later(1000 + 5 * minuteMs), escalation: 0 });
    expect(bench.alert().title.en).toBe('Charging port too hot');
  });

  it('that are worse need a new acknowledgement, and the owner stays the owner', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', { at: later(1000) }), later(1000)));
    bench.keep(bench.alerts.apply([matchOf({ tier: 'red' })], later(2000)));
    expect(bench.alert()).toMatchObject({ state: 'raised', acknowledgedAt: null, owner: '李警官' });
    bench.keep(bench.alerts.answer(answerOf(id, 'acknowledged', { by: '赵警官', at: later(3000) }), later(3000)));
    expect(bench.alert()).toMatchObject({ state: 'acknowledged', acknowledgedAt: later(3000), owner: '李警官' });
  });

  it('with a weightier title are told at once, with a lighter one not', () => {
    const { bench } = raised();
    const light = bench.alerts.apply([matchOf({ weight: 1, title: { zh: '轻', en: 'light' } })], later(1000));
    expect(light.effects.map(({ kind }) => kind)).toEqual(['alert-changed']);
    bench.keep(bench.alerts.apply([matchOf({ weight: 90, title: { zh: '重', en: 'heavy' } })], later(2000)));
    expect(bench.data().at(-1)).toMatchObject({ title: { en: 'heavy' }, news: { kind: 'title-changed' } });
  });

  it('after the outcome are counted for a while, then open the alert again', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome'), later(minuteMs)));
    bench.keep(bench.alerts.apply([matchOf()], later(2 * minuteMs)));
    expect(bench.alert()).toMatchObject({ state: 'resolved', count: 2 });
    const outcome = bench.keep(bench.alerts.apply([matchOf()], later(6 * minuteMs)));
    expect(bench.alert()).toMatchObject({
      state: 'raised',
      acknowledgedAt: null,
      acknowledgeBy: later(6 * minuteMs + 4 * hourMs),
      followUp: { resolvedAt: null, revisitBy: null, answered: [] },
    });
    expect(bench.data().at(-1)?.news.kind).toBe('reopened');
    expect(outcome.effects[0]?.kind).toBe('evidence-wanted');
  });

  it('after a false alarm or a closing make a new alert', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome', { outcome: 'false-alarm' }), later(1000)));
    bench.keep(bench.alerts.apply([matchOf()], later(2000)));
    expect(bench.alerts.open().map((alert) => alert.id === id)).toEqual([false]);
  });

  it('keep a bounded list of events: the first and the latest', () => {
    const { bench } = raised();
    for (let n = 2; n <= 500; n += 1) bench.alerts.apply([matchOf({ events: [`e${n}` as EventId] })], later(n));
    const events = bench.alerts.open()[0]?.events ?? [];
    expect(events).toHaveLength(100);
    expect([events[0], events[9], events[10], events.at(-1)]).toEqual(['e1', 'e10', 'e411', 'e500']);
  });
});

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

  it('of a revisit are asked for, and asked for again', () => {
    const { bench, id } = raised();
    bench.keep(bench.alerts.answer(answerOf(id, 'outcome'), startMs));
    const askedOn: number[] = [];
    for (let day = 1; day <= 9; day += 1) {
      const outcome = bench.keep(bench.alerts.tick(later(day * dayMs)));
      if (outcome.changes.length > 0) askedOn.push(day);
    }
    expect(askedOn).toEqual([3, 6, 9]);
    expect(bench.data().at(-1)?.news.kind).toBe('revisit-asked');
  });

  it('do not exist for blue, which closes by itself after a quiet week', () => {
    const { bench } = raised({ tier: 'blue' });
    expect(bench.alerts.tick(later(6 * dayMs)).changes).toEqual([]);
    bench.keep(bench.alerts.tick(later(7 * dayMs)));
    expect(bench.states()).toEqual(['raised', 'closed']);
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
