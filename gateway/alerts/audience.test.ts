import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Recipient } from '../domain/delivery.ts';
import type { GridId, RecipientId } from '../domain/ids.ts';
import type { Addressee } from '../domain/match.ts';
import { tiers } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { createAlertsBench, matchOf, someRecipients, startMs } from './alerts-bench.ts';
import { audienceOf, ladderOf } from './audience.ts';
import { coverageFaults } from './coverage.ts';
import { dutyOptions } from './duty-options.ts';
import { createDuty } from './duty.ts';
import { recipientsOptions } from './options.ts';

const zone = 'Asia/Shanghai';
/** A moment in Shanghai in the week of Monday 2026-11-23. */
const at = (day: number, time: string): EpochMs => {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return Date.UTC(2026, 10, 22 + day, hour - 8, minute) as EpochMs;
};
const duty = dutyOptions.parse([
  {
    id: 'day',
    shifts: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00' }],
    off: ['2026-11-25'],
  },
  { id: 'night', shifts: [{ from: '18:00', to: '08:00' }] },
]);
const person = (id: string, more: object = {}) => ({ id, name: id, role: 'community', channel: 'c', ...more });
const names = (told: readonly { readonly recipient: Recipient }[]): string[] =>
  told.map(({ recipient }) => recipient.id);

describe('whose matter it is', () => {
  const everybody = recipientsOptions.parse([
    person('station', { role: 'station' }),
    person('fire-brigade', { role: 'department', department: 'fire' }),
    person('housing-office', { role: 'department', department: 'housing' }),
    person('street-office', { role: 'department' }),
    person('property'),
  ]);
  const told = (department: 'fire' | 'housing' | 'police' | null, escalation = 0, recipients = everybody) =>
    names(
      audienceOf({ tier: 'red', to: ['station', 'department'], department, grid: null, escalation }, recipients).told,
    );

  it('decides which of several departments is told; one that names none is told of all', () => {
    expect(told('fire')).toEqual(['station', 'fire-brigade', 'street-office', 'property']);
    expect(told('housing')).toEqual(['station', 'housing-office', 'street-office', 'property']);
    expect(told(null)).toEqual(['station', 'fire-brigade', 'housing-office', 'street-office', 'property']);
  });

  it('goes to the station where its department is nobody, and to all when the circle is at its widest', () => {
    const few = everybody.filter(({ id }) => id !== 'street-office');
    expect(told('police', 0, few)).toEqual(['station', 'property']);
    expect(told('police', 1, few)).toEqual(['station', 'fire-brigade', 'housing-office', 'property']);
  });

  it('may only be named by those who are a department', () => {
    expect(recipientsOptions.safeParse([person('x', { department: 'fire' })]).error?.issues[0]).toMatchObject({
      path: [0, 'department'],
      message: 'belongs to the role department, not community',
    });
  });

  it('is proved with the rest: a rule of a department that nobody is reaches the station', () => {
    const faults = coverageFaults({
      ...{ grids: [], timeZone: zone, now: at(1, '12:00'), calendars: duty },
      rules: [{ id: 'smoke', department: 'fire', audiences: [{ tier: 'red', to: ['department'] }] }],
      recipients: recipientsOptions.parse([
        person('housing-office', { role: 'department', department: 'housing' }),
        person('station', { role: 'station', duty: 'night' }),
      ]),
    });
    // By day the station is away: then the other department is told, whoever it is.
    expect(faults).toEqual([]);
  });
});

