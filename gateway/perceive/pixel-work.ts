import type { BoxPx } from '../domain/plate.ts';
import { axisWeights } from './axis-weights.ts';
import type { YuvPicture } from './picture.ts';
import { wasmBase64 } from './pixel-work-wasm.ts';
import type { Letterbox } from './resample.ts';

/** What `pixel-work.c` exports: the order of its numbers stands there; places are bytes of its memory. */
type Exported = Readonly<Record<'half' | 'whole' | 'scale', (...numbers: number[]) => void>>;

/** Parts of the memory. Each has room to spare for steps of sixteen bytes that reach beyond its end. */
type Part = 'picture' | 'half' | 'rgb' | 'out' | 'sums' | 'tables';
const parts: readonly Part[] = ['picture', 'half', 'rgb', 'out', 'sums', 'tables'];
export const spareBytes = 64;
/** The stack of the compiled code lies below. */
export const firstByte = 8192;
export const pageBytes = 65_536;
/** Regions of interest come in many sizes; some fifty tables of 3 to 8 kB are plenty for what repeats. */
const tableBytes = 262_144;

/** A table in the memory: spans (two numbers a pixel), and weights in 256ths, `stride` a pixel. */
interface Table {
  readonly spans: number;
  readonly weights: number;
  readonly stride: number;
}

/** As `axisWeights` takes it. */
type Axis = readonly [from: number, length: number, limit: number, target: number];

/** RGB rows in the memory, and the part of them that is meant. */
interface Rows {
  readonly at: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly part: BoxPx;
}

/**
 * Scales parts of decoded pictures into what networks take, in WebAssembly: a quarter of what JavaScript needs for it.
 * Takes about four times a picture's bytes. Not for two calls at the same time.
 */
