import { describe, expect, it } from 'vitest';
import type { EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { digestDataSchema } from '../domain/notice.ts';
import { answerOf, createAlertsBench, matchOf, owed, someRecipients, startMs } from './alerts-bench.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
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

  it('sends at once, but keeps blue for the next digest: one delivery a recipient, with the newest of each alert', () => {
    expect(raised({ tier: 'yellow' }).bench.deliveries()[0]?.nextAttemptAt).toBe(startMs);
    // 11:04 in Shanghai: the next 08:00 there is midnight UTC.
    const digestAt = Date.UTC(2026, 0, 3, 0, 0, 0) as EpochMs;
    const { bench } = raised({ tier: 'blue', to: ['community', 'grid'] });
    const other = matchOf({
      tier: 'blue',
      key: 'other',
      to: ['community'],
      title: { zh: '电量低', en: 'Low battery' },
    });
    bench.keep(bench.alerts.apply([other], later(hourMs)));
    // A repeat a day later at most, and a new title at once: only the newest version waits.
    bench.keep(bench.alerts.apply([{ ...other, weight: 20, title: { zh: '没电了', en: 'Empty' } }], later(2 * hourMs)));
    expect(bench.deliveries()).toEqual([]);
    expect(owed(bench.changes).map(({ dueAt }) => dueAt)).toEqual([digestAt, digestAt, digestAt]);
    bench.keep(bench.alerts.tick((digestAt - 1000) as EpochMs));
    expect(bench.deliveries()).toEqual([]);
    const outcome = bench.keep(bench.alerts.tick((digestAt + 5000) as EpochMs));
    expect(outcome.effects.map(({ kind }) => kind)).toContain('deliveries-due');
    const digests = bench.deliveries().map((delivery) => ({
      ...delivery,
      data: digestDataSchema.parse(delivery.data),
    }));
    expect(
      digests.map(({ item, type, tier, recipient, data }) => [
        item,
        type,
        tier,
        recipient,
        data.notices.map((n) => n.data.title.en),
      ]),
    ).toEqual([
      ['digest', 'kanmen.digest.v1', 'blue', 'property', ['Charging port too hot', 'Empty']],
      ['digest', 'kanmen.digest.v1', 'blue', 'grid-1', ['Charging port too hot']],
    ]);
    expect(digests[0]?.data.day).toBe('2026-01-03');
    // Once: neither the next look nor a restart makes another.
    bench.keep(bench.alerts.tick((digestAt + 6000) as EpochMs));
    const again = bench.restarted();
    again.keep(again.alerts.tick((digestAt + 7000) as EpochMs));
    expect(again.deliveries()).toHaveLength(2);
    // Its receipt is the receipt of each.
    for (const delivery of again.deliveries())
      again.keep(again.alerts.delivered(delivery, (digestAt + 8000) as EpochMs));
    expect(again.alerts.open().map(({ state }) => state)).toEqual(['delivered', 'delivered']);
  });

  it('tells a blue one that gets worse at once, and the digest no more', () => {
    const { bench } = raised({ tier: 'blue' });
    bench.keep(bench.alerts.apply([matchOf({ tier: 'yellow' })], later(hourMs)));
    expect(told(bench).slice(-1)).toEqual(['property escalated 2']);
    expect(owed(bench.changes)).toEqual([]);
    bench.keep(bench.alerts.tick(later(24 * hourMs)));
    expect(bench.deliveries().every(({ item }) => item === 'notice')).toBe(true);
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
