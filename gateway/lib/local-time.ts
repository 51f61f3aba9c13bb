import { DateTime } from 'luxon';
import type { EpochMs } from './clock.ts';

/** Zones change their offset only at whole quarters of an hour of UTC (tested against luxon for zones of every kind). */
const bucketMs = 900_000;
/** The last offset asked for, by zone: times that are written stand close together. */
const lastOffsets = new Map<string, { readonly bucket: number; readonly offsetMinutes: number }>();

function offsetMinutesAt(at: EpochMs, zone: string): number {
  const bucket = Math.floor(at / bucketMs);
  const last = lastOffsets.get(zone);
  if (last?.bucket === bucket) return last.offsetMinutes;
  const local = DateTime.fromMillis(at, { zone });
  if (!local.isValid) throw new RangeError(`not a time in zone ${zone}: ${at}`);
  lastOffsets.set(zone, { bucket, offsetMinutes: local.offset });
  return local.offset;
}

/**
 * `2026-01-02T11:04:05.000+08:00`: RFC 3339 with the offset of an IANA zone (`Asia/Shanghai`), `Z` for none. Times before
 * 1970 are not written by this product.
 */
export function rfc3339(at: EpochMs, zone: string): string {
  const offsetMinutes = offsetMinutesAt(at, zone);
  const text = new Date(at + offsetMinutes * 60_000).toISOString();
  if (offsetMinutes === 0) return text;
  const ahead = Math.abs(offsetMinutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${text.slice(0, -1)}${offsetMinutes > 0 ? '+' : '-'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
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

/** The local day that a moment lies on, `2026-01-02`. */
export function localDate(at: EpochMs, zone: string): string {
  return rfc3339(at, zone).slice(0, 10);
}
