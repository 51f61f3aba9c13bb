import type { CornersPx, PointPx } from '../domain/plate.ts';
import { quadSize, smallestRectangle } from './geometry.ts';

/** A stretch of text on the probability map, in map pixels. */
export interface TextRegion {
  readonly corners: CornersPx;
  /** Mean probability inside. */
  readonly confidence: number;
}

/** As PaddleOCR's own: a pixel counts from 0.3, a region from a mean of 0.5 (plates at night reach no more). */
const pixelThreshold = 0.3;
const regionThreshold = 0.5;
/** The map shows text shrunk; grown by area × ratio ÷ perimeter it covers the characters. */
const growRatio = 1.6;

/**
 * Finds the connected regions of a DB head's probability map (`width` × `height` of a row length `stride`) and the
 * smallest rectangle around each, grown to the size of the text. At most `limit` regions, the surest first.
 */
export function findTextRegions(
  map: Float32Array,
  size: { readonly width: number; readonly height: number; readonly stride: number },
  limit: number,
): TextRegion[] {
  const { width, height, stride } = size;
  const seen = new Uint8Array(width * height);
  const stack: number[] = [];
  const regions: TextRegion[] = [];
  for (let start = 0; start < seen.length; start += 1) {
    if (seen[start] === 1) continue;
    const startRow = Math.floor(start / width);
    if ((map[startRow * stride + (start - startRow * width)] as number) < pixelThreshold) continue;
    let sum = 0;
    let count = 0;
    const edge: PointPx[] = [];
    seen[start] = 1;
    stack.push(start);
    while (stack.length > 0) {
      const at = stack.pop() ?? 0;
      const y = Math.floor(at / width);
      const x = at - y * width;
      sum += map[y * stride + x] as number;
      count += 1;
      let inner = true;
      for (let direction = 0; direction < 4; direction += 1) {
        const nx = x + (direction === 0 ? 1 : direction === 1 ? -1 : 0);
        const ny = y + (direction === 2 ? 1 : direction === 3 ? -1 : 0);
        const inside = nx >= 0 && ny >= 0 && nx < width && ny < height;
        if (!inside || (map[ny * stride + nx] as number) < pixelThreshold) {
          inner = false;
          continue;
        }
        const next = ny * width + nx;
        if (seen[next] === 1) continue;
        seen[next] = 1;
        stack.push(next);
      }
      if (!inner) edge.push([x, y], [x + 1, y], [x, y + 1], [x + 1, y + 1]);
    }
    if (count < 6 || sum / count < regionThreshold) continue;
    const corners = grow(smallestRectangle(edge));
    regions.push({ corners, confidence: sum / count });
  }
  return regions.sort((a, b) => b.confidence - a.confidence).slice(0, limit);
}

/** Moves every side of a rectangle outwards by area × ratio ÷ perimeter. */
function grow(corners: CornersPx): CornersPx {
  const { widthPx, heightPx } = quadSize(corners);
  const by = (widthPx * heightPx * growRatio) / (2 * (widthPx + heightPx));
  const [a, b, , d] = corners;
  const ux = (b[0] - a[0]) / Math.max(widthPx, 1e-6);
  const uy = (b[1] - a[1]) / Math.max(widthPx, 1e-6);
  const vx = (d[0] - a[0]) / Math.max(heightPx, 1e-6);
  const vy = (d[1] - a[1]) / Math.max(heightPx, 1e-6);
  const move = ([x, y]: PointPx, u: number, v: number): PointPx => [
    x + by * (u * ux + v * vx),
    y + by * (u * uy + v * vy),
  ];
  return [move(corners[0], -1, -1), move(corners[1], 1, -1), move(corners[2], 1, 1), move(corners[3], -1, 1)];
}