describe('duty', () => {
  const [day, night] = recipientsOptions.parse([
    person('day', { duty: 'day', away: [{ from: '2026-11-26', to: '2026-11-26' }] }),
    person('night', { duty: 'night' }),
  ]) as [Recipient, Recipient];
  const calendar = createDuty(duty, zone);

  it('knows shifts, shifts past midnight, days off and absences, to the minute', () => {
    const there = (who: Recipient, day: number, time: string): boolean => calendar.isThere(who, at(day, time));
    expect([there(day, 1, '07:59'), there(day, 1, '08:00'), there(day, 1, '17:59'), there(day, 1, '18:00')]).toEqual([
      ...[false, true, true, false],
    ]);
    expect([there(night, 1, '07:59'), there(night, 1, '08:00'), there(night, 1, '23:00')]).toEqual([true, false, true]);
    expect([there(day, 3, '10:00'), there(day, 4, '10:00'), there(day, 5, '10:00'), there(day, 6, '10:00')]).toEqual([
      ...[false, false, true, false],
    ]);
  });

  it('knows when that changes next', () => {
    expect(calendar.nextChange(day, at(1, '09:10'))).toBe(at(1, '18:00'));
    expect(calendar.nextChange(day, at(5, '20:00'))).toBe(at(8, '08:00'));
    expect(calendar.nextChange({ ...day, duty: null, away: [] }, at(1, '09:00'))).toBeNull();
  });
});

describe('who is told', () => {
  const recipients = recipientsOptions.parse([
    person('station', { role: 'station' }),
    person('chief', { role: 'station', level: 1 }),
    person('wang', { role: 'grid', grid: 'g1', duty: 'day', standIns: ['li'] }),
    person('li', { role: 'grid', grid: 'g1', duty: 'night' }),
    person('property', { duty: 'day' }),
  ]);
  const calendar = createDuty(duty, zone);
  const told = (to: readonly Addressee[], when: EpochMs, escalation = 0) =>
    audienceOf({ tier: 'yellow', to, grid: 'g1' as GridId, escalation }, recipients, (r) => calendar.isThere(r, when));

  it('is the stand-in while somebody is off duty, and only then', () => {
    expect(names(told(['grid'], at(1, '20:00')).told)).toEqual(['li']);
    expect(names(told(['grid'], at(1, '10:00')).told)).toEqual(['wang']);
  });

  it('falls upward where nobody is left: community to station, and says so', () => {
    expect(told(['community'], at(1, '20:00'))).toMatchObject({ missing: ['community'], offDuty: false });
    expect(names(told(['community'], at(1, '20:00')).told)).toEqual(['station']);
  });

  it('widens one level for each escalation, and knows its last', () => {
    const levels = ladderOf({ tier: 'yellow', to: ['grid'], grid: 'g1' as GridId }, recipients);
    expect(levels.map((people) => people.map(({ id }) => id))).toEqual([
      ['wang', 'li'],
      ['property'],
      ['station'],
      ['chief'],
    ]);
    expect(names(told(['grid'], at(1, '10:00'), 3).told)).toEqual(['station', 'chief', 'wang', 'property']);
  });

  it('is never nobody while there is any recipient at all (property)', () => {
    const role = fc.constantFrom<Addressee>('station', 'department', 'community', 'grid');
    const someone = fc.record({
      role,
      grid: fc.constantFrom(null, 'g1', 'g2'),
      level: fc.nat({ max: 2 }),
      there: fc.boolean(),
      standIn: fc.nat({ max: 5 }),
    });
    const asked = fc.record({
      tier: fc.constantFrom(...tiers),
      to: fc.uniqueArray(role, { minLength: 1 }),
      grid: fc.constantFrom(null, 'g1' as GridId, 'g3' as GridId),
      escalation: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(someone, { minLength: 1, maxLength: 6 }), asked, (people, audience) => {
        const all: Recipient[] = people.map(({ role: r, grid, level, standIn }, index) => ({
          ...{ id: `r${index}` as RecipientId, name: `r${index}`, role: r, grid, channel: 'c', level },
          standIns: [`r${standIn}` as RecipientId],
        }));
        const isThere = ({ id }: Recipient): boolean => people[Number(id.slice(1))]?.there ?? false;
        const { told: reached, offDuty } = audienceOf(audience, all, isThere);
        expect(reached.length).toBeGreaterThan(0);
        // People are woken only when nobody at all is on duty for the levels of this alert.
        if (!offDuty) expect(reached.every(({ recipient }) => isThere(recipient))).toBe(true);
        const wider = audienceOf({ ...audience, escalation: audience.escalation + 1 }, all);
        const narrow = audienceOf(audience, all);
        expect(names(wider.told)).toEqual(expect.arrayContaining(names(narrow.told)));
      }),
      { numRuns: 500 },
    );
  });

  it('is counted when it was not who was meant, and told again to those who come on duty', () => {
    const bench = createAlertsBench({ recipients, duty });
    const night = at(1, '20:00');
    bench.keep(bench.alerts.apply([matchOf({ tier: 'yellow', to: ['community'] })], night));
    expect(bench.notices().map(({ recipient }) => recipient)).toEqual(['station']);
    expect(bench.alerts.reach()).toEqual({ raised: 1, fellUpward: 1, offDuty: 0, nobody: 0 });
    bench.keep(bench.alerts.tick(at(2, '07:59')));
    bench.keep(bench.alerts.tick(at(2, '08:00')));
    bench.keep(bench.alerts.tick(at(2, '08:01')));
    expect(bench.notices().map(({ recipient }) => recipient)).toEqual(['station', 'property']);
  });

  it('is nobody only where no recipient is configured, and that is counted', () => {
    const bench = createAlertsBench({ recipients: [] });
    bench.keep(bench.alerts.apply([matchOf({ tier: 'red' })], startMs));
    expect(bench.alerts.reach()).toEqual({ raised: 1, fellUpward: 0, offDuty: 0, nobody: 1 });
  });
});

