import type { Picture, Pixels, YuvPicture } from './picture.ts';
import { fullBrightness } from './yuv.ts';

/** Pictures are compared at this size: things as large as a car's door remain, noise and compression do not. */
export const viewSize = { columns: 160, rows: 90 } as const;
/** Sharpness is measured at this one: it is what key frames are decoded to (`camera/still-decoder.ts`). */
const fineSize = { columns: 640, rows: 360 } as const;
const step = fineSize.columns / viewSize.columns;
/** Cameras write their name and the time at the top or the bottom, sharp as ever, whatever hangs before the lens. */
const writtenShare = 0.12;
export const unwrittenRows = rowsWithout(viewSize.rows);

/** A picture made small, for questions about the whole of it. */
export interface SmallView {
  /** Brightness 0..255, row by row, `viewSize`. */
  readonly grey: Float32Array;
  readonly meanGrey: number;
  /** Strong edges of the small picture: the grey step between neighbours that 2 % exceed. */
  readonly contrast: number;
  /** The same between neighbours of the picture four times as fine, noise taken off, as a share of `contrast`. */
  readonly sharpness: number;
  /** Mean distance of red and blue from green, in grey levels: next to nothing under an infrared lamp. */
  readonly chroma: number;
}

/** Written over by every look: 0.9 MB that the garbage collector need not hear of. One look at a time, as it never waits. */
const fine = new Float32Array(fineSize.columns * fineSize.rows);

/** About 3 ms for 1280 × 720, 1 ms for a key frame. */
export function readSmallView(picture: Pixels): SmallView {
  const chroma = 'rgb' in picture ? shrink(picture, fine) : shrinkYuv(picture, fine);
  const grey = new Float32Array(viewSize.columns * viewSize.rows);
  const sum = meansOf(fine, grey);
  const contrast = stepsOf(grey, viewSize, 0.02, 1).strong;
  // An edge is a line: where pixels are a quarter as large, a quarter as many of them lie on it.
  // Every second row of so many tells as much.
  const steps = stepsOf(fine, fineSize, 0.02 / step, 2);
  // Noise alone has such steps 3.2 times its middle ones (two neighbours, bell-shaped); edges stand out of it.
  const sharpness = Math.max(steps.strong - 3.2 * steps.middle, 0) / Math.max(contrast, 1);
  return { grey, meanGrey: sum / fine.length, contrast, sharpness, chroma };
}

/** Means of `step` × `step` of the fine picture into `grey`; answers the sum of all. */
function meansOf(from: Float32Array, grey: Float32Array): number {
  const { columns, rows } = viewSize;
  const line = columns * step;
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let cell = 0;
      const left = row * step * line + column * step;
      for (let y = left; y < left + step * line; y += line) {
        for (let x = y; x < y + step; x += 1) cell += from[x] as number;
      }
      grey[row * columns + column] = cell / (step * step);
      sum += cell;
    }
  }
  return sum;
}

/** Brightness at `fineSize` into `out`; answers the picture's chroma. Smaller pictures repeat their pixels. */
function shrink({ widthPx, heightPx, rgb }: Picture, out: Float32Array): number {
  const { columns, rows } = fineSize;
  // Of a picture twice as large the mean of 2 × 2: the same sharpness as of one that was scaled down by a decoder.
  const across = Math.max(Math.round(widthPx / columns), 1);
  const down = Math.max(Math.round(heightPx / rows), 1);
  const line = widthPx * 3;
  const last = rgb.length - 3;
  const weight = 1 / (4 * across * down);
  let chroma = 0;
  for (let row = 0; row < rows; row += 1) {
    const top = Math.floor((row * heightPx) / rows) * line;
    for (let column = 0; column < columns; column += 1) {
      const first = top + Math.floor((column * widthPx) / columns) * 3;
      let sum = 0;
      for (let y = 0; y < down; y += 1) {
        for (let x = 0; x < across; x += 1) {
          const at = Math.min(first + y * line + x * 3, last);
          sum += (rgb[at] as number) + 2 * (rgb[at + 1] as number) + (rgb[at + 2] as number);
        }
      }
      out[row * columns + column] = sum * weight;
      // Every fourth in both directions is plenty.
      if ((row & 3) !== 0 || (column & 3) !== 0) continue;
      const green = rgb[first + 1] as number;
      chroma += Math.abs((rgb[first] as number) - green) + Math.abs((rgb[first + 2] as number) - green);
    }
  }
  return (chroma * 8) / (columns * rows);
}

