import { DateTime } from 'luxon';
import type { Recipient } from '../domain/delivery.ts';
import type { RecipientId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { DutyCalendar, Weekday } from './duty-options.ts';
import { weekdays } from './duty-options.ts';

/** Who is there when. Pure but for a cache: the answer depends on the moment alone. */
export interface Duty {
  /** On duty and not away. A recipient without a calendar is always on duty. */
  isThere(recipient: Recipient, at: EpochMs): boolean;
  /** When that may next change, after `at`; null: never. Looks a week ahead, the length of every calendar. */
  nextChange(recipient: Recipient, at: EpochMs): EpochMs | null;
}

const dayMinutes = 24 * 60;
/** Recipients looked up in one minute and remembered: a storm asks the same for thousands of alerts. */
interface Remembered {
  minute: number;
  readonly there: Map<RecipientId, boolean>;
}

export const minutesOf = (timeOfDay: string): number => {
  const [hours = 0, minutes = 0] = timeOfDay.split(':').map(Number);
  return hours * 60 + minutes;
};

interface LocalMinute {
  readonly day: Weekday;
  readonly date: string;
  readonly dayBefore: Weekday;
  readonly dateBefore: string;
  readonly minute: number;
}

function localMinute(at: EpochMs, timeZone: string): LocalMinute {
  const local = DateTime.fromMillis(at, { zone: timeZone });
  const before = local.minus({ days: 1 });
  return {
    day: weekdays[local.weekday - 1] ?? 'mon',
    date: local.toISODate() ?? '',
    dayBefore: weekdays[before.weekday - 1] ?? 'mon',
    dateBefore: before.toISODate() ?? '',
    minute: local.hour * 60 + local.minute,
  };
}

/** Whether a calendar has a shift at this local minute. A shift past midnight belongs to the day on which it begins. */
export function inShift(calendar: DutyCalendar, local: LocalMinute): boolean {
  return calendar.shifts.some(({ days, from, to }) => {
    const begins = minutesOf(from);
    const ends = minutesOf(to);
    const today = days.includes(local.day) && !calendar.off.includes(local.date);
    if (ends > begins) return today && local.minute >= begins && local.minute < ends;
    const yesterday = days.includes(local.dayBefore) && !calendar.off.includes(local.dateBefore);
    return (today && local.minute >= begins) || (yesterday && local.minute < ends);
  });
}

/** The calendars that recipients name, in one time zone. A calendar that is not there counts as "always". */
export function createDuty(calendars: readonly DutyCalendar[], timeZone: string): Duty {
  const byId = new Map(calendars.map((calendar) => [calendar.id, calendar]));
  const remembered: Remembered = { minute: -1, there: new Map() };

  const look = (recipient: Recipient, local: LocalMinute): boolean => {
    if (recipient.away?.some(({ from, to }) => local.date >= from && local.date <= to) === true) return false;
    const calendar = byId.get(recipient.duty ?? '');
    return calendar === undefined || inShift(calendar, local);
  };
  const always = ({ duty, away }: Recipient): boolean =>
    (duty === undefined || duty === null || !byId.has(duty)) && (away === undefined || away.length === 0);

  const isThere = (recipient: Recipient, at: EpochMs): boolean => {
    if (always(recipient)) return true;
    const minute = Math.floor(at / 60_000);
    if (remembered.minute !== minute) {
      remembered.minute = minute;
      remembered.there.clear();
    }
    const known = remembered.there.get(recipient.id);
    if (known !== undefined) return known;
    const there = look(recipient, localMinute(at, timeZone));
    remembered.there.set(recipient.id, there);
    return there;
  };

  return {
    isThere,
    nextChange: (recipient, at) => {
      if (always(recipient)) return null;
      const now = look(recipient, localMinute(at, timeZone));
      // Shifts begin and end at whole minutes; a quarter of an hour is the grain that people plan in, the rest is found by minutes.
      const quarterMs = 15 * 60_000;
      const from = Math.floor(at / 60_000) * 60_000;
      for (let ms = from; ms <= from + 8 * dayMinutes * 60_000; ms += quarterMs) {
        const until = (ms + quarterMs) as EpochMs;
        if (look(recipient, localMinute(until, timeZone)) === now) continue;
        for (let minute = ms + 60_000; minute <= until; minute += 60_000) {
          if (look(recipient, localMinute(minute as EpochMs, timeZone)) !== now) return minute as EpochMs;
        }
      }
      return null;
    },
  };
}
