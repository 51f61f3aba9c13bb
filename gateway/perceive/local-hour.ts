import type { EpochMs } from '../lib/clock.ts';
import { rfc3339 } from '../lib/local-time.ts';

/** The hour (0..23) that clocks in an IANA time zone show. */
export function localHour(at: EpochMs, timeZone: string): number {
  return Number(rfc3339(at, timeZone).slice(11, 13));
}
