import type { BoxPx } from '../domain/plate.ts';
import type { Picture } from './picture.ts';

/** How pixels become a network's input: `value × scale + offset` per channel, in the order the network wants. */
export interface TensorForm {
  readonly order: 'rgb' | 'bgr';
  readonly scale: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
  /** What stands where no picture is, after scaling. */
  readonly pad: number;
}

/** For each target pixel along one axis: where its sources begin, how many there are, and their weights. */
interface AxisWeights {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Float32Array;
  readonly stride: number;
}

function axisWeights(from: number, length: number, limit: number, target: number): AxisWeights {
  const ratio = length / target;
  // A triangle as wide as the step: interpolates when enlarging, averages when reducing (no aliasing).
  const radius = Math.max(ratio, 1);
  const stride = Math.ceil(radius * 2) + 1;
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Float32Array(target * stride);
  for (let index = 0; index < target; index += 1) {
    const center = from + (index + 0.5) * ratio - 0.5;
    const low = Math.max(Math.ceil(center - radius), 0, from);
    const high = Math.min(Math.floor(center + radius), limit - 1, from + length - 1);
    let sum = 0;
    let used = 0;
    for (let at = low; at <= high && used < stride; at += 1) {
      const weight = 1 - Math.abs(at - center) / radius;
      if (weight <= 0 && used > 0) continue;
      weights[index * stride + used] = Math.max(weight, 1e-6);
      sum += Math.max(weight, 1e-6);
      used += 1;
    }
    first[index] = Math.min(low, limit - 1);
    count[index] = Math.max(used, 1);
    if (used === 0) {
      weights[index * stride] = 1;
      sum = 1;
    }
    for (let k = 0; k < Math.max(used, 1); k += 1) {
      const slot = index * stride + k;
      weights[slot] = (weights[slot] ?? 0) / sum;
    }
  }
  return { first, count, weights, stride };
}

/**
 * Scales parts of pictures into network inputs, keeping its tables and buffers between calls: cameras send the same
 * sizes over and over. Not for two calls at the same time.
 */
export function createScaler() {
  const tables = new Map<string, AxisWeights>();
  let wide = new Float32Array(0);

  const table = (from: number, length: number, limit: number, target: number): AxisWeights => {
    const key = `${from}/${length}/${limit}/${target}`;
    let found = tables.get(key);
    if (!found) {
      // Regions of interest come in many sizes; 64 tables of a few kB are plenty for what repeats.
      if (tables.size >= 64) tables.clear();
      found = axisWeights(from, length, limit, target);
      tables.set(key, found);
    }
    return found;
  };

  /**
   * Fills `out` (planes of `width` × `height`) with the region of the picture, `scaledWidth` × `scaledHeight` from the
   * top left, the rest padded. The region is in whole pixels inside the picture.
   */
  const fill = (
    picture: Picture,
    region: BoxPx,
    target: {
      readonly width: number;
      readonly height: number;
      readonly scaledWidth: number;
      readonly scaledHeight: number;
    },
    form: TensorForm,
    out: Float32Array,
  ): void => {
    const { width, height, scaledWidth, scaledHeight } = target;
    const plane = width * height;
    const columns = table(region[0], region[2], picture.widthPx, scaledWidth);
    const rows = table(region[1], region[3], picture.heightPx, scaledHeight);
    const rgb = picture.rgb;
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
          scaleRow(rgb, sourceRow * picture.widthPx * 3, columns, scaledWidth, ring, line);
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

  return { fill };
}

export type Scaler = ReturnType<typeof createScaler>;

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
