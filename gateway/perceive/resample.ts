import type { BoxPx } from '../domain/plate.ts';
import { axisWeights, type AxisWeights, type Kernel } from './axis-weights.ts';
import type { Picture, Pixels } from './picture.ts';
import { createPixelWork, type PixelWork } from './pixel-work.ts';
import { createStillWork, type StillWork } from './still-work.ts';
import { halfRgbOf, rgbOf } from './yuv.ts';

/** How pixels become a network's input: `value × scale + offset` per channel, in the order the network wants. */
export interface TensorForm {
  readonly order: 'rgb' | 'bgr';
  readonly scale: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
  /** What stands where no picture is, after scaling. */
  readonly pad: number;
}

/** A picture's place in a network's input: `scaledWidth` × `scaledHeight` from the top left, the rest padded. */
export interface Letterbox {
  /** Multiples of 32. */
  readonly width: number;
  readonly height: number;
  readonly scaledWidth: number;
  readonly scaledHeight: number;
}

/** The smallest input that shows a region with at most `maxSidePx` on its longer side; enlarged at most twofold. */
export function letterbox(region: BoxPx, maxSidePx: number): Letterbox {
  const ratio = Math.min(maxSidePx / Math.max(region[2], region[3]), 2);
  const scaledWidth = Math.max(Math.round(region[2] * ratio), 8);
  const scaledHeight = Math.max(Math.round(region[3] * ratio), 8);
  const whole = (side: number): number => Math.ceil(side / 32) * 32;
  return { width: whole(scaledWidth), height: whole(scaledHeight), scaledWidth, scaledHeight };
}

/** Grey that stands where no picture is. */
const padByte = 114;

/**
 * Scales parts of pictures into network inputs, keeping its tables and buffers between calls: cameras send the same
 * sizes over and over. Not for two calls at the same time.
 */
