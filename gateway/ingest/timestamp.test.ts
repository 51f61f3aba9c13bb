import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRfc3339, rfc3339Pattern } from './timestamp.ts';

describe('the reader of times', () => {
  it.each([
    ['2026-01-02T03:04:05+08:00', Date.UTC(2026, 0, 1, 19, 4, 5)],
    ['2026-01-02T03:04:05.250Z', Date.UTC(2026, 0, 2, 3, 4, 5, 250)],
    ['2026-01-02t03:04:05z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.123456789-00:30', Date.UTC(2026, 0, 2, 3, 34, 5, 123)],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
    ['2026-12-31T23:59:60Z', Date.UTC(2027, 0, 1)],
  ])('is read from %s', (text, ms) => {
    expect(parseRfc3339(text)).toBe(ms);
  });
  it.each([
    '2026-01-02T03:04:05',
    '2026-01-02 03:04:05Z',
    '2026-01-02T03:04Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-02T24:00:00Z',
    '2026-01-02T03:04:05+0800',
    '1767294245000',
    '',
  ])('is not read from "%s"', (text) => {
    expect(parseRfc3339(text)).toBeNull();
  });

  it('takes what the published pattern takes, days and years that do not exist apart, and reads what Date reads', () => {
    const part = (max: number): fc.Arbitrary<string> => fc.nat(max).map((value) => String(value).padStart(2, '0'));
    const text = fc
      .tuple(
        fc.constantFrom('2026', '2028', '2100', '1999', '20x6', '202'),
        part(14),
        part(33),
        fc.constantFrom('T', 't', ' ', ''),
        part(25),
        part(62),
        part(62),
        fc.constantFrom('', '.', '.5', '.123', '.999999999', '.1234567890', ',5'),
        fc.constantFrom('Z', 'z', '+08:00', '-00:30', '+0800', '+24:00', '', 'Zx', '+08:60'),
      )
      .map(([year, month, day, t, hour, minute, second, fraction, offset]) => {
        return `${year}-${month}-${day}${t}${hour}:${minute}:${second}${fraction}${offset}`;
      });
    fc.assert(
      fc.property(text, (candidate) => {
        const ms = parseRfc3339(candidate);
        if (ms !== null) expect(candidate).toMatch(rfc3339Pattern);
        if (ms === null || candidate.slice(17, 19) === '60') return;
        expect(ms).toBe(Date.parse(candidate.toUpperCase().replace(/(\.\d{3})\d+/, '$1')));
      }),
      { numRuns: 5000 },
    );
    for (const [year, month, day] of [
      [2026, 2, 28],
      [2028, 2, 29],
      [2100, 2, 28],
      [2000, 2, 29],
      [2026, 4, 30],
      [2026, 12, 31],
    ] as const) {
      const at = (one: number): string => `${year}-${String(month).padStart(2, '0')}-${one}T00:00:00Z`;
      expect(parseRfc3339(at(day))).toBe(Date.UTC(year, month - 1, day));
      expect(parseRfc3339(at(day + 1))).toBeNull();
    }
  });
});
