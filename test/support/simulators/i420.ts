/** A picture in planar YUV 4:2:0, as encoders take it. Mutable: it is drawn into. */
export interface I420 {
  readonly width: number;
  readonly height: number;
  /** Y, then U, then V. */
  readonly data: Uint8Array;
}

/** Left, top, width and height in px, all even. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function createI420(width: number, height: number): I420 {
  return { width, height, data: new Uint8Array((width * height * 3) / 2) };
}

/** Writes RGBA pixels of a rectangle into the picture (ITU-R BT.601, limited range; chroma of four px averaged). */
export function writeRgba(picture: I420, at: Rectangle, rgba: Uint8Array | Uint8ClampedArray): void {
  const { width, data } = picture;
  const lumaSize = width * picture.height;
  const halfWidth = width >> 1;
  const stride = at.width * 4;
  for (let y = 0; y < at.height; y += 2) {
    let from = y * stride;
    let luma = (at.top + y) * width + at.left;
    let chroma = lumaSize + ((at.top + y) >> 1) * halfWidth + (at.left >> 1);
    for (let x = 0; x < at.width; x += 2) {
      const r0 = rgba[from]!;
      const g0 = rgba[from + 1]!;
      const b0 = rgba[from + 2]!;
      const r1 = rgba[from + 4]!;
      const g1 = rgba[from + 5]!;
      const b1 = rgba[from + 6]!;
      const below = from + stride;
      const r2 = rgba[below]!;
      const g2 = rgba[below + 1]!;
      const b2 = rgba[below + 2]!;
      const r3 = rgba[below + 4]!;
      const g3 = rgba[below + 5]!;
      const b3 = rgba[below + 6]!;
      data[luma] = (66 * r0 + 129 * g0 + 25 * b0 + 4224) >> 8;
      data[luma + 1] = (66 * r1 + 129 * g1 + 25 * b1 + 4224) >> 8;
      data[luma + width] = (66 * r2 + 129 * g2 + 25 * b2 + 4224) >> 8;
      data[luma + width + 1] = (66 * r3 + 129 * g3 + 25 * b3 + 4224) >> 8;
      const r = r0 + r1 + r2 + r3;
      const g = g0 + g1 + g2 + g3;
      const b = b0 + b1 + b2 + b3;
      data[chroma] = (-38 * r - 74 * g + 112 * b + 131_584) >> 10;
      data[chroma + (lumaSize >> 2)] = (112 * r - 94 * g - 18 * b + 131_584) >> 10;
      from += 8;
      luma += 2;
      chroma += 1;
    }
  }
}

/** Copies a rectangle from one picture to another of the same size. */
export function copyRectangle(from: I420, to: I420, at: Rectangle): void {
  const { width, height } = from;
  const rows = (offset: number, stride: number, left: number, top: number, w: number, h: number): void => {
    for (let row = 0; row < h; row += 1) {
      const start = offset + (top + row) * stride + left;
      to.data.set(from.data.subarray(start, start + w), start);
    }
  };
  const size = width * height;
  rows(0, width, at.left, at.top, at.width, at.height);
  const half: readonly [number, number, number, number] = [at.left / 2, at.top / 2, at.width / 2, at.height / 2];
  rows(size, width / 2, ...half);
  rows(size + size / 4, width / 2, ...half);
}

/** The smallest even rectangle around a box that lies inside the picture; null where nothing is left. */
export function evenRectangle(
  box: readonly [left: number, top: number, right: number, bottom: number],
  width: number,
  height: number,
): Rectangle | null {
  const left = Math.max(0, Math.floor(box[0] / 2) * 2);
  const top = Math.max(0, Math.floor(box[1] / 2) * 2);
  const right = Math.min(width, Math.ceil(box[2] / 2) * 2);
  const bottom = Math.min(height, Math.ceil(box[3] / 2) * 2);
  return right > left && bottom > top ? { left, top, width: right - left, height: bottom - top } : null;
}
