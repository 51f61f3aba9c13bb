import { describe, expect, it } from 'vitest';
import type { BoxPx, PointPx } from '../domain/plate.ts';
import { boxAround, convexHull, overlapRatio, partOfQuad, quadSize, smallestRectangle, suppress } from './geometry.ts';

describe('geometry', () => {
  it('measures overlap as shared over joined area', () => {
    expect(overlapRatio([0, 0, 10, 10], [0, 0, 10, 10])).toBe(1);
    expect(overlapRatio([0, 0, 10, 10], [5, 0, 10, 10])).toBeCloseTo(1 / 3, 9);
    expect(overlapRatio([0, 0, 10, 10], [10, 0, 10, 10])).toBe(0);
  });

  it('keeps the surer of two boxes that overlap and both of two that do not', () => {
    const found = [
      { box: [0, 0, 10, 10] as BoxPx, confidence: 0.6 },
      { box: [1, 0, 10, 10] as BoxPx, confidence: 0.9 },
      { box: [50, 0, 10, 10] as BoxPx, confidence: 0.5 },
    ];
    expect(suppress(found, 0.5).map(({ confidence }) => confidence)).toEqual([0.9, 0.5]);
  });

  it('drops points inside a hull', () => {
    const hull = convexHull([
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
      [5, 5],
      [3, 7],
    ]);
    expect(hull).toHaveLength(4);
  });

  it.each([-40, -12, 0, 7, 35])(
    'finds a rectangle turned by %d degrees with its upper left corner first',
    (degrees) => {
      const angle = (degrees * Math.PI) / 180;
      const turn = (x: number, y: number): PointPx => [
        100 + x * Math.cos(angle) - y * Math.sin(angle),
        100 + x * Math.sin(angle) + y * Math.cos(angle),
      ];
      const points: PointPx[] = [];
      for (let x = 0; x <= 60; x += 5) for (let y = 0; y <= 20; y += 5) points.push(turn(x, y));
      const corners = smallestRectangle(points);
      const { widthPx, heightPx } = quadSize(corners);
      expect(widthPx).toBeCloseTo(60, 4);
      expect(heightPx).toBeCloseTo(20, 4);
      const [x, y] = turn(0, 0);
      expect(Math.hypot(corners[0][0] - x, corners[0][1] - y)).toBeLessThan(0.01);
    },
  );

  it('cuts rows out of a quadrangle in its own coordinates', () => {
    const lower = partOfQuad(
      [
        [0, 0],
        [10, 0],
        [10, 10],
        [0, 10],
      ],
      0,
      0.5,
      1,
      1,
    );
    expect(boxAround(lower)).toEqual([0, 5, 10, 5]);
  });
});
