import type { BoxPx } from '../domain/plate.ts';
import type { AxisWeights } from './axis-weights.ts';
import type { Picture } from './picture.ts';
import { firstByte, pageBytes, spareBytes } from './pixel-work.ts';
import { wasmBase64 } from './pixel-work-wasm.ts';

/** Of `pixel-work.c`: the order of the numbers stands there; places are bytes of its memory. */
type Exported = Readonly<Record<'fine' | 'halfRgb', (...numbers: number[]) => void>>;

/** A still has any size, and this memory never shrinks: of its rows so much is brought there at a time. */
const stripBytes = 524_288;

/**
 * Scales parts of RGB stills in WebAssembly. Not for two calls at the same time.
 */
export function createStillWork() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const code = new WebAssembly.Module(Buffer.from(wasmBase64, 'base64'));
  const run = new WebAssembly.Instance(code, { env: { memory } }).exports as Exported;
  let bytes = new Uint8Array(memory.buffer);

  /** Places for parts of these sizes, one after the other. */
  const placesFor = (sizes: readonly number[]): readonly number[] => {
    let end = firstByte;
    const places = sizes.map((size) => {
      const place = end;
      end += Math.ceil((size + spareBytes) / 16) * 16;
      return place;
    });
    if (end > bytes.length) {
      memory.grow(Math.ceil((end - bytes.length) / pageBytes));
      bytes = new Uint8Array(memory.buffer);
    }
    return places;
  };

  /** Brings source rows from `y` on, each `rowBytes` from the column `left` on, to a place. */
  const bring = (
    { rgb, widthPx }: Picture,
    left: number,
    rowBytes: number,
    y: number,
    end: number,
    to: number,
  ): void => {
    for (let row = y; row < end; row += 1) {
      const from = (row * widthPx + left) * 3;
      bytes.set(rgb.subarray(from, from + rowBytes), to + (row - y) * rowBytes);
    }
  };

  /**
   * In floats, to within a rounding of the last bit of what JavaScript gives: with weights of eight bits, two levels off, a
   * finder's scores near the threshold moved (one false box more in 37 pictures).
   * Calls `give` with the scaled rows, from the first to the last, in strips: RGB bytes that are lent until it returns.
   * `columns` and `rows` are over the whole picture (`axisWeights`).
   */
  const scale = (
    picture: Picture,
    [left, width]: readonly [left: number, width: number],
    columns: AxisWeights,
    rows: AxisWeights,
    give: (fromRow: number, strip: Uint8Array) => void,
  ): void => {
    const [across, down] = [columns.first.length, rows.first.length];
    const rowBytes = width * 3;
    const line = across * 3 + 4;
    const most = Math.max(...rows.count);
    // At least as many rows as one of the target is made of.
    const stripRows = Math.max(Math.floor(stripBytes / rowBytes), most);
    const [strip = 0, out = 0, held = 0, ring = 0, ...tables] = placesFor([
      ...[stripRows * rowBytes, across * 3 * down, rows.stride * 4, rows.stride * line * 4],
      ...[columns, rows].flatMap(({ first, count, weights }) => [
        first.byteLength,
        count.byteLength,
        weights.byteLength,
      ]),
    ]);
    const [acrossFirst = 0, acrossCount = 0, acrossWeights = 0, downFirst = 0, downCount = 0, downWeights = 0] = tables;
    [columns.first, columns.count, columns.weights, rows.first, rows.count, rows.weights].forEach((table, index) =>
      bytes.set(new Uint8Array(table.buffer, table.byteOffset, table.byteLength), tables[index]),
    );
    bytes.fill(255, held, held + rows.stride * 4);
    const firstOf = (row: number): number => rows.first[row] as number;
    const endOf = (row: number): number => firstOf(row) + (rows.count[row] as number);
    for (let row = 0; row < down;) {
      const first = firstOf(row);
      let end = row + 1;
      while (end < down && endOf(end) - first <= stripRows) end += 1;
      bring(picture, left, rowBytes, first, endOf(end - 1), strip);
      run.fine(
        // Rows and columns are counted from the picture's first.
        ...[strip - first * rowBytes - left * 3, rowBytes],
        ...[downFirst + row * 4, downCount + row * 4, downWeights + row * rows.stride * 4, rows.stride],
        ...[acrossFirst, acrossCount, acrossWeights, columns.stride],
        ...[across, end - row, held, ring, line, out],
      );
      give(row, bytes.subarray(out, out + across * 3 * (end - row)));
      row = end;
    }
  };

  /** Half the size, the mean of two by two, into `out`; an odd last row or column is left out. */
  const halve = (picture: Picture, [left, top, width, height]: BoxPx, out: Uint8Array): void => {
    const [columns, rows] = [width >> 1, height >> 1];
    const [rowBytes, outBytes] = [columns * 6, columns * 3];
    const stripRows = Math.max(Math.floor(stripBytes / rowBytes / 2), 1);
    const [strip = 0, to = 0] = placesFor([stripRows * 2 * rowBytes, stripRows * outBytes]);
    for (let row = 0; row < rows; row += stripRows) {
      const count = Math.min(stripRows, rows - row);
      bring(picture, left, rowBytes, top + row * 2, top + (row + count) * 2, strip);
      run.halfRgb(strip, rowBytes, columns, count, to);
      out.set(bytes.subarray(to, to + count * outBytes), row * outBytes);
    }
  };

  return { scale, halve };
}

export type StillWork = ReturnType<typeof createStillWork>;
