import { createLocalTime, isWithin, minutesOf } from './local-time.ts';
import type { RuleDocument } from './rule-document.ts';

/** Days that are not what their weekday says, as local dates `2026-10-01`. */
export interface SpecialDays {
  /** Public holidays. */
  readonly holidays: ReadonlySet<string>;
  /** Days worked in place of a holiday (调休), mostly weekends. */
  readonly workdays: ReadonlySet<string>;
  /** Holidays of the schools that are workdays for everybody else. */
  readonly schoolHolidays: ReadonlySet<string>;
}

export const ordinaryDays: SpecialDays = { holidays: new Set(), workdays: new Set(), schoolHolidays: new Set() };

export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** What one local day is. */
export interface Day {
  /** `2026-10-01`. */
  readonly date: string;
  readonly weekday: (typeof weekdayNames)[number];
  readonly workday: boolean;
  readonly holiday: boolean;
  readonly schoolDay: boolean;
}

/** What a moment is on the site's clocks and calendar. */
export interface LocalMoment extends Day {
  readonly minute: number;
  readonly hour: number;
  readonly night: boolean;
  /** The date on which the night began that the moment lies in; by day the date itself. */
  readonly nightDate: string;
}

export interface SiteCalendar {
  at(epochMs: number): LocalMoment;
  /** Whether a rule's schedule is in force; a span over midnight belongs to the day on which it began. */
  isInForce(schedule: NonNullable<RuleDocument['schedule']>, epochMs: number): boolean;
}

const maxKnownDays = 1000;

/** The site's clocks and calendar. `nightFrom`, `nightTo`: `22:00`. */
export function createCalendar(site: {
  readonly timeZone: string;
  readonly nightFrom: string;
  readonly nightTo: string;
  readonly days?: SpecialDays;
}): SiteCalendar {
  const local = createLocalTime(site.timeZone);
  const special = site.days ?? ordinaryDays;
  const [nightFrom, nightTo] = [minutesOf(site.nightFrom), minutesOf(site.nightTo)];
  const days = new Map<number, Day>();

  const dayOf = (number: number): Day => {
    const known = days.get(number);
    if (known) return known;
    const date = new Date(number * 86_400_000).toISOString().slice(0, 10);
    // 1970-01-01 was a Thursday.
    const weekday = weekdayNames[(((number + 3) % 7) + 7) % 7] ?? 'mon';
    const holiday = special.holidays.has(date);
    const workday = special.workdays.has(date) || (!holiday && weekday !== 'sat' && weekday !== 'sun');
    const day: Day = { date, weekday, holiday, workday, schoolDay: workday && !special.schoolHolidays.has(date) };
    if (days.size >= maxKnownDays) days.clear();
    days.set(number, day);
    return day;
  };

  const fits = (on: NonNullable<Exclude<RuleDocument['schedule'], string | undefined>['on']>, day: Day): boolean => {
    switch (on) {
      case 'workday':
        return day.workday;
      case 'restday':
        return !day.workday;
      case 'holiday':
        return day.holiday;
      case 'school-day':
        return day.schoolDay;
      case 'no-school':
        return !day.schoolDay;
    }
  };

  // Asked for every event; zones change on quarters of an hour, so within a minute nothing does.
  let knownMinute = Number.NaN;
  let known: LocalMoment | null = null;
  const momentAt = (epochMs: number): LocalMoment => {
    const minute = local.minuteOfDay(epochMs);
    const number = local.dayNumber(epochMs);
    const day = dayOf(number);
    const night = isWithin(minute, nightFrom, nightTo);
    const sinceYesterday = night && nightFrom > nightTo && minute < nightTo;
    return {
      ...day,
      minute,
      hour: Math.floor(minute / 60),
      night,
      nightDate: sinceYesterday ? dayOf(number - 1).date : day.date,
    };
  };

  return {
    at: (epochMs) => {
      const epochMinute = Math.floor(epochMs / 60_000);
      if (known === null || epochMinute !== knownMinute) {
        known = momentAt(epochMs);
        knownMinute = epochMinute;
      }
      return known;
    },
    isInForce: (schedule, epochMs) => {
      const minute = local.minuteOfDay(epochMs);
      if (typeof schedule === 'string') return isWithin(minute, nightFrom, nightTo) === (schedule === 'night');
      const [from, to] = [minutesOf(schedule.from ?? '00:00'), minutesOf(schedule.to ?? '00:00')];
      if (!isWithin(minute, from, to)) return false;
      if (schedule.days === undefined && schedule.on === undefined) return true;
      const number = local.dayNumber(epochMs);
      const day = dayOf(from > to && minute < to ? number - 1 : number);
      if (schedule.days !== undefined && !schedule.days.includes(day.weekday)) return false;
      return schedule.on === undefined || fits(schedule.on, day);
    },
  };
}
