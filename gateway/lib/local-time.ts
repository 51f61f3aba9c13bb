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
