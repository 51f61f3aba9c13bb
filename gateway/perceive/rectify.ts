import type { CornersPx, PointPx } from '../domain/plate.ts';
import { boxAround, quadSize } from './geometry.ts';
import { clipBox, type Picture, type Pixels } from './picture.ts';
import { rgbOf } from './yuv.ts';

/** Eight numbers that map the unit square to a quadrangle (projective): x = (a u + b v + c) / (g u + h v + 1). */
type Homography = readonly [number, number, number, number, number, number, number, number];

function unitSquareTo(corners: CornersPx): Homography {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners;
  const sx = x0 - x1 + x2 - x3;
  const sy = y0 - y1 + y2 - y3;
  const dx1 = x1 - x2;
  const dx2 = x3 - x2;
  const dy1 = y1 - y2;
  const dy2 = y3 - y2;
  const det = dx1 * dy2 - dx2 * dy1;
  // A parallelogram, or corners in one line: the affine map will do.
  const g = det === 0 ? 0 : (sx * dy2 - dx2 * sy) / det;
  const h = det === 0 ? 0 : (dx1 * sy - sx * dy1) / det;
  return [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h];
}

/**
 * The part of a plate between (u0, v0) and (u1, v1) of its own coordinates, as perspective shows it: what the rectified
 * plate holds between these shares of its width and height.
 */
export function projectedPart(corners: CornersPx, u0: number, v0: number, u1: number, v1: number): CornersPx {
  const [a, b, c, d, e, f, g, h] = unitSquareTo(corners);
  const at = (u: number, v: number): PointPx => {
    const w = g * u + h * v + 1;
    return [(a * u + b * v + c) / w, (d * u + e * v + f) / w];
  };
  return [at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)];
}

/** The quadrangle of a picture as an upright picture of the given size (see `rectifyInto`). */
export function rectify(picture: Pixels, corners: CornersPx, widthPx: number, heightPx: number): Picture {
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  rectifyInto(picture, corners, { widthPx, heightPx, leftPx: 0, rowPx: widthPx }, rgb);
  return { widthPx, heightPx, rgb };
}

/** A rectangle in a row-by-row RGB buffer whose rows are `rowPx` wide: from `leftPx` on, `widthPx` × `heightPx`. */
export interface TargetRectangle {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly leftPx: number;
  readonly rowPx: number;
}

/**
 * Writes the quadrangle of a picture, perspective undone, bilinear; where the source is much larger, several samples are
 * averaged for each pixel. Beyond the picture's edge its last pixels repeat.
 */
export function rectifyInto(picture: Pixels, corners: CornersPx, target: TargetRectangle, out: Uint8Array): void {
  if ('yuv' in picture) {
    // With the neighbours that its rim is mixed with.
    const [x, y, width, height] = boxAround(corners);
    const region = clipBox([x - 2, y - 2, width + 4, height + 4], picture);
    const move = ([px, py]: PointPx): PointPx => [px - region[0], py - region[1]];
    const [p, q, r, s] = corners;
    rectifyInto(rgbOf(picture, region), [move(p), move(q), move(r), move(s)], target, out);
    return;
  }
  const { widthPx, heightPx } = target;
  const [a, b, c, d, e, f, g, h] = unitSquareTo(corners);
  const size = quadSize(corners);
  // Up to 4 × 4 samples: a plate of 640 px is still without aliasing at 160.
  const samplesX = Math.min(Math.max(Math.round(size.widthPx / widthPx), 1), 4);
  const samplesY = Math.min(Math.max(Math.round(size.heightPx / heightPx), 1), 4);
  const share = 1 / (samplesX * samplesY);
  const { rgb } = picture;
  const maxX = picture.widthPx - 1;
  const maxY = picture.heightPx - 1;
  const rowBytes = picture.widthPx * 3;
  for (let y = 0; y < heightPx; y += 1) {
    let to = (y * target.rowPx + target.leftPx) * 3;
    for (let x = 0; x < widthPx; x += 1) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let j = 0; j < samplesY; j += 1) {
        const v = (y + (j + 0.5) / samplesY) / heightPx;
        for (let i = 0; i < samplesX; i += 1) {
          const u = (x + (i + 0.5) / samplesX) / widthPx;
          const w = g * u + h * v + 1;
          // Pixel centres stand at half coordinates.
          const px = Math.min(Math.max((a * u + b * v + c) / w - 0.5, 0), maxX);
          const py = Math.min(Math.max((d * u + e * v + f) / w - 0.5, 0), maxY);
          const x0 = px | 0;
          const y0 = py | 0;
          const fx = px - x0;
          const fy = py - y0;
          const right = x0 < maxX ? 3 : 0;
          const down = y0 < maxY ? rowBytes : 0;
          const at = y0 * rowBytes + x0 * 3;
          const w00 = (1 - fx) * (1 - fy);
          const w10 = fx * (1 - fy);
          const w01 = (1 - fx) * fy;
          const w11 = fx * fy;
          red +=
            w00 * (rgb[at] as number) +
            w10 * (rgb[at + right] as number) +
            w01 * (rgb[at + down] as number) +
            w11 * (rgb[at + right + down] as number);
          green +=
            w00 * (rgb[at + 1] as number) +
            w10 * (rgb[at + right + 1] as number) +
            w01 * (rgb[at + down + 1] as number) +
            w11 * (rgb[at + right + down + 1] as number);
          blue +=
            w00 * (rgb[at + 2] as number) +
            w10 * (rgb[at + right + 2] as number) +
            w01 * (rgb[at + down + 2] as number) +
            w11 * (rgb[at + right + down + 2] as number);
        }
      }
      out[to] = red * share + 0.5;
      out[to + 1] = green * share + 0.5;
      out[to + 2] = blue * share + 0.5;
      to += 3;
    }
  }
}

/** How sharp an upright picture is: mean absolute Laplacian of its brightness, in grey levels; about 2 for a blur, 10 and more when crisp. */
export function sharpness(picture: Picture): number {
  const { widthPx, heightPx, rgb } = picture;
  const grey = (x: number, y: number): number => {
    const at = (y * widthPx + x) * 3;
    return ((rgb[at] as number) + 2 * (rgb[at + 1] as number) + (rgb[at + 2] as number)) / 4;
  };
  let sum = 0;
  for (let y = 1; y < heightPx - 1; y += 1) {
    for (let x = 1; x < widthPx - 1; x += 1)
      sum += Math.abs(4 * grey(x, y) - grey(x - 1, y) - grey(x + 1, y) - grey(x, y - 1) - grey(x, y + 1));
  }
  return sum / Math.max((widthPx - 2) * (heightPx - 2), 1);
}
