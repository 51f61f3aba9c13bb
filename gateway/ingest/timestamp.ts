import type { EpochMs } from '../lib/clock.ts';

/** RFC 3339 `date-time` (section 5.6): date, T, time with seconds, and always an offset. */
export const rfc3339Pattern =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since 1970 of an RFC 3339 time with offset, or null if it is none or names a day that does not exist. */
export function parseRfc3339(text: string): EpochMs | null {
  if (!rfc3339Pattern.test(text)) return null;
  const day = Number(text.slice(8, 10));
  // Date.parse takes 30 February for 2 March; day 0 of the next month is the last day of this one.
  if (day > 28 && day > new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate())
    return null;
  // A leap second (RFC 3339 section 5.7) is legal and Date knows none: it counts as the second after :59.
  const leap = text.slice(17, 19) === '60';
  const ms = Date.parse((leap ? `${text.slice(0, 17)}59${text.slice(19)}` : text).toUpperCase());
  return Number.isNaN(ms) ? null : ((leap ? ms + 1000 : ms) as EpochMs);
}
