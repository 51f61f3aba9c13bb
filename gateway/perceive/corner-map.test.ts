import { describe, expect, it } from 'vitest';
import { decodeCornerMap, type CornerMap } from './corner-map.ts';

const columns = 40;
const rows = 20;
type Quad = readonly [number, number, number, number, number, number, number, number];

const upright = (left: number, top: number, width: number, height: number): Quad =>
  [...[left, top, left + width, top], ...[left + width, top + height, left, top + height]] as unknown as Quad;

/** A map that is silent but for the given cells. */
function mapOf(
  cells: readonly { at: readonly [number, number]; single: number; double?: number; quad: Quad }[],
): CornerMap {
  const plane = columns * rows;
  const scores = new Float32Array(2 * plane).fill(0.01);
  const corners = new Float32Array(8 * plane);
  for (const {
    at: [x, y],
    single,
    double = 0.01,
    quad,
  } of cells) {
    const cell = y * columns + x;
    scores[cell] = single;
    scores[plane + cell] = double;
    quad.forEach((value, axis) => {
      corners[axis * plane + cell] = value;
    });
  }
  return { scores, corners, columns, rows };
}

describe('the map of corners', () => {
  it('is nothing where no cell is sure enough', () => {
    expect(decodeCornerMap(mapOf([]), 0.4)).toEqual([]);
    expect(decodeCornerMap(mapOf([{ at: [3, 3], single: 0.39, quad: upright(10, 20, 60, 20) }]), 0.4)).toEqual([]);
  });

  it('joins the cells of one plate, and each moves its corners as far as it is sure', () => {
    const [plate, ...others] = decodeCornerMap(
      mapOf([
        { at: [5, 4], single: 0.9, quad: upright(20, 20, 60, 20) },
        { at: [6, 4], single: 0.6, quad: upright(25, 20, 60, 20) },
      ]),
      0.4,
    );
    expect(others).toEqual([]);
    expect(plate?.confidence).toBeCloseTo(0.9, 5);
    expect(plate?.corners[0][0]).toBeCloseTo((0.9 * 20 + 0.6 * 25) / 1.5, 4);
    expect(plate?.corners[2]).toEqual([expect.closeTo(82, 4), expect.closeTo(40, 4)]);
  });

  it('does not let a cell that is barely sure move the corners of a sure one', () => {
    const [plate] = decodeCornerMap(
      mapOf([
        { at: [5, 4], single: 0.95, quad: upright(20, 20, 60, 20) },
        { at: [6, 4], single: 0.41, quad: upright(35, 20, 60, 20) },
      ]),
      0.4,
    );
    expect(plate?.corners[0]).toEqual([20, 20]);
  });

  it('keeps two plates apart that stand side by side and above each other, the surest first', () => {
    const found = decodeCornerMap(
      mapOf([
        { at: [5, 4], single: 0.7, quad: upright(20, 20, 60, 20) },
        { at: [15, 4], single: 0.8, quad: upright(90, 20, 60, 20) },
        { at: [5, 10], single: 0.9, quad: upright(20, 60, 60, 20) },
      ]),
      0.4,
    );
    expect(found.map(({ corners }) => corners[0])).toEqual([
      [20, 60],
      [90, 20],
      [20, 20],
    ]);
  });

  it('says of how many rows by all of its cells together', () => {
    const quad = upright(20, 20, 60, 30);
    const [plate] = decodeCornerMap(
      mapOf([
        { at: [5, 4], single: 0.6, double: 0.5, quad },
        { at: [6, 4], single: 0.1, double: 0.9, quad },
        { at: [6, 5], single: 0.1, double: 0.8, quad },
      ]),
      0.4,
    );
    expect(plate?.doubleRatio).toBeCloseTo(2.2 / 3, 5);
  });

  it('ends in good time where everything lights up', () => {
    const plane = columns * rows;
    const scores = new Float32Array(2 * plane).fill(0.9);
    const corners = new Float32Array(8 * plane).map((_value, at) => (at % plane) * 3 + (at % 7));
    const found = decodeCornerMap({ scores, corners, columns, rows }, 0.4);
    expect(found.length).toBeLessThanOrEqual(plane);
  });
});