describe('the proof that every rule reaches somebody', () => {
  const rules = [
    { id: 'smoke', audiences: [{ tier: 'red' as const, to: ['station' as const] }] },
    { id: 'battery', audiences: [{ tier: 'blue' as const, to: ['community' as const] }] },
  ];
  const prove = (recipients: readonly object[], now = at(1, '12:00')) =>
    coverageFaults({
      ...{ rules, calendars: duty, grids: ['g1' as GridId], timeZone: zone, now },
      recipients: recipientsOptions.parse(recipients),
    });

  it('finds nothing where somebody always is there, by stand-ins or upward', () => {
    expect(prove([person('station', { role: 'station' })])).toEqual([]);
    expect(prove([person('day', { duty: 'day', standIns: ['x'] }), person('x')])).toEqual([]);
    expect(
      coverageFaults({ rules, recipients: someRecipients, calendars: [], grids: [], timeZone: zone, now: startMs }),
    ).toEqual([]);
  });

  it('names the hours of the week at which nobody is on duty', () => {
    const faults = prove([person('day', { role: 'station', duty: 'day' })]);
    expect(faults.map(({ rules: ids, when, wouldWake }) => [ids, when, wouldWake])).toEqual(
      [
        ...['mon 18:00 – tue 08:00', 'tue 18:00 – wed 08:00', 'wed 18:00 – thu 08:00', 'thu 18:00 – fri 08:00'],
        'fri 18:00 – mon 08:00',
      ]
        .flatMap((when) => [[['smoke'], when, ['day']]])
        .concat(
          [
            ...['mon 18:00 – tue 08:00', 'tue 18:00 – wed 08:00', 'wed 18:00 – thu 08:00', 'thu 18:00 – fri 08:00'],
            'fri 18:00 – mon 08:00',
          ].map((when) => [['battery'], when, ['day']]),
        ),
    );
  });

  it('names the day off on which a week that is else whole has a hole', () => {
    const whole = coverageFaults({
      ...{ rules, grids: [], timeZone: zone, now: at(1, '12:00') },
      calendars: dutyOptions.parse([
        { id: 'all', shifts: [{ from: '00:00', to: '24:00' }], off: ['2026-11-28', '2020-01-01'] },
      ]),
      recipients: recipientsOptions.parse([person('one', { role: 'station', duty: 'all' })]),
    });
    expect(whole.map(({ rules: ids, when }) => [ids, when])).toEqual([
      [['smoke'], '2026-11-28 00:00 – 2026-11-29 00:00'],
      [['battery'], '2026-11-28 00:00 – 2026-11-29 00:00'],
    ]);
  });

  it('says that nobody is told at all where no recipient is configured', () => {
    expect(prove([])).toEqual([{ rules: ['smoke', 'battery'], grid: null, when: null, wouldWake: [] }]);
  });
});
