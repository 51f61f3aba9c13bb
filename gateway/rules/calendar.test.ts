import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../lib/errors.ts';
import type { AreaId } from '../domain/ids.ts';
import { readCalendar } from './calendar-file.ts';
import { createCalendar } from './calendar.ts';
import { formatRuleFault } from './fault.ts';
import { charging, fire, hot, noon, passage, play, rulesOf } from './samples.ts';

const dir = mkdtempSync(join(tmpdir(), 'kanmen-calendar-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const site = { timeZone: 'Asia/Shanghai', nightFrom: '22:00', nightTo: '06:00' } as const;
const local = (text: string): number => Date.parse(`${text}+08:00`);

describe('the site’s calendar', () => {
  const read = readCalendar(
    'calendar.yaml',
    'holidays: [2026-01-01..2026-01-03]\nworkdays: [2026-01-04]\nschoolHolidays: [2026-01-26..2026-02-28]\n',
  );
  const calendar = createCalendar({ ...site, ...(read.ok && { days: read.days }) });

  it.each([
    ['2026-01-02T12:00', { weekday: 'fri', holiday: true, workday: false, schoolDay: false }],
    ['2026-01-04T12:00', { weekday: 'sun', holiday: false, workday: true, schoolDay: true }],
    ['2026-01-07T12:00', { weekday: 'wed', holiday: false, workday: true, schoolDay: true }],
    ['2026-01-10T12:00', { weekday: 'sat', holiday: false, workday: false, schoolDay: false }],
    ['2026-01-27T12:00', { weekday: 'tue', holiday: false, workday: true, schoolDay: false }],
  ])('%s is %o', (time, day) => {
    expect(calendar.at(local(`${time}:00`))).toMatchObject(day);
  });

  it('counts the hours after midnight to the night before', () => {
    expect(calendar.at(local('2026-01-08T02:00:00'))).toMatchObject({ date: '2026-01-08', nightDate: '2026-01-07' });
    expect(calendar.at(local('2026-01-08T23:00:00'))).toMatchObject({ nightDate: '2026-01-08', night: true, hour: 23 });
    expect(calendar.isInForce({ from: '22:00', to: '06:00', days: ['wed'] }, local('2026-01-08T02:00:00'))).toBe(true);
  });

  it('gives rules their hours: on school days before eight', () => {
    const file = join(dir, 'calendar.yaml');
    writeFileSync(file, 'schoolHolidays: [2026-01-08]\n');
    const rules = rulesOf(
      { school: 'tier: blue\nwhen: { kind: passage }\nschedule: { from: "07:00", to: "08:00", on: school-day }' },
      { calendarFile: file },
    );
    // 19 h after noon is seven in the morning; Thursday is free, Friday is not, Saturday is none.
    expect(play(rules, [passage(19.5 * 3600), passage(43.5 * 3600), passage(67.5 * 3600)])).toEqual(['156600 blue']);
  });

  it('is refused whole with every fault in its place', () => {
    const wrong = readCalendar(
      'c.yaml',
      'holidays:\n  - 2026-02-30\n  - 2026-10-07..2026-10-01\nfeasts: []\nworkdays: 3\n',
    );
    expect(wrong.ok ? [] : wrong.faults.map(formatRuleFault)).toEqual([
      'c.yaml:2:5 holidays[0] = "2026-02-30": is no day and no span (allowed: 2026-01-01 or 2026-10-01..2026-10-07)',
      'c.yaml:3:5 holidays[1] = "2026-10-07..2026-10-01": is no day and no span (allowed: 2026-01-01 or 2026-10-01..2026-10-07)',
      'c.yaml:4:1 feasts: unknown key (allowed: holidays, workdays, schoolHolidays)',
      'c.yaml:5:1 workdays: must be a list of days (allowed: [2026-01-01, 2026-10-01..2026-10-07])',
    ]);
    const file = join(dir, 'wrong.yaml');
    writeFileSync(file, 'feasts: []\n');
    expect(() => rulesOf({ hot }, { calendarFile: file })).toThrow(GatewayError);
  });
});

describe('a window of the site', () => {
  const bodies = {
    hot,
    smoke: 'tier: red\nwhen: { kind: fire, alarm: smoke }',
  };
  const window = (more: object) => ({
    suppressions: [
      { id: 'work', reason: 'cable work in shed 1', from: '2026-01-07T12:00', to: '2026-01-07T13:00', ...more },
    ],
  });

  it('keeps matches of its areas back while it lasts, and counts them', () => {
    const rules = rulesOf(bodies, window({ areas: ['shed-1'] }));
    const other = charging(20, { portC: 61, area: 'shed-2' as AreaId });
    expect(play(rules, [charging(10, { portC: 61 }), other, charging(3601, { portC: 61 })])).toEqual([
      '20 orange',
      '3601 orange',
    ]);
    expect(rules.list().find(({ id }) => id === 'hot')?.counters.silenced).toBe(1);
  });

  it('never keeps back what is red unless it names the rule', () => {
    expect(play(rulesOf(bodies, window({ areas: ['shed-1'] })), [fire(10)])).toEqual(['10 red']);
    expect(play(rulesOf(bodies, window({ rules: ['smoke'] })), [fire(10)])).toEqual([]);
  });

  it('must end, must name something, and must name rules that are there', () => {
    expect(() => rulesOf(bodies, window({}))).toThrow(/must name rules, kinds, areas or sources/);
    expect(() => rulesOf(bodies, window({ areas: ['a'], to: undefined }))).toThrow(/a window must end/);
    expect(() => rulesOf(bodies, window({ rules: ['smok'] }))).toThrow(/did you mean "smoke"/);
  });
});

it('noon of these tests is noon in Shanghai', () => {
  expect(createCalendar(site).at(noon).hour).toBe(12);
});
