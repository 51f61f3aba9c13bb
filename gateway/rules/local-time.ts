import type { RuleDocument } from './rule-document.ts';

/** Local time of a site, as rules ask for it. */
export interface LocalTime {
  /** Minutes since local midnight, 0..1439. */
  minuteOfDay(epochMs: number): number;
  /** 0 = Monday … 6 = Sunday. */
  weekday(epochMs: number): number;
}

// Every zone's offset from UTC is a multiple of 15 minutes, and changes only on such a multiple.
const quarterMs = 15 * 60_000;
const dayMs = 86_400_000;

/** Local time in an IANA zone. One quarter of an hour is remembered: Intl costs microseconds, events come in order. */
export function createLocalTime(timeZone: string): LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  let knownQuarter = Number.NaN;
  let knownOffsetMs = 0;
  const offsetMs = (epochMs: number): number => {
    const quarter = Math.floor(epochMs / quarterMs);
    if (quarter !== knownQuarter) {
      const parts = new Map(format.formatToParts(quarter * quarterMs).map((part) => [part.type, Number(part.value)]));
      const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
      const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
      knownOffsetMs = local - quarter * quarterMs;
      knownQuarter = quarter;
    }
    return knownOffsetMs;
  };
  return {
    minuteOfDay: (epochMs) => Math.floor(((((epochMs + offsetMs(epochMs)) % dayMs) + dayMs) % dayMs) / 60_000),
    // 1970-01-01 was a Thursday.
    weekday: (epochMs) => (((Math.floor((epochMs + offsetMs(epochMs)) / dayMs) + 3) % 7) + 7) % 7,
  };
}

/** `22:30` → 1350. */
export function minutesOf(timeOfDay: string): number {
  return Number(timeOfDay.slice(0, 2)) * 60 + Number(timeOfDay.slice(3, 5));
}

/** Whether a minute of the day lies in [from, to), over midnight where `to` is earlier; equal ends mean all day. */
export function isWithin(minute: number, from: number, to: number): boolean {
  if (from === to) return true;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

export interface NightHours {
  readonly fromMinute: number;
  readonly toMinute: number;
}

const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** Whether a rule's schedule is in force at a local minute and weekday (of the day the span began on). */
export function isInForce(
  schedule: NonNullable<RuleDocument['schedule']>,
  minute: number,
  weekday: number,
  night: NightHours,
): boolean {
  if (typeof schedule === 'string') {
    return isWithin(minute, night.fromMinute, night.toMinute) === (schedule === 'night');
  }
  const from = minutesOf(schedule.from);
  const to = minutesOf(schedule.to);
  if (!isWithin(minute, from, to)) return false;
  if (schedule.days === undefined) return true;
  // After midnight a span over midnight still belongs to the day before.
  const began = from > to && minute < to ? (weekday + 6) % 7 : weekday;
  return schedule.days.some((day) => weekdayNames.indexOf(day) === began);
}
