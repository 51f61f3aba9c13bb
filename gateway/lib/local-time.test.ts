import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import type { EpochMs } from './clock.ts';
import { isTimeZone, nextTimeOfDay, parseRfc3339, rfc3339 } from './local-time.ts';

const zones = [
  'Asia/Shanghai',
  'UTC',
  'Europe/Berlin',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
];

describe('rfc3339', () => {
  it('writes the time with its offset', () => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5, 6) as EpochMs;
    expect(rfc3339(at, 'Asia/Shanghai')).toBe('2026-01-02T11:04:05.006+08:00');
    expect(rfc3339(at, 'UTC')).toBe('2026-01-02T03:04:05.006Z');
    expect(rfc3339(at, 'America/St_Johns')).toBe('2026-01-01T23:34:05.006-03:30');
    expect(() => rfc3339(at, 'Asia/Nowhere')).toThrow(RangeError);
  });

  it('says what luxon says, for any time since 1970 in zones of every kind, and is read back as the same moment', () => {
    const moment = fc.oneof(
      fc.integer({ min: 0, max: 4e12 }),
      // Around the hours in which clocks change.
      fc.integer({ min: -5_400_000, max: 5_400_000 }).map((ms) => Date.UTC(2026, 2, 29, 1) + ms),
      fc.integer({ min: -5_400_000, max: 5_400_000 }).map((ms) => Date.UTC(2026, 3, 4, 15) + ms),
    );
    fc.assert(
      fc.property(moment, fc.constantFrom(...zones), (ms, zone) => {
        const at = ms as EpochMs;
        expect(rfc3339(at, zone)).toBe(DateTime.fromMillis(at, { zone }).toISO());
        expect(parseRfc3339(rfc3339(at, zone))).toBe(at);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('parseRfc3339', () => {
  it('takes nothing without an offset and nothing that is no time', () => {
    const texts = ['2026-01-02T03:04:05', '2026-13-02T03:04:05Z', 'yesterday', '', 'Z', '2026-01-02T25:00:00+08:00'];
    expect(texts.map(parseRfc3339)).toEqual(texts.map(() => null));
    expect(parseRfc3339('2026-01-02T11:04:05+08:00')).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
  });
});

describe('nextTimeOfDay', () => {
  it('is later today, or tomorrow from that very minute on, also when clocks change', () => {
    const next = (text: string, time: string, zone: string) =>
      rfc3339(nextTimeOfDay(parseRfc3339(text) ?? (0 as EpochMs), time, zone), zone);
    expect(next('2026-01-02T07:59:59+08:00', '08:00', 'Asia/Shanghai')).toBe('2026-01-02T08:00:00.000+08:00');
    expect(next('2026-01-02T08:00:00+08:00', '08:00', 'Asia/Shanghai')).toBe('2026-01-03T08:00:00.000+08:00');
    expect(next('2026-03-28T09:00:00+01:00', '08:00', 'Europe/Berlin')).toBe('2026-03-29T08:00:00.000+02:00');
  });
});

describe('isTimeZone', () => {
  it('knows the zones of this runtime', () => {
    expect(['Asia/Shanghai', 'UTC', 'Asia/Nowhere', ''].map(isTimeZone)).toEqual([true, true, false, false]);
  });
});
