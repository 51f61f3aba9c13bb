/** [x, y] in px. */
export type Point = readonly [number, number];
/** Clockwise from the top left. */
export type Quad = readonly [Point, Point, Point, Point];
/** Row-major 3×3 with h22 = 1: maps (x, y, 1) to (u·w, v·w, w). */
export type Homography = readonly number[];

/** The homography that takes the four corners `from` to `to`. Throws where three of them lie on one line. */
export function solveHomography(from: Quad, to: Quad): Homography {
  const rows: number[][] = [];
  for (let corner = 0; corner < 4; corner += 1) {
    const [x, y] = from[corner] as Point;
    const [u, v] = to[corner] as Point;
    rows.push([x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]);
  }
  // Gauss-Jordan with partial pivoting on the 8×9 system.
  for (let column = 0; column < 8; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < 8; row += 1) {
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const head = rows[column]!;
    const scale = head[column]!;
    if (Math.abs(scale) < 1e-12) throw new RangeError('corners are degenerate');
    for (let k = column; k < 9; k += 1) head[k]! /= scale;
    for (let row = 0; row < 8; row += 1) {
      const factor = rows[row]![column]!;
      if (row === column || factor === 0) continue;
      for (let k = column; k < 9; k += 1) rows[row]![k]! -= factor * head[k]!;
    }
  }
  return [...rows.map((row) => row[8]!), 1];
}

export function applyHomography(h: Homography, [x, y]: Point): Point {
  const w = h[6]! * x + h[7]! * y + h[8]!;
  return [(h[0]! * x + h[1]! * y + h[2]!) / w, (h[3]! * x + h[4]! * y + h[5]!) / w];
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGBA, not premultiplied. */
  readonly data: Uint8ClampedArray;
}

/**
 * Warps a whole picture so that its corners land on `to`, into a new picture of `width` × `height`.
 * Pixels outside are transparent. `samples` × `samples` points are averaged for each pixel: take about the factor by
 * which the picture shrinks, so that fine strokes do not alias.
 */
export function warp(source: Pixels, to: Quad, width: number, height: number, samples: number): Pixels {
  const corners: Quad = [
    [0, 0],
    [source.width, 0],
    [source.width, source.height],
    [0, source.height],
  ];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 1] = solveHomography(to, corners);
  const out = new Uint8ClampedArray(width * height * 4);
  const { data } = source;
  const stride = source.width * 4;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let alpha = 0;
      for (let sample = 0; sample < samples * samples; sample += 1) {
        const px = x + ((sample % samples) + 0.5) / samples;
        const py = y + (Math.floor(sample / samples) + 0.5) / samples;
        const w = g * px + h * py + i;
        const sx = (a * px + b * py + c) / w - 0.5;
        const sy = (d * px + e * py + f) / w - 0.5;
        if (sx < -0.5 || sy < -0.5 || sx >= source.width - 0.5 || sy >= source.height - 0.5) continue;
        const left = Math.min(Math.max(Math.floor(sx), 0), source.width - 2);
        const top = Math.min(Math.max(Math.floor(sy), 0), source.height - 2);
        const fx = Math.min(Math.max(sx - left, 0), 1);
        const fy = Math.min(Math.max(sy - top, 0), 1);
        const at = top * stride + left * 4;
        // Unrolled: this is the innermost loop, and tuples in it cost twenty times as much.
        const w00 = (1 - fx) * (1 - fy) * data[at + 3]!;
        const w10 = fx * (1 - fy) * data[at + 7]!;
        const below = at + stride;
        const w01 = (1 - fx) * fy * data[below + 3]!;
        const w11 = fx * fy * data[below + 7]!;
        red += data[at]! * w00 + data[at + 4]! * w10 + data[below]! * w01 + data[below + 4]! * w11;
        green += data[at + 1]! * w00 + data[at + 5]! * w10 + data[below + 1]! * w01 + data[below + 5]! * w11;
        blue += data[at + 2]! * w00 + data[at + 6]! * w10 + data[below + 2]! * w01 + data[below + 6]! * w11;
        alpha += w00 + w10 + w01 + w11;
      }
      if (alpha === 0) continue;
      const at = (y * width + x) * 4;
      out[at] = red / alpha;
      out[at + 1] = green / alpha;
      out[at + 2] = blue / alpha;
      out[at + 3] = alpha / (samples * samples);
    }
  }
  return { width, height, data: out };
}