/** The same of a picture whose brightness is there already. */
function shrinkYuv({ widthPx, heightPx, yuv }: YuvPicture, out: Float32Array): number {
  const { columns, rows } = fineSize;
  if (widthPx === columns && heightPx === rows) copyBrightness(yuv, out);
  else shrinkBrightness(yuv, widthPx, heightPx, out);
  return chromaOf(yuv, widthPx, heightPx);
}

/*
 * Plain numbers and arrays in, no objects: code for these loops that knows of a kind of object is thrown away whenever a
 * picture of another kind comes, and until it is made anew a look took ten times as long.
 */

/** A key frame comes in this size. */
function copyBrightness(yuv: Uint8Array, out: Float32Array): void {
  for (let at = 0; at < out.length; at += 1) out[at] = ((yuv[at] as number) - 16) * fullBrightness;
}

function shrinkBrightness(yuv: Uint8Array, widthPx: number, heightPx: number, out: Float32Array): void {
  const { columns, rows } = fineSize;
  const across = Math.max(Math.round(widthPx / columns), 1);
  const down = Math.max(Math.round(heightPx / rows), 1);
  const last = widthPx * heightPx - 1;
  const weight = fullBrightness / (across * down);
  // So for cameras' 1280 × 720: a loop over two by two costs three times as much.
  const isTwice = widthPx === columns * 2 && heightPx === rows * 2;
  for (let row = 0; row < rows; row += 1) {
    const top = Math.floor((row * heightPx) / rows);
    for (let column = 0; column < columns; column += 1) {
      const left = isTwice ? column * 2 : Math.floor((column * widthPx) / columns);
      let sum = 0;
      if (isTwice) {
        const at = top * widthPx + left;
        const below = at + widthPx;
        sum = (yuv[at] as number) + (yuv[at + 1] as number) + (yuv[below] as number) + (yuv[below + 1] as number);
      } else {
        for (let y = 0; y < down; y += 1) {
          for (let x = 0; x < across; x += 1) sum += yuv[Math.min((top + y) * widthPx + left + x, last)] as number;
        }
      }
      out[row * columns + column] = (sum - 16 * across * down) * weight;
    }
  }
}

/** Of every fourth pixel of the fine picture in both directions. */
function chromaOf(yuv: Uint8Array, widthPx: number, heightPx: number): number {
  const { columns, rows } = fineSize;
  const planeU = widthPx * heightPx;
  const planeV = planeU + (widthPx >> 1) * (heightPx >> 1);
  let chroma = 0;
  for (let row = 0; row < rows; row += 4) {
    const line = (Math.floor((row * heightPx) / rows) >> 1) * (widthPx >> 1);
    for (let column = 0; column < columns; column += 4) {
      const near = line + (Math.floor((column * widthPx) / columns) >> 1);
      const u = (yuv[planeU + near] as number) - 128;
      const v = (yuv[planeV + near] as number) - 128;
      // BT.601: what red and blue have more than green.
      chroma += Math.abs(2.41 * v + 0.39 * u) + Math.abs(2.41 * u + 0.81 * v);
    }
  }
  return (chroma * 8) / (columns * rows);
}

function rowsWithout(rows: number): { readonly from: number; readonly to: number } {
  return { from: Math.ceil(rows * writtenShare), to: Math.floor(rows * (1 - writtenShare)) };
}

/** Of `every` n-th row; answers of how many. */
function countSteps(
  grey: Float32Array,
  columns: number,
  fromRow: number,
  toRow: number,
  every: number,
  counts: Uint32Array,
): number {
  let counted = 0;
  for (let row = fromRow; row < toRow; row += every) {
    counted += columns - 1;
    const end = row * columns + columns - 1;
    let here = grey[row * columns] as number;
    for (let at = row * columns; at < end; at += 1) {
      const next = grey[at + 1] as number;
      const larger =
        Math.min(Math.max(Math.abs(next - here), Math.abs((grey[at + columns] as number) - here)), 255) | 0;
      counts[larger] = (counts[larger] as number) + 1;
      here = next;
    }
  }
  return counted;
}

/**
 * Steps between neighbours (the larger of right and below), where nothing is written into the picture: `strong`, which
 * this share of them exceeds, and `middle`, which half of them do.
 */
function stepsOf(
  grey: Float32Array,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  share: number,
  every: number,
): { strong: number; middle: number } {
  const { from, to } = rowsWithout(rows);
  const counts = new Uint32Array(256);
  const all = countSteps(grey, columns, from, to, every, counts);
  const exceededBy = (part: number): number => {
    let left = Math.round(all * part);
    for (let value = 255; value > 0; value -= 1) {
      left -= counts[value] as number;
      if (left < 0) return value;
    }
    return 0;
  };
  return { strong: exceededBy(share), middle: exceededBy(0.5) };
}
