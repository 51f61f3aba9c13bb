import { describe, expect, it } from 'vitest';
import type { FoundFace } from './face-finder.ts';
import { withoutFacesInFaces } from './face-finder.ts';
import { areFaceMaps, decodeFaceMaps } from './face-map.ts';

const columns = 8;
const rows = 6;
const plane = columns * rows;

/** Maps with nothing in them but what is put in. */
function maps(entries: readonly { column: number; row: number; logit: number; values: readonly number[] }[]) {
  const boxes = new Float32Array(16 * plane);
  const scores = new Float32Array(plane).fill(-9);
  for (const { column, row, logit, values } of entries) {
    const cell = row * columns + column;
    scores[cell] = logit;
    values.forEach((value, index) => {
      boxes[index * plane + cell] = value;
    });
  }
  return { boxes, scores, columns, rows };
}

describe('face maps', () => {
  it('give box and six points in the pixels of the input, from the middle of their cell', () => {
    const values = [1, -2, 10, 12, -3, -4, 3, -4, 0, 0, 0, 3, -6, -3, 6, -3];
    const [face, ...others] = decodeFaceMaps(maps([{ column: 5, row: 2, logit: 2, values }]), 0.5);
    expect(others).toEqual([]);
    // The cell's middle is (22, 10).
    expect(face).toEqual({
      box: [18, 2, 10, 12],
      confidence: expect.closeTo(0.8808, 3) as number,
      points: {
        rightEye: [19, 6],
        leftEye: [25, 6],
        nose: [22, 10],
        mouth: [22, 13],
        ears: [
          [16, 7],
          [28, 7],
        ],
      },
    });
  });

  it('give only what is as sure as asked for', () => {
    const two = maps([
      { column: 1, row: 1, logit: -0.5, values: [0, 0, 8, 8] },
      { column: 6, row: 4, logit: 0.5, values: [0, 0, 8, 8] },
    ]);
    expect(decodeFaceMaps(two, 0.5)).toHaveLength(1);
    expect(decodeFaceMaps(two, 0.3)).toHaveLength(2);
  });

  it('give nothing for sizes that are no sizes', () => {
    const broken = maps([
      { column: 1, row: 1, logit: 3, values: [0, 0, -8, 8] },
      { column: 2, row: 1, logit: 3, values: [0, 0, 8, Number.NaN] },
      { column: 3, row: 1, logit: Number.NaN, values: [0, 0, 8, 8] },
    ]);
    expect(decodeFaceMaps(broken, 0.5)).toEqual([]);
  });

  it('are known by their sizes', () => {
    expect(areFaceMaps(new Float32Array(16 * 4), new Float32Array(4), 4)).toBe(true);
    expect(areFaceMaps(new Float32Array(8 * 4), new Float32Array(4), 4)).toBe(false);
  });
});

describe('a face in a face', () => {
  const face = (left: number, width: number, confidence: number): Pick<FoundFace, 'box' | 'confidence'> => ({
    box: [left, left, width, width * 1.3],
    confidence,
  });
  it('goes where the larger is surer, and stays where it is surer itself', () => {
    const [large, eye] = [face(0, 100, 0.9), face(30, 20, 0.6)];
    expect(withoutFacesInFaces([large, eye])).toEqual([large]);
    const near = face(30, 20, 0.95);
    expect(withoutFacesInFaces([large, near])).toEqual([large, near]);
  });
});
