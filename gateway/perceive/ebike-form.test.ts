import { describe, expect, it } from 'vitest';
import type { PlateColor } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';
import { createEbikeForms } from './ebike-form.ts';
import { cornersOfBox } from './geometry.ts';
import { judgeRead } from './judge.ts';

const pattern = /^宁波[A-Z]\d{5}$/u;
const read = (text: string, ratio = 0.97): ReadCharacter[] =>
  Array.from(text).map((character) => ({ character, ratio, candidates: [[character, ratio]] }));
const textOf = (characters: readonly ReadCharacter[]): string => characters.map(({ character }) => character).join('');
const plate = (widthPx: number, color: PlateColor = 'white') => ({
  corners: cornersOfBox([10, 10, widthPx, 28]),
  color,
});

describe("an e-bike's plate with a site's own form", () => {
  const fillIn = createEbikeForms([pattern]);

  it('has its city filled in where the number was read, and is not accepted for it, however sure the number is', () => {
    for (const text of ['R01604', '宁R01604', '云R01604', '波R01604', '学澳R01604']) {
      const whole = fillIn(read(text), plate(44));
      expect(textOf(whole)).toBe('宁波R01604');
      expect(judgeRead(whole, 'white', [pattern]).reading).toMatchObject({ kind: 'ebike', accepted: false });
    }
    expect(fillIn(read('宁R01604'), plate(44)).map(({ ratio }) => ratio > 0.9)).toEqual([
      ...[true, false],
      ...Array.from('R01604', () => true),
    ]);
  });

  it('is accepted where its city was read', () => {
    expect(judgeRead(fillIn(read('宁波R01604'), plate(44)), 'white', [pattern]).reading.accepted).toBe(true);
  });

  it('is left as it is where the number is not one, or where the plate has the shape or the ground of a car', () => {
    for (const text of ['R0160', 'R016604', '浙B12Q45', '宁波杭R01604'])
      expect(textOf(fillIn(read(text), plate(44)))).toBe(text);
    expect(textOf(fillIn(read('云T80633'), plate(56)))).toBe('云T80633');
    expect(textOf(fillIn(read('云T80633'), plate(44, 'yellow')))).toBe('云T80633');
  });

  it('has no city filled in by a form that leaves it open', () => {
    for (const open of [
      /^[A-Z]\d{5}$/u,
      /^宁波?[A-Z]\d{5}$/u,
      /^宁波[A-Z]\d{5}$|^杭州\d{6}$/u,
      /^(宁波|杭州)[A-Z]\d{5}$/u,
    ])
      expect(textOf(createEbikeForms([open])(read('R01604'), plate(44)))).toBe('R01604');
  });
});
