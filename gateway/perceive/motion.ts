import type { BoxPx } from '../domain/plate.ts';
import type { Pixels, YuvPicture } from './picture.ts';
import { fullBrightness } from './yuv.ts';

/** Side of the squares whose mean brightness is compared: sensor noise of 12 grey levels averages out below 1. */
const cellPx = 16;
/** Pixels sampled in a cell: every second in both directions. */
const step = 2;
/** Change of a cell's mean that is movement, in grey levels: encoder pulses at key frames reach 3. */
const threshold = 5;

/** What moved between two looks. */
export interface Motion {
  /** Boxes around what moved, one for each thing that moves apart from the others, in px. */
  readonly boxes: readonly BoxPx[];
  /** Whether anything moved inside a box. */
  movedIn(box: BoxPx): boolean;
}

/** Compares each picture with the one before it; the first one counts as moving all over. About 1 ms for 1280 × 720. */
export function createMotionGate() {
  let before: Float32Array | null = null;
  let size = '';
  return (picture: Pixels): Motion => {
    const columns = Math.ceil(picture.widthPx / cellPx);
    const rows = Math.ceil(picture.heightPx / cellPx);
    const now = cellMeans(picture, columns, rows);
    const moved = new Uint8Array(columns * rows);
    const last = size === `${picture.widthPx}x${picture.heightPx}` ? before : null;
    size = `${picture.widthPx}x${picture.heightPx}`;
    before = now;
    if (!last) moved.fill(1);
    else {
      // Headlights and the camera's own exposure change everything at once: only what differs from that moved.
      const common = medianDifference(now, last);
      for (let cell = 0; cell < moved.length; cell += 1) {
        const change = (now[cell] as number) - (last[cell] as number) - common;
        if (Math.abs(change) > threshold) moved[cell] = 1;
      }
    }
    return { boxes: boxesOfCells(moved, columns, rows, picture), movedIn: (box) => anyIn(moved, columns, rows, box) };
  };
}

function cellMeans(picture: Pixels, columns: number, rows: number): Float32Array {
  if ('yuv' in picture) return brightnessMeans(picture, columns, rows);
  const { widthPx, heightPx, rgb } = picture;
  const sums = new Float32Array(columns * rows);
  const counts = new Uint16Array(columns * rows);
  for (let y = 0; y < heightPx; y += step) {
    const line = Math.floor(y / cellPx) * columns;
    let at = y * widthPx * 3;
    for (let x = 0; x < widthPx; x += step) {
      const cell = line + ((x / cellPx) | 0);
      sums[cell] = (sums[cell] as number) + (rgb[at] as number) + 2 * (rgb[at + 1] as number) + (rgb[at + 2] as number);
      counts[cell] = (counts[cell] as number) + 4;
      at += 3 * step;
    }
  }
  for (let cell = 0; cell < sums.length; cell += 1)
    sums[cell] = (sums[cell] as number) / Math.max(counts[cell] as number, 1);
  return sums;
}

/** The same of a picture whose brightness is there already. */
function brightnessMeans({ widthPx, heightPx, yuv }: YuvPicture, columns: number, rows: number): Float32Array {
  const means = new Float32Array(columns * rows);
  const inWords = widthPx % cellPx === 0 && yuv.byteOffset % 4 === 0;
  const words = inWords ? new Uint32Array(yuv.buffer, yuv.byteOffset, (widthPx * heightPx) >> 2) : null;
  for (let row = 0; row < rows; row += 1) {
    const top = row * cellPx;
    const bottom = Math.min(top + cellPx, heightPx);
    for (let column = 0; column < columns; column += 1) {
      const left = column * cellPx;
      const right = Math.min(left + cellPx, widthPx);
      const sum = words
        ? sumOfWords(words, widthPx >> 2, left >> 2, top, bottom)
        : sumOfBytes(yuv, widthPx, left, right, top, bottom);
      const count = Math.ceil((right - left) / step) * Math.ceil((bottom - top) / step);
      means[row * columns + column] = (sum * fullBrightness) / Math.max(count, 1);
    }
  }
  return means;
}

/** Every second byte of every second line of a cell, two at a time: 32 of them stay within sixteen bits. */
function sumOfWords(words: Uint32Array, lineWords: number, left: number, top: number, bottom: number): number {
  let two = 0;
  for (let at = top * lineWords + left; at < bottom * lineWords; at += step * lineWords)
    two +=
      ((words[at] as number) & 0xff00ff) +
      ((words[at + 1] as number) & 0xff00ff) +
      ((words[at + 2] as number) & 0xff00ff) +
      ((words[at + 3] as number) & 0xff00ff);
  return (two & 0xffff) + (two >>> 16);
}

function sumOfBytes(
  yuv: Uint8Array,
  widthPx: number,
  left: number,
  right: number,
  top: number,
  bottom: number,
): number {
  let sum = 0;
  for (let y = top; y < bottom; y += step) {
    for (let x = left; x < right; x += step) sum += yuv[y * widthPx + x] as number;
  }
  return sum;
}

function medianDifference(now: Float32Array, before: Float32Array): number {
  // Every seventh cell: light that changes everywhere shows in them too, and sorting all of them took half a millisecond.
  const differences = new Float32Array(Math.ceil(now.length / 7));
  for (let at = 0; at < differences.length; at += 1)
    differences[at] = (now[at * 7] as number) - (before[at * 7] as number);
  differences.sort();
  return differences[differences.length >> 1] ?? 0;
}

/** Fewer cells are a leaf, a bird or the digits of a clock in the picture; a car far off has dozens. */
const minCells = 6;

/** Joins moved cells that touch or have one still cell between them. */
function boxesOfCells(moved: Uint8Array, columns: number, rows: number, picture: Pixels): BoxPx[] {
  const seen = new Uint8Array(moved.length);
  const boxes: BoxPx[] = [];
  for (let start = 0; start < moved.length; start += 1) {
    if (moved[start] !== 1 || seen[start] === 1) continue;
    let left = columns;
    let right = 0;
    let top = rows;
    let bottom = 0;
    let count = 0;
    const stack = [start];
    seen[start] = 1;
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      const row = Math.floor(cell / columns);
      const column = cell - row * columns;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
      count += 1;
      for (let y = Math.max(row - 2, 0); y <= Math.min(row + 2, rows - 1); y += 1) {
        for (let x = Math.max(column - 2, 0); x <= Math.min(column + 2, columns - 1); x += 1) {
          const next = y * columns + x;
          if (moved[next] !== 1 || seen[next] === 1) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
    if (count < minCells) continue;
    const x = left * cellPx;
    const y = top * cellPx;
    const width = Math.min((right + 1) * cellPx, picture.widthPx) - x;
    boxes.push([x, y, width, Math.min((bottom + 1) * cellPx, picture.heightPx) - y]);
  }
  return boxes;
}

function anyIn(moved: Uint8Array, columns: number, rows: number, [left, top, width, height]: BoxPx): boolean {
  const fromColumn = Math.max(Math.floor(left / cellPx), 0);
  const toColumn = Math.min(Math.floor((left + width) / cellPx), columns - 1);
  const toRow = Math.min(Math.floor((top + height) / cellPx), rows - 1);
  for (let row = Math.max(Math.floor(top / cellPx), 0); row <= toRow; row += 1) {
    for (let column = fromColumn; column <= toColumn; column += 1) if (moved[row * columns + column] === 1) return true;
  }
  return false;
}
