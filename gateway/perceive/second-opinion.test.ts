import { describe, expect, it } from 'vitest';
import type { ReadCharacter } from './ctc.ts';
import { joinOpinions } from './second-opinion.ts';

/** A read of `text` with one sureness, except at the places named: [character meant, its sureness, the other, its]. */
function opinion(text: string, ratio: number, doubt: Record<number, readonly [string, number]> = {}): ReadCharacter[] {
  return Array.from(text).map((character, place) => {
    const other = doubt[place];
    const own = other ? 1 - other[1] : ratio;
    return { character, ratio: own, candidates: other ? [[character, own], other] : [[character, own]] };
  });
}
const textOf = (characters: readonly ReadCharacter[]): string => characters.map(({ character }) => character).join('');
const least = (characters: readonly ReadCharacter[]): number => Math.min(...characters.map(({ ratio }) => ratio));

describe('a second opinion', () => {
  it('makes two readers that agree surer than either, and never less sure', () => {
    const joined = joinOpinions(opinion('浙B12345', 0.75), opinion('浙B12345', 0.75), 'blue');
    expect(textOf(joined)).toBe('浙B12345');
    expect(least(joined)).toBeCloseTo(0.875, 5);
    expect(least(joinOpinions(opinion('浙B12345', 0.3), opinion('浙B12345', 0.9), 'blue'))).toBeGreaterThanOrEqual(0.9);
  });

  it('believes neither of two sure readers that differ', () => {
    const joined = joinOpinions(opinion('浙B12345', 0.95), opinion('皖B12345', 0.95), 'blue');
    expect(joined[0]?.ratio).toBeLessThan(0.5);
    expect(least(joined.slice(1))).toBeGreaterThan(0.95);
  });

  it('decides a doubtful character by what both give it', () => {
    const first = opinion('浙B1234S', 0.95, { 6: ['5', 0.45] });
    const second = opinion('浙B12345', 0.9);
    const joined = joinOpinions(first, second, 'blue');
    expect(textOf(joined)).toBe('浙B12345');
    expect(joined[6]?.ratio).toBeCloseTo((0.45 + 0.9) / 2, 5);
  });

  it('takes the one that can stand on a plate where one has lost or gained a character', () => {
    expect(textOf(joinOpinions(opinion('B12345', 0.99), opinion('浙B12345', 0.7), 'blue'))).toBe('浙B12345');
    expect(textOf(joinOpinions(opinion('浙B12345', 0.6), opinion('浙B123345', 0.99), 'blue'))).toBe('浙B12345');
  });

  it('hears the second on the places that it has where it left out the rest, and the first alone on those', () => {
    const first = opinion('民航4U4B8', 0.95, { 5: ['8', 0.55] });
    const joined = joinOpinions(first, opinion('4U4B8', 0.9), 'green');
    expect(textOf(joined)).toBe('民航4U4B8');
    expect(joined[5]?.ratio).toBeGreaterThan(0.6);
    expect(joined[0]?.ratio).toBe(0.95);
    // What the first is sure of stays: of a plate that the second could not read as a whole it may be wrong elsewhere too.
    expect(joinOpinions(opinion('沪J8817挂', 0.95), opinion('8819桂', 0.95), 'yellow')[6]?.ratio).toBe(0.95);
  });

  it('takes the places as they are written, not as they are counted', () => {
    const joined = joinOpinions(opinion('R016604', 0.6), opinion('宁R01604', 0.95), 'white');
    expect(textOf(joined)).toBe('宁R01604');
  });

  it('does not join reads of other writing', () => {
    const first = opinion('浙B12345', 0.95);
    expect(joinOpinions(first, opinion('8X7Y6Z9', 0.9).slice(0, 6), 'blue')).toEqual(first);
  });

  it('is less sure of one that another, as sure and as legal, contradicts', () => {
    const joined = joinOpinions(opinion('浙B12345', 0.9), opinion('浙BD12345', 0.95), 'white');
    expect(textOf(joined)).toBe('浙BD12345');
    expect(least(joined)).toBeLessThan(0.6);
  });

  it('does not ask the second about a character that it does not know', () => {
    const first = opinion('粤A1234领', 0.95);
    const second = opinion('粤A1234学', 0.9);
    expect(least(joinOpinions(first, second, 'black'))).toBeLessThan(0.6);
    const joined = joinOpinions(first, second, 'black', { knows: (character) => character !== '领' });
    expect(textOf(joined)).toBe('粤A1234领');
    expect(least(joined)).toBeGreaterThanOrEqual(0.95);
  });

  it('does not ask the first about a character that it was never taught', () => {
    const first = opinion('宁川A12345', 0.9, { 1: ['州', 0.3] });
    const second = opinion('宁波A12345', 0.9);
    const joined = joinOpinions(first, second, 'white', { firstKnows: (character) => character !== '波' });
    expect(textOf(joined)).toBe('宁波A12345');
    expect(least(joined)).toBeGreaterThanOrEqual(0.9);
    const shorter = joinOpinions(opinion('宁A12345', 0.9), second, 'white', {
      ebikePatterns: [/^宁波[A-Z]\d{5}$/u],
      firstKnows: (character) => character !== '波',
    });
    expect(textOf(shorter)).toBe('宁波A12345');
    expect(least(shorter)).toBeGreaterThanOrEqual(0.9);
  });

  it('believes no reader alone that sees a plate where the other sees no writing', () => {
    expect(joinOpinions(opinion('皖A56575', 0.3), [], 'blue')).toEqual([]);
    expect(least(joinOpinions(opinion('皖A56575', 0.98), opinion('A', 0.9), 'blue'))).toBeLessThan(0.5);
  });

  it('leaves what nobody could read as it is', () => {
    expect(joinOpinions([], [], 'blue')).toEqual([]);
    expect(textOf(joinOpinions(opinion('AB', 0.4), opinion('ABC', 0.5), 'blue'))).toBe('ABC');
  });
});