export function createScaler() {
  const tables = new Map<string, AxisWeights>();
  let wide = new Float32Array(0);
  let half = new Uint8Array(0);
  let work: PixelWork | null = null;
  let stillWork: StillWork | null = null;
  let halved: { readonly of: Pixels; readonly region: BoxPx; readonly picture: Picture } | null = null;

  const table = (
    from: number,
    length: number,
    limit: number,
    target: number,
    kernel: Kernel = 'triangle',
  ): AxisWeights => {
    const key = `${from}/${length}/${limit}/${target}/${kernel}`;
    let found = tables.get(key);
    if (!found) {
      // Regions of interest come in many sizes; 64 tables of a few kB are plenty for what repeats.
      if (tables.size >= 64) tables.clear();
      found = axisWeights(from, length, limit, target, kernel);
      tables.set(key, found);
    }
    return found;
  };

  /**
   * A region at half its size, in memory that the next call overwrites; an odd last row or column is left out.
   */
  const halve = (picture: Pixels, region: BoxPx): Picture => {
    const widthPx = region[2] >> 1;
    const heightPx = region[3] >> 1;
    if (half.length < widthPx * heightPx * 3) half = new Uint8Array(widthPx * heightPx * 3);
    if ('rgb' in picture) {
      stillWork ??= createStillWork();
      stillWork.halve(picture, region, half);
    } else halfRgbOf(picture, region, new Uint8ClampedArray(half.buffer));
    halved = { of: picture, region, picture: { widthPx, heightPx, rgb: half } };
    return halved.picture;
  };

  /** The region at half its size, and where it lies there: in what was halved already, or all of it. */
  const halfOf = (picture: Pixels, region: BoxPx): readonly [Picture, BoxPx] => {
    if (halved?.of === picture) {
      const [left, top] = [region[0] - halved.region[0], region[1] - halved.region[1]];
      const isInside = left + region[2] <= halved.region[2] && top + region[3] <= halved.region[3];
      if (left >= 0 && top >= 0 && isInside && ((left | top) & 1) === 0)
        return [halved.picture, [left >> 1, top >> 1, region[2] >> 1, region[3] >> 1]];
    }
    const smaller = halve(picture, region);
    return [smaller, [0, 0, smaller.widthPx, smaller.heightPx]];
  };

  /**
   * Fills `out` (planes of `width` × `height`) with the region of the picture, `scaledWidth` × `scaledHeight` from the
   * top left, the rest padded. The region is in whole pixels inside the picture.
   */
  const fill = (picture: Pixels, region: BoxPx, target: Letterbox, form: TensorForm, out: Float32Array): void => {
    const { width, height, scaledWidth, scaledHeight } = target;
    const plane = width * height;
    // Means of two by two cost a quarter of the floats they save, and a triangle over them is as smooth.
    const mayHalve = region[2] >= scaledWidth * 2 && region[3] >= scaledHeight * 2;
    const [source, [left, top, sourceWidth, sourceHeight]] = mayHalve
      ? halfOf(picture, region)
      : asRgb(picture, region);
    const columns = table(left, sourceWidth, source.widthPx, scaledWidth);
    const rows = table(top, sourceHeight, source.heightPx, scaledHeight);
    const rgb = source.rgb;
    const rowLength = scaledWidth * 3;
    if (wide.length < rowLength * (rows.stride + 1)) wide = new Float32Array(rowLength * (rows.stride + 1));
    const sum = wide.subarray(0, rowLength);
    const ring = wide.subarray(rowLength);
    const ringRows = new Int32Array(rows.stride).fill(-1);
    if (scaledWidth < width || scaledHeight < height) out.fill(form.pad);
    const [red, blue] = form.order === 'rgb' ? [0, 2] : [2, 0];
    const [scale0, scale1, scale2] = form.scale;
    const [offset0, offset1, offset2] = form.offset;

    for (let y = 0; y < scaledHeight; y += 1) {
      sum.fill(0);
      const firstRow = rows.first[y] ?? 0;
      const rowCount = rows.count[y] ?? 0;
      for (let k = 0; k < rowCount; k += 1) {
        const sourceRow = firstRow + k;
        const slot = sourceRow % rows.stride;
        const line = slot * rowLength;
        if (ringRows[slot] !== sourceRow) {
          ringRows[slot] = sourceRow;
          scaleRow(rgb, sourceRow * source.widthPx * 3, columns, scaledWidth, ring, line);
        }
        const weight = rows.weights[y * rows.stride + k] ?? 0;
        // Typed-array reads inside their bounds; `?? 0` in the innermost loop costs a third of its speed.
        for (let at = 0; at < rowLength; at += 1) sum[at] = (sum[at] as number) + weight * (ring[line + at] as number);
      }
      let at = y * width;
      for (let x = 0; x < rowLength; x += 3) {
        out[at] = (sum[x + red] as number) * scale0 + offset0;
        out[at + plane] = (sum[x + 1] as number) * scale1 + offset1;
        out[at + 2 * plane] = (sum[x + blue] as number) * scale2 + offset2;
        at += 1;
      }
    }
  };

  /**
   * Fills `out` (`width` × `height` RGB, row by row) with the region of the picture, `scaledWidth` × `scaledHeight` from
   * the top left, the rest grey: for networks that take bytes and do the arithmetic themselves. About a fifth of `fill`.
   */
  const fillBytes = (picture: Pixels, region: BoxPx, target: Letterbox, out: Uint8Array): void => {
    const { width, height, scaledWidth, scaledHeight } = target;
    if (scaledWidth < width || scaledHeight < height) out.fill(padByte);
    if ('yuv' in picture) {
      work ??= createPixelWork();
      work.fillBytes(picture, region, target, out);
      return;
    }
    const mayHalve = region[2] >= scaledWidth * 2 && region[3] >= scaledHeight * 2;
    const [source, part] = mayHalve ? halfOf(picture, region) : asRgb(picture, region);
    if (part[2] === scaledWidth && part[3] === scaledHeight) copyBytes(source, part, width, out);
    else scaleBytes(source, part, target, out);
  };

  const scaleBytes = (picture: Picture, region: BoxPx, target: Letterbox, out: Uint8Array): void => {
    const { width, scaledWidth, scaledHeight } = target;
    const columns = table(region[0], region[2], picture.widthPx, scaledWidth, 'area');
    const rows = table(region[1], region[3], picture.heightPx, scaledHeight, 'area');
    stillWork ??= createStillWork();
    stillWork.scale(picture, [region[0], region[2]], columns, rows, (fromRow, strip) => {
      const rowBytes = scaledWidth * 3;
      if (width === scaledWidth) out.set(strip, fromRow * rowBytes);
      else
        for (let row = 0; row * rowBytes < strip.length; row += 1)
          out.set(strip.subarray(row * rowBytes, (row + 1) * rowBytes), (fromRow + row) * width * 3);
    });
  };

  return {
    fill,
    fillBytes,
    /** Halves a region of the picture for all that will be asked of its parts; until `forget`, or a region outside it. */
    halveFor: (picture: Pixels, region: BoxPx): void => {
      if ('yuv' in picture) {
        work ??= createPixelWork();
        work.halve(picture, region);
      } else halve(picture, region);
    },
    /** Another picture comes, perhaps in the same memory. */
    forget: (): void => {
      halved = null;
      work?.forget();
    },
  };
}

function copyBytes({ rgb, widthPx }: Picture, [left, top, columns, rows]: BoxPx, width: number, out: Uint8Array): void {
  for (let y = 0; y < rows; y += 1) {
    const from = ((top + y) * widthPx + left) * 3;
    out.set(rgb.subarray(from, from + columns * 3), y * width * 3);
  }
}

function scaleRow(
  rgb: Uint8Array,
  rowStart: number,
  columns: AxisWeights,
  target: number,
  out: Float32Array,
  outStart: number,
): void {
  const { first, count, weights, stride } = columns;
  let to = outStart;
  for (let x = 0; x < target; x += 1) {
    let from = rowStart + (first[x] as number) * 3;
    const n = count[x] as number;
    let r = 0;
    let g = 0;
    let b = 0;
    for (let k = 0; k < n; k += 1) {
      const weight = weights[x * stride + k] as number;
      r += weight * (rgb[from] as number);
      g += weight * (rgb[from + 1] as number);
      b += weight * (rgb[from + 2] as number);
      from += 3;
    }
    out[to] = r;
    out[to + 1] = g;
    out[to + 2] = b;
    to += 3;
  }
}

/** The picture in RGB, or where it is not, the region of it; and where the region lies in that. */
function asRgb(picture: Pixels, region: BoxPx): readonly [Picture, BoxPx] {
  return 'rgb' in picture ? [picture, region] : [rgbOf(picture, region), [0, 0, region[2], region[3]]];
}

export type Scaler = ReturnType<typeof createScaler>;
