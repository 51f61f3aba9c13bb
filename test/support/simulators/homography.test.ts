import { describe, expect, it } from 'vitest';
import { applyHomography, solveHomography, warp, type Quad } from './homography.ts';

const square: Quad = [
  [0, 0],
  [100, 0],
  [100, 60],
  [0, 60],
];
const seenFromTheSide: Quad = [
  [12, 8],
  [95, 20],
  [92, 70],
  [10, 66],
];

describe('homography', () => {
  it('takes each corner to its corner and lines to lines', () => {
    const h = solveHomography(square, seenFromTheSide);
    square.forEach((corner, index) => {
      const [x, y] = applyHomography(h, corner);
      expect(x).toBeCloseTo(seenFromTheSide[index]![0], 6);
      expect(y).toBeCloseTo(seenFromTheSide[index]![1], 6);
    });
    const [a, b, c] = [10, 50, 90].map((x) => applyHomography(h, [x, 30]));
    const cross = (b![0] - a![0]) * (c![1] - a![1]) - (c![0] - a![0]) * (b![1] - a![1]);
    expect(cross).toBeCloseTo(0, 6);
  });

  it('refuses corners that lie on one line', () => {
    const flat: Quad = [
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
    ];
    expect(() => solveHomography(flat, square)).toThrow(/degenerate/);
  });

  it('warps a picture into the quadrilateral and leaves the rest transparent', () => {
    const source = { width: 100, height: 60, data: new Uint8ClampedArray(100 * 60 * 4).fill(255) };
    // Left half red.
    for (let y = 0; y < 60; y += 1) {
      for (let x = 0; x < 50; x += 1) source.data.set([200, 0, 0, 255], (y * 100 + x) * 4);
    }
    const out = warp(source, seenFromTheSide, 110, 80, 2);
    const at = (x: number, y: number): number[] => [...out.data.subarray((y * 110 + x) * 4, (y * 110 + x) * 4 + 4)];
    expect(at(20, 40)).toEqual([200, 0, 0, 255]);
    expect(at(85, 45)).toEqual([255, 255, 255, 255]);
    expect(at(3, 3)[3]).toBe(0);
    expect(at(105, 78)[3]).toBe(0);
  });
});
