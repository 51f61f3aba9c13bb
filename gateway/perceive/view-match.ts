import { unwrittenRows, viewSize, type SmallView } from './small-view.ts';

const { columns } = viewSize;
const rows = unwrittenRows.to - unwrittenRows.from;
const size = columns * rows;
/** Steps of brightness below this are noise, in grey levels of the small picture. */
const faint = 4;
/** Places whose edge has been there, the same way, this strongly and this steadily belong to the view. */
const strongEdge = 6;
const steady = 0.5;

/**
 * Edges of a picture by direction, as vectors of the doubled angle: a bright edge on dark ground is the same as a dark one
 * on bright ground, and how bright it is does not matter. So a view stays itself through dusk, lamps and infrared light.
 */
export interface Edges {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** Math.hypot guards against numbers that do not occur here, and takes ten times as long. */
const lengthOf = (x: number, y: number): number => Math.sqrt(x * x + y * y);

export function edgesOf({ grey }: SmallView): Edges {
  const x = new Float32Array(size);
  const y = new Float32Array(size);
  for (let row = 1; row < rows - 1; row += 1) {
    for (let column = 1; column < columns - 1; column += 1) {
      const at = (row + unwrittenRows.from) * columns + column;
      const across = ((grey[at + 1] as number) - (grey[at - 1] as number)) / 2;
      const down = ((grey[at + columns] as number) - (grey[at - columns] as number)) / 2;
      const length = lengthOf(across, down);
      if (length === 0) continue;
      const to = row * columns + column;
      // cos and sin of twice the angle, times the length.
      x[to] = (across * across - down * down) / length;
      y[to] = (2 * across * down) / length;
    }
  }
  return { x, y };
}

/** Share of the picture that has edges at all. */
export function detailOf({ x, y }: Edges): number {
  let edges = 0;
  for (let at = 0; at < size; at += 1) if (lengthOf(x[at] as number, y[at] as number) > strongEdge) edges += 1;
  return edges / size;
}

/** What a camera has shown for a while: edges that stay, averaged over looks; what moves averages out. */
export interface ViewMemory {
  readonly looks: number;
  /** Takes one more look into the average; `weight` at least, more while there are few. */
  learn(edges: Edges, weight: number): void;
  /** How much of what belongs to the view is seen: 1 all of it, 0 another view altogether. */
  match(edges: Edges): number;
}

export function createViewMemory(): ViewMemory {
  const x = new Float32Array(size);
  const y = new Float32Array(size);
  const length = new Float32Array(size);
  let looks = 0;
  return {
    get looks() {
      return looks;
    },
    learn: (edges, weight) => {
      looks += 1;
      const share = Math.max(weight, 1 / looks);
      for (let at = 0; at < size; at += 1) {
        const nowX = edges.x[at] as number;
        const nowY = edges.y[at] as number;
        x[at] = (x[at] as number) * (1 - share) + nowX * share;
        y[at] = (y[at] as number) * (1 - share) + nowY * share;
        length[at] = (length[at] as number) * (1 - share) + lengthOf(nowX, nowY) * share;
      }
    },
    match: (edges) => {
      let sum = 0;
      let count = 0;
      for (let at = 0; at < size; at += 1) {
        const meanX = x[at] as number;
        const meanY = y[at] as number;
        const mean = lengthOf(meanX, meanY);
        if (mean < strongEdge || mean < steady * (length[at] as number)) continue;
        count += 1;
        const nowX = edges.x[at] as number;
        const nowY = edges.y[at] as number;
        const now = lengthOf(nowX, nowY);
        if (now > 0) sum += ((meanX * nowX + meanY * nowY) / (mean * now)) * (now / (now + faint));
      }
      // Without any edge to know it by, nothing can be said against a view.
      return count < 40 ? 1 : sum / count / fullMatch;
    },
  };
}

/** What the very same picture gives, as `faint` takes its share: edges are of 12 grey levels on average. */
const fullMatch = 0.75;
