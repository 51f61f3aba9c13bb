import { describe, expect, it } from 'vitest';
import { decodeCtc, type Alphabet } from './ctc.ts';

const alphabet: Alphabet = { characters: ['A', 'B', 'C'], columns: Int32Array.of(1, 2, 4) };

/** Rows of [blank, A, B, foreign, C]. */
const output = (...rows: (readonly number[])[]): Float32Array => Float32Array.from(rows.flat());
const read = (...rows: (readonly number[])[]): string =>
  decodeCtc(output(...rows), rows.length, 5, alphabet)
    .map(({ character }) => character)
    .join('');

const blank = [0.9, 0.05, 0.05, 0, 0];
const a = [0.1, 0.8, 0.1, 0, 0];
const b = [0.1, 0.1, 0.8, 0, 0];

describe('CTC decoding', () => {
  it('joins repeats and keeps a character that comes again after a blank', () => {
    expect(read(blank, a, a, b, blank, b, blank)).toBe('ABB');
  });

  it('reads nothing from blanks', () => {
    expect(read(blank, blank)).toBe('');
  });

  it('masks columns that stand for no plate character and scales the rest to one', () => {
    const [first] = decodeCtc(output([0.1, 0.3, 0, 0.6, 0]), 1, 5, alphabet);
    expect(first?.character).toBe('A');
    expect(first?.ratio).toBeCloseTo(0.75, 5);
  });

  it('lets the surest step of a repeated character speak for it, with its candidates', () => {
    const [first] = decodeCtc(output([0, 0.6, 0.4, 0, 0], [0, 0.9, 0.05, 0, 0.05]), 2, 5, alphabet);
    expect(first?.ratio).toBeCloseTo(0.9, 5);
    expect(first?.candidates[0]).toEqual(['A', first?.ratio]);
    expect(first?.candidates.map(([character]) => character)).toHaveLength(3);
  });
});
