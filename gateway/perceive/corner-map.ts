import type { CornersPx } from '../domain/plate.ts';

/** What the plate finder's network gives: a grid of cells, each with a score for one row and for two, and four corners. */
export interface CornerMap {
  /** [2, rows, columns]: probability that a plate of one row, of two rows, is centred here. */
  readonly scores: Float32Array;
  /** [8, rows, columns]: x and y of the four corners clockwise from the plate's top left, input pixels. */
  readonly corners: Float32Array;
  readonly columns: number;
  readonly rows: number;
}

/** One plate of the map, in input pixels. */
export interface MappedPlate {
  readonly corners: CornersPx;
  readonly confidence: number;
  /** Share of the plate's score that says two rows, 0..1. */
  readonly doubleRatio: number;
}

interface Group {
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  readonly peak: number;
  weight: number;
  single: number;
  double: number;
  readonly sum: Float64Array;
}

/** Cells with less than this share of their plate's best score do not move its corners. */
const voterShare = 0.5;
/** More cells than a hundred plates light up: what comes after is the weakest. */
const maxCells = 4000;

/**
 * The plates of a map: cells from `threshold` on, the surest first, join the plate whose box they overlap by a third;
 * a plate's corners are the mean of its cells', weighted by score. Sorted by confidence.
 */
export function decodeCornerMap(map: CornerMap, threshold: number): MappedPlate[] {
  const { scores, corners, columns, rows } = map;
  const plane = columns * rows;
  const cells: { cell: number; score: number }[] = [];
  for (let cell = 0; cell < plane; cell += 1) {
    const score = Math.max(scores[cell] as number, scores[plane + cell] as number);
    if (score >= threshold) cells.push({ cell, score });
  }
  cells.sort((a, b) => b.score - a.score);
  const groups: Group[] = [];
  for (const { cell, score } of cells.slice(0, maxCells)) {
    const box = boxOfCell(corners, plane, cell);
    let group = groups.find((one) => overlap(one.box, box) > 1 / 3);
    if (!group) {
      group = { box, peak: score, weight: 0, single: 0, double: 0, sum: new Float64Array(8) };
      groups.push(group);
    }
    if (score < group.peak * voterShare) continue;
    group.weight += score;
    group.single += scores[cell] as number;
    group.double += scores[plane + cell] as number;
    for (let axis = 0; axis < 8; axis += 1)
      group.sum[axis] = (group.sum[axis] as number) + score * (corners[axis * plane + cell] as number);
  }
  return groups.map(({ peak, weight, single, double, sum }) => {
    const at = (axis: number): number => (sum[axis] as number) / weight;
    return {
      corners: [
        [at(0), at(1)],
        [at(2), at(3)],
        [at(4), at(5)],
        [at(6), at(7)],
      ],
      confidence: peak,
      doubleRatio: double / (single + double),
    };
  });
}

function boxOfCell(corners: Float32Array, plane: number, cell: number): Group['box'] {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let axis = 0; axis < 8; axis += 2) {
    const x = corners[axis * plane + cell] as number;
    const y = corners[(axis + 1) * plane + cell] as number;
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return [left, top, right, bottom];
}

/** Shared area over joined area. */
function overlap(a: Group['box'], b: Group['box']): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared);
}
