/** Local time of a site, as rules ask for it. */
export interface LocalTime {
  /** Minutes since local midnight, 0..1439. */
  minuteOfDay(epochMs: number): number;
  /** Days since 1970-01-01 on the site's calendar. */
  dayNumber(epochMs: number): number;
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
    dayNumber: (epochMs) => Math.floor((epochMs + offsetMs(epochMs)) / dayMs),
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
