import type { BoxPx } from '../domain/plate.ts';
import type { Picture, Pixels, YuvPicture } from './picture.ts';

/** 256 times the factors of BT.601 from 16..235 to 0..255: brightness; red from V; green from U and V; blue from U. */
const [fromY, redFromV, greenFromU, greenFromV, blueFromU] = [298, 409, 100, 208, 516] as const;

/** RGB of a region (whole pixels inside the picture): of decoded video only what is looked at from near is converted. */
export function rgbOf({ widthPx, heightPx, yuv }: YuvPicture, [left, top, width, height]: BoxPx): Picture {
  const rgb = new Uint8ClampedArray(width * height * 3);
  const chromaWidth = widthPx >> 1;
  const planeU = widthPx * heightPx;
  const planeV = planeU + chromaWidth * (heightPx >> 1);
  let to = 0;
  for (let y = top; y < top + height; y += 1) {
    const line = y * widthPx;
    const chroma = (y >> 1) * chromaWidth;
    for (let x = left; x < left + width; x += 1) {
      const near = chroma + (x >> 1);
      const u = (yuv[planeU + near] as number) - 128;
      const v = (yuv[planeV + near] as number) - 128;
      // Half a level, so that cutting off the fraction rounds.
      const light = ((yuv[line + x] as number) - 16) * fromY + 128;
      rgb[to] = (light + redFromV * v) >> 8;
      rgb[to + 1] = (light - greenFromU * u - greenFromV * v) >> 8;
      rgb[to + 2] = (light + blueFromU * u) >> 8;
      to += 3;
    }
  }
  return { widthPx: width, heightPx: height, rgb: new Uint8Array(rgb.buffer) };
}

/** A region as RGB, in memory of its own only where it is not yet: with what has to be taken off its coordinates. */
export function rgbRegion(
  picture: Pixels,
  region: BoxPx,
): { readonly rgb: Picture; readonly left: number; readonly top: number } {
  if ('rgb' in picture) return { rgb: picture, left: 0, top: 0 };
  return { rgb: rgbOf(picture, region), left: region[0], top: region[1] };
}

/**
 * RGB of a region at half its size into `out`: brightness is the mean of two by two, and colour has just this size already.
 * An odd last row or column is left out.
 */
export function halfRgbOf(
  { widthPx, heightPx, yuv }: YuvPicture,
  [left, top, width, height]: BoxPx,
  out: Uint8ClampedArray,
): void {
  const chromaWidth = widthPx >> 1;
  const planeU = widthPx * heightPx;
  const planeV = planeU + chromaWidth * (heightPx >> 1);
  const columns = width >> 1;
  let to = 0;
  for (let row = 0; row < height >> 1; row += 1) {
    let at = (top + 2 * row) * widthPx + left;
    let near = ((top >> 1) + row) * chromaWidth + (left >> 1);
    const end = to + columns * 3;
    while (to < end) {
      const u = (yuv[planeU + near] as number) - 128;
      const v = (yuv[planeV + near] as number) - 128;
      const below = at + widthPx;
      const four = (yuv[at] as number) + (yuv[at + 1] as number) + (yuv[below] as number) + (yuv[below + 1] as number);
      const light = (((four - 64) * fromY) >> 2) + 128;
      out[to] = (light + redFromV * v) >> 8;
      out[to + 1] = (light - greenFromU * u - greenFromV * v) >> 8;
      out[to + 2] = (light + blueFromU * u) >> 8;
      at += 2;
      near += 1;
      to += 3;
    }
  }
}

/** Steps of brightness between 16 and 235, as decoded video has them, times this are steps between 0 and 255. */
export const fullBrightness = 255 / 219;
