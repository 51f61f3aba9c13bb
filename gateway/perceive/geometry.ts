import type { BoxPx, CornersPx, PointPx } from '../domain/plate.ts';

/** Shared area over joined area of two boxes, 0..1. */
export function overlapRatio(a: BoxPx, b: BoxPx): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (a[2] * a[3] + b[2] * b[3] - shared);
}

/** Greedy non-maximum suppression: the surer box stays, others that overlap it by more than `limit` go. Keeps order of score. */
export function suppress<T extends { readonly box: BoxPx; readonly confidence: number }>(
  found: readonly T[],
  limit: number,
): T[] {
  const kept: T[] = [];
  for (const candidate of [...found].sort((a, b) => b.confidence - a.confidence)) {
    if (kept.every((other) => overlapRatio(candidate.box, other.box) <= limit)) kept.push(candidate);
  }
  return kept;
}

/** The upright box around points. */
export function boxAround(points: readonly PointPx[]): BoxPx {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}

export function cornersOfBox(box: BoxPx): CornersPx {
  const [left, top, width, height] = box;
  return [
    [left, top],
    [left + width, top],
    [left + width, top + height],
    [left, top + height],
  ];
}

const distance = (a: PointPx, b: PointPx): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Mean length of the upper and lower edge, and of the left and right edge, in px. */
export function quadSize(corners: CornersPx): { readonly widthPx: number; readonly heightPx: number } {
  const [a, b, c, d] = corners;
  return { widthPx: (distance(a, b) + distance(d, c)) / 2, heightPx: (distance(a, d) + distance(b, c)) / 2 };
}

/** A point of the quadrangle by its own coordinates, bilinear: (0, 0) top left, (1, 1) bottom right; outside 0..1 extends it. */
export function pointInQuad(corners: CornersPx, u: number, v: number): PointPx {
  const [a, b, c, d] = corners;
  const mix = (axis: 0 | 1): number =>
    (a[axis] * (1 - u) + b[axis] * u) * (1 - v) + (d[axis] * (1 - u) + c[axis] * u) * v;
  return [mix(0), mix(1)];
}

/** The quadrangle between (u0, v0) and (u1, v1) of another's own coordinates: cuts a row out of a plate, or widens it. */
export function partOfQuad(corners: CornersPx, u0: number, v0: number, u1: number, v1: number): CornersPx {
  return [
    pointInQuad(corners, u0, v0),
    pointInQuad(corners, u1, v0),
    pointInQuad(corners, u1, v1),
    pointInQuad(corners, u0, v1),
  ];
}

/** Convex hull, counter-clockwise in a y-down picture, of at least one point (Andrew's monotone chain). */
export function convexHull(points: readonly PointPx[]): PointPx[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered: readonly PointPx[]): PointPx[] => {
    const chain: PointPx[] = [];
    for (const point of ordered) {
      for (;;) {
        const last = chain[chain.length - 1];
        const before = chain[chain.length - 2];
        if (!last || !before) break;
        const turn = (last[0] - before[0]) * (point[1] - before[1]) - (last[1] - before[1]) * (point[0] - before[0]);
        if (turn > 0) break;
        chain.pop();
      }
      chain.push(point);
    }
    chain.pop();
    return chain;
  };
  const hull = [...half(sorted), ...half(sorted.reverse())];
  return hull.length > 0 ? hull : sorted.slice(0, 1);
}

/**
 * The smallest rectangle at any angle around points, its corners clockwise from the top left of the *longer-side-lying*
 * position: a plate is wider than high, so the longer side is taken as horizontal.
 */
export function smallestRectangle(points: readonly PointPx[]): CornersPx {
  const hull = convexHull(points);
  let best: { area: number; corners: CornersPx } | null = null;
  for (let index = 0; index < hull.length; index += 1) {
    const from = hull[index];
    const to = hull[(index + 1) % hull.length];
    if (!from || !to) continue;
    const length = distance(from, to);
    const ux = length > 0 ? (to[0] - from[0]) / length : 1;
    const uy = length > 0 ? (to[1] - from[1]) / length : 0;
    let minU = Infinity;
    let maxU = -Infinity;
    let minV = Infinity;
    let maxV = -Infinity;
    for (const [x, y] of hull) {
      const u = x * ux + y * uy;
      const v = y * ux - x * uy;
      if (u < minU) minU = u;
      if (u > maxU) maxU = u;
      if (v < minV) minV = v;
      if (v > maxV) maxV = v;
    }
    const area = (maxU - minU) * (maxV - minV);
    if (best && area >= best.area) continue;
    const at = (u: number, v: number): PointPx => [u * ux - v * uy, u * uy + v * ux];
    best = { area, corners: [at(minU, minV), at(maxU, minV), at(maxU, maxV), at(minU, maxV)] };
  }
  return uprightFirst(best?.corners ?? cornersOfBox(boxAround(points)));
}

/** Turns the order of a rectangle's corners so that the longer side lies and the first corner is its top left. */
function uprightFirst(corners: CornersPx): CornersPx {
  const { widthPx, heightPx } = quadSize(corners);
  let [a, b, c, d] = corners;
  if (heightPx > widthPx) [a, b, c, d] = [b, c, d, a];
  // Right of left: the upper edge runs rightwards.
  if (b[0] < a[0]) [a, b, c, d] = [c, d, a, b];
  return [a, b, c, d];
}

/** The smallest box around two. */
export function around(a: BoxPx, b: BoxPx): BoxPx {
  const left = Math.min(a[0], b[0]);
  const top = Math.min(a[1], b[1]);
  return [left, top, Math.max(a[0] + a[2], b[0] + b[2]) - left, Math.max(a[1] + a[3], b[1] + b[3]) - top];
}