export function createPixelWork() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const code = new WebAssembly.Module(Buffer.from(wasmBase64, 'base64'));
  const run = new WebAssembly.Instance(code, { env: { memory } }).exports as Exported;
  const room: Record<Part, number> = { picture: 0, half: 0, rgb: 0, out: 0, sums: 0, tables: 0 };
  const at: Record<Part, number> = { ...room };
  let bytes = new Uint8Array(memory.buffer);
  let loaded: YuvPicture | null = null;
  let halved: BoxPx | null = null;
  const tables = new Map<string, Table>();
  let tablesEnd = 0;

  const forget = (): void => {
    loaded = null;
    halved = null;
  };

  /** Makes room; what lay in the memory is lost where that takes more than there is. */
  const reserve = (wanted: Partial<Record<Part, number>>): void => {
    if (parts.every((part) => (wanted[part] ?? 0) <= room[part])) return;
    let end = firstByte;
    for (const part of parts) {
      room[part] = Math.max(room[part], wanted[part] ?? 0);
      at[part] = end;
      end += Math.ceil((room[part] + spareBytes) / 16) * 16;
    }
    if (end > bytes.length) {
      memory.grow(Math.ceil((end - bytes.length) / pageBytes));
      bytes = new Uint8Array(memory.buffer);
    }
    tables.clear();
    tablesEnd = 0;
    forget();
  };

  const load = (picture: YuvPicture): void => {
    if (loaded === picture) return;
    bytes.set(picture.yuv, at.picture);
    loaded = picture;
    halved = null;
  };

  const planesOf = ({ widthPx, heightPx }: YuvPicture) => {
    const u = at.picture + widthPx * heightPx;
    return { y: at.picture, u, v: u + (widthPx >> 1) * (heightPx >> 1) };
  };

  /** A table for one axis: its weights rounded to 256ths, and still one together. */
  const table = (...axis: Axis): Table => {
    const [from, length, limit, target] = axis;
    const key = axis.join('/');
    const known = tables.get(key);
    if (known) return known;
    const { first, count, weights, stride } = axisWeights(from, length, limit, target, 'area');
    const size = target * 8 + Math.ceil((target * stride * 2) / 16) * 16;
    if (tablesEnd + size > room.tables) {
      tables.clear();
      tablesEnd = 0;
    }
    const made: Table = { spans: at.tables + tablesEnd, weights: at.tables + tablesEnd + target * 8, stride };
    tablesEnd += Math.ceil(size / 16) * 16;
    const spans = new Int32Array(memory.buffer, made.spans, target * 2);
    const rounded = new Uint16Array(memory.buffer, made.weights, target * stride);
    for (let index = 0; index < target; index += 1) {
      const n = count[index] as number;
      spans[index * 2] = first[index] as number;
      spans[index * 2 + 1] = n;
      let left = 256;
      let heaviest = index * stride;
      for (let k = index * stride; k < index * stride + n; k += 1) {
        rounded[k] = Math.round((weights[k] as number) * 256);
        left -= rounded[k] as number;
        if ((rounded[k] as number) > (rounded[heaviest] as number)) heaviest = k;
      }
      rounded[heaviest] = (rounded[heaviest] as number) + left;
    }
    tables.set(key, made);
    return made;
  };

  /** The tables across and down: the second may have been made in place of all that there were. */
  const tablesOf = (across: Axis, down: Axis): readonly [Table, Table] => {
    const first = table(...across);
    const second = table(...down);
    return [tables.has(across.join('/')) ? first : table(...across), second];
  };

  const halve = (picture: YuvPicture, region: BoxPx): void => {
    const [left, top, width, height] = region;
    reserve({ picture: picture.yuv.length, half: (width >> 1) * (height >> 1) * 3 });
    load(picture);
    const { y, u, v } = planesOf(picture);
    const chroma = (top >> 1) * (picture.widthPx >> 1) + (left >> 1);
    const from = y + top * picture.widthPx + left;
    run.half(from, picture.widthPx, u + chroma, v + chroma, picture.widthPx >> 1, width >> 1, height >> 1, at.half);
    halved = region;
  };

  /** The region at half its size: a part of what was halved already, or all of it. */
  const halfOf = (picture: YuvPicture, region: BoxPx): Rows => {
    const isInside = (whole: BoxPx): boolean => {
      const [left, top] = [region[0] - whole[0], region[1] - whole[1]];
      const fits = left + region[2] <= whole[2] && top + region[3] <= whole[3];
      return left >= 0 && top >= 0 && fits && ((left | top) & 1) === 0;
    };
    if (loaded !== picture || halved === null || !isInside(halved)) halve(picture, region);
    const [left, top, width, height] = halved ?? region;
    const part: BoxPx = [(region[0] - left) >> 1, (region[1] - top) >> 1, region[2] >> 1, region[3] >> 1];
    return { at: at.half, widthPx: width >> 1, heightPx: height >> 1, part };
  };

  const wholeOf = (picture: YuvPicture, [left, top, width, height]: BoxPx): Rows => {
    reserve({ picture: picture.yuv.length, rgb: width * height * 3 });
    load(picture);
    const { y, u, v } = planesOf(picture);
    run.whole(y, picture.widthPx, u, v, left, top, width, height, at.rgb);
    return { at: at.rgb, widthPx: width, heightPx: height, part: [0, 0, width, height] };
  };

  const scaleInto = (source: Rows, { scaledWidth, scaledHeight }: Letterbox): Rows => {
    const [left, top, width, height] = source.part;
    const [across, down] = tablesOf(
      [left, width, source.widthPx, scaledWidth],
      [top, height, source.heightPx, scaledHeight],
    );
    run.scale(
      ...[source.at, source.widthPx * 3, down.spans, down.weights, down.stride],
      ...[across.spans, across.weights, across.stride, left * 3, width * 3],
      ...[scaledWidth, scaledHeight, at.sums, at.out, scaledWidth * 3],
    );
    const part: BoxPx = [0, 0, scaledWidth, scaledHeight];
    return { at: at.out, widthPx: scaledWidth, heightPx: scaledHeight, part };
  };

  /** Copies scaled rows, `widthPx` wide, out to rows of the target. */
  const give = ({ at: start, widthPx, part }: Rows, fromRow: number, target: Letterbox, out: Uint8Array): void => {
    const { width, scaledWidth } = target;
    const [left, top, , rows] = part;
    if (left === 0 && widthPx === scaledWidth && width === scaledWidth) {
      const from = start + top * widthPx * 3;
      out.set(bytes.subarray(from, from + rows * scaledWidth * 3), fromRow * width * 3);
      return;
    }
    for (let row = 0; row < rows; row += 1) {
      const from = start + ((top + row) * widthPx + left) * 3;
      out.set(bytes.subarray(from, from + scaledWidth * 3), (fromRow + row) * width * 3);
    }
  };

  return {
    /** Halves a region for all that will be asked of its parts; until `forget`, or a region outside it. */
    halve,
    /** As `Scaler.fillBytes` for decoded video; what is no picture is left as it is. */
    fillBytes: (picture: YuvPicture, region: BoxPx, target: Letterbox, out: Uint8Array): void => {
      const { scaledWidth, scaledHeight } = target;
      const mayHalve = region[2] >= scaledWidth * 2 && region[3] >= scaledHeight * 2;
      // Before anything lies there: more room moves everything.
      reserve({
        picture: picture.yuv.length,
        ...(mayHalve ? {} : { rgb: region[2] * region[3] * 3 }),
        out: scaledWidth * scaledHeight * 3,
        sums: region[2] * 6,
        tables: tableBytes,
      });
      const source = mayHalve ? halfOf(picture, region) : wholeOf(picture, region);
      const fits = source.part[2] === scaledWidth && source.part[3] === scaledHeight;
      give(fits ? source : scaleInto(source, target), 0, target, out);
    },
    /** Another picture comes, perhaps in the same memory. */
    forget,
  };
}

export type PixelWork = ReturnType<typeof createPixelWork>;
