import type { YuvPicture } from '../picture.ts';
import { fullBrightness } from '../yuv.ts';
import type { Picture } from './picture-stream.ts';

/** Cells across a picture, whatever its size: 16 px of a picture of 640. */
const columns = 40;
/** Samples of a cell in each direction: sensor noise of 12 grey levels averages out to 1. */
const samples = 8;

/** Mean brightness of a picture's cells, row by row. */
export interface SceneCells {
  readonly columns: number;
  readonly rows: number;
  readonly means: Float32Array;
}

/** About 0.3 ms whatever the picture's size. */
export function cellsOf({ widthPx, heightPx, yuv }: YuvPicture): SceneCells {
  const cellPx = Math.max(1, widthPx / columns);
  const rows = Math.max(1, Math.round(heightPx / cellPx));
  const means = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row += 1) {
    for (let sampleY = 0; sampleY < samples; sampleY += 1) {
      const y = Math.min(heightPx - 1, Math.floor((row + (sampleY + 0.5) / samples) * cellPx));
      for (let column = 0; column < columns; column += 1) {
        let sum = 0;
        for (let sampleX = 0; sampleX < samples; sampleX += 1) {
          const x = Math.min(widthPx - 1, Math.floor((column + (sampleX + 0.5) / samples) * cellPx));
          sum += yuv[y * widthPx + x] as number;
        }
        const cell = row * columns + column;
        means[cell] = (means[cell] as number) + sum;
      }
    }
  }
  for (let cell = 0; cell < means.length; cell += 1)
    means[cell] = ((means[cell] as number) * fullBrightness) / (samples * samples);
  return { columns, rows, means };
}

/** Times the middle difference of all cells: four standard deviations of noise. Small pictures of a camera at high gain need it. */
const noiseFactor = 6;

/**
 * Whether at least `cells` that touch, or have one still cell between them, differ by more than `levels` grey levels and by
 * more than noise does.
 */
export function hasChanged(
  now: SceneCells,
  before: SceneCells,
  { levels, cells }: { readonly levels: number; readonly cells: number },
): boolean {
  if (now.means.length !== before.means.length) return true;
  // Headlights and the camera's own exposure change everything at once: only what differs from that moved.
  const common = medianDifference(now.means, before.means);
  const changes = now.means.map((mean, cell) => Math.abs(mean - (before.means[cell] as number) - common));
  const noise = changes.slice().sort()[changes.length >> 1] ?? 0;
  const limit = Math.max(levels, noiseFactor * noise);
  const moved = new Uint8Array(changes.length);
  let count = 0;
  for (let cell = 0; cell < moved.length; cell += 1) {
    if ((changes[cell] as number) <= limit) continue;
    moved[cell] = 1;
    count += 1;
  }
  return count >= cells && largestGroup(moved, now.columns, now.rows) >= cells;
}

function medianDifference(now: Float32Array, before: Float32Array): number {
  // Every third cell: light that changes everywhere shows in them too.
  const differences = new Float32Array(Math.ceil(now.length / 3));
  for (let at = 0; at < differences.length; at += 1)
    differences[at] = (now[at * 3] as number) - (before[at * 3] as number);
  differences.sort();
  return differences[differences.length >> 1] ?? 0;
}

function largestGroup(moved: Uint8Array, width: number, height: number): number {
  const seen = new Uint8Array(moved.length);
  let largest = 0;
  for (let start = 0; start < moved.length; start += 1) {
    if (moved[start] !== 1 || seen[start] === 1) continue;
    let count = 0;
    const stack = [start];
    seen[start] = 1;
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      const row = Math.floor(cell / width);
      const column = cell - row * width;
      count += 1;
      for (let y = Math.max(row - 2, 0); y <= Math.min(row + 2, height - 1); y += 1) {
        for (let x = Math.max(column - 2, 0); x <= Math.min(column + 2, width - 1); x += 1) {
          const next = y * width + x;
          if (moved[next] !== 1 || seen[next] === 1) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
    largest = Math.max(largest, count);
  }
  return largest;
}

/** What is taken for still shuts the gate: less of a change than for motion ends it. */
const stillUpTo = { levels: 4, cells: 4 } as const;
/** What keeps the gate open, as the net of key pictures has it: leaves, birds and the digits of a clock are less. */
const motionFrom = { levels: 5, cells: 6 } as const;

/** What one picture tells beside those before it. */
export interface SceneChange {
  /** Media time since which the scene is the same as in this picture, a slow creeping included. */
  readonly stillSinceMs: number;
  /** Something has plainly moved since the picture before. */
  readonly moved: boolean;
}

/** Compares the pictures of one decoder run. */
export interface Stillness {
  /** What comes next has nothing to do with what came before. */
  restart(): void;
  take(picture: Picture): SceneChange;
}

interface Remembered {
  readonly cells: SceneCells;
  readonly mediaMs: number;
}

export function createStillness(): Stillness {
  let first: Remembered | null = null;
  let last: Remembered | null = null;
  return {
    restart: () => {
      first = null;
      last = null;
    },
    take: (picture) => {
      const now: Remembered = { cells: cellsOf(picture), mediaMs: picture.mediaMs };
      const moved = last !== null && hasChanged(now.cells, last.cells, motionFrom);
      last = now;
      // Compared with where the stillness began, not with the picture before: slow is no less moving.
      if (!first || hasChanged(now.cells, first.cells, stillUpTo)) first = now;
      return { stillSinceMs: first.mediaMs, moved };
    },
  };
}
