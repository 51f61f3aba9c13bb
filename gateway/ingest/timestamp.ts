import type { EpochMs } from '../lib/clock.ts';

/** RFC 3339 `date-time` (section 5.6): date, T, time with seconds, and always an offset. */
export const rfc3339Pattern =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Two digits at `index`, or NaN. */
function pair(text: string, index: number): number {
  const tens = text.charCodeAt(index) - 48;
  const ones = text.charCodeAt(index + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

/**
 * Milliseconds since 1970 of an RFC 3339 time with offset, or null if it is none or names a day that does not exist.
 * Digits beyond milliseconds are cut off. By hand because it runs for every message; a test holds it against the
 * pattern and Date.parse.
 */
export function parseRfc3339(text: string): EpochMs | null {
  const year = pair(text, 0) * 100 + pair(text, 2);
  const month = pair(text, 5);
  const day = pair(text, 8);
  const hour = pair(text, 11);
  const minute = pair(text, 14);
  const second = pair(text, 17);
  const marks =
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    (text.charCodeAt(10) | 32) === 116 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58;
  // Every comparison is false for NaN. A second of 60 is a leap second (section 5.7) and runs into the next minute.
  if (!(marks && month >= 1 && month <= 12 && hour <= 23 && minute <= 59 && second <= 60)) return null;
  // Date.UTC takes years 0 to 99 for 1900 to 1999; nobody's clock is meant to show them.
  if (!(year >= 100 && day >= 1 && day <= daysIn(year, month))) return null;

  let at = 19;
  let fractionMs = 0;
  if (text.charCodeAt(at) === 46) {
    const start = (at += 1);
    let unit = 100;
    for (; at < text.length; at += 1) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      if (unit >= 1) fractionMs += digit * unit;
      unit /= 10;
    }
    if (at === start || at - start > 9) return null;
  }
  const offsetMs = offsetAt(text, at);
  if (offsetMs === null) return null;
  return (Date.UTC(year, month - 1, day, hour, minute, second) + fractionMs - offsetMs) as EpochMs;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `Z` or `+08:00` at `index`, to the end of the text, in ms; null if there is neither. */
function offsetAt(text: string, index: number): number | null {
  const mark = text.charCodeAt(index);
  if ((mark | 32) === 122) return text.length === index + 1 ? 0 : null;
  const hours = pair(text, index + 1);
  const minutes = pair(text, index + 4);
  const sign = mark === 43 ? 1 : mark === 45 ? -1 : 0;
  const formed = sign !== 0 && text.charCodeAt(index + 3) === 58 && text.length === index + 6;
  return formed && hours <= 23 && minutes <= 59 ? sign * (hours * 60 + minutes) * 60_000 : null;
}
