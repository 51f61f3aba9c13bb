import { DateTime } from 'luxon';
import type { EpochMs } from './clock.ts';

/** `2026-01-02T11:04:05.000+08:00`: RFC 3339 with the offset of an IANA zone (`Asia/Shanghai`). */
export function rfc3339(at: EpochMs, zone: string): string {
  const text = DateTime.fromMillis(at, { zone }).toISO();
  if (text === null) throw new RangeError(`not a time in zone ${zone}: ${at}`);
  return text;
}

/** The moment that an RFC 3339 text with offset names; null if it is none. */
export function parseRfc3339(text: string): EpochMs | null {
  if (!/(?:Z|[+-]\d{2}:?\d{2})$/i.test(text)) return null;
  const parsed = DateTime.fromISO(text);
  return parsed.isValid ? (parsed.toMillis() as EpochMs) : null;
}

/** Whether this runtime knows the zone. */
export function isTimeZone(zone: string): boolean {
  return DateTime.local({ zone }).isValid;
}

/** The next moment after `after` at which clocks in the zone show `timeOfDay` (`08:00`). */
export function nextTimeOfDay(after: EpochMs, timeOfDay: string, zone: string): EpochMs {
  const [hour, minute] = timeOfDay.split(':').map(Number);
  const now = DateTime.fromMillis(after, { zone });
  const today = now.set({ hour: hour ?? 0, minute: minute ?? 0, second: 0, millisecond: 0 });
  return (today > now ? today : today.plus({ days: 1 })).toMillis() as EpochMs;
}
