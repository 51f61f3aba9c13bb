import type { EpochMs } from '../lib/clock.ts';
import { contains, type RelativePolygon } from './polygon.ts';
import { unwrittenRows, viewSize, type SmallView } from './small-view.ts';

/** [left, top, width, height] as shares of the picture. */
export type RelativeBox = readonly [number, number, number, number];

/** Something that was not there before and does not move: a parked car, a heap of parcels. */
export interface StandingThing {
  /** Index of the zone it stands in. */
  readonly zone: number;
  readonly box: RelativeBox;
  readonly since: EpochMs;
}

const { columns, rows } = viewSize;
const size = columns * rows;
/** What passes is gone from the short memory within seconds, what stands is in it. */
const shortMs = 3000;
/** The ground as it is without anything on it; shadows of houses wander slowly enough for it. */
const longMs = 120_000;
/** A change of less is light or noise: grey levels, and as a share of the ground's own brightness. */
const leastChange = 12;
const leastShare = 0.18;
/** More of the picture changed than this, and it is the light, or another view: everything is learned anew. */
const newSceneShare = 0.5;
/** The smallest thing, in px of the small picture and as a share of the zone. */
const leastPx = 16;
const leastZoneShare = 0.03;
/** Gaps between looks longer than this are not time that was watched. */
const mostStepMs = 15_000;
/** Mean difference between the present and the last seconds where something stands, in grey levels; noise has 3. */
const mostUnrest = 8;
/** Not seen for so long, with looks: gone. What passes before it hides it for less. */
const hiddenMs = 8000;
/** When the light has changed, it is not known any more whether what stood there still does; then it counts as gone. */
const doubtMs = 30 * 60_000;

interface Thing {
  readonly zone: number;
  box: RelativeBox;
  readonly since: EpochMs;
  hiddenForMs: number;
  /** Since the ground was learned with the thing on it; null: the ground is known without it. */
  learnedSince: EpochMs | null;
}

/**
 * Finds what has come to stand in zones, by comparing what has been there for seconds with what has been there for
 * minutes. It knows nothing of cars: what has more edges than the ground it hides has come, what has fewer has gone.
 */
export function createStandingThings(zones: readonly { readonly points: RelativePolygon }[]) {
  const masks = zones.map(({ points }) => maskOf(points));
  let short: Float32Array | null = null;
  let long = new Float32Array(size);
  let lastAt: EpochMs | null = null;
  let things: Thing[] = [];
  const changed = new Uint8Array(size);

  const learnAnew = (grey: Float32Array, at: EpochMs): void => {
    short = grey.slice();
    long = grey.slice();
    for (const thing of things) thing.learnedSince = at;
  };

  /** Marks what has not been ground for seconds and is not now; answers the share of the picture that has not been. */
  const compare = (lately: Float32Array, now: Float32Array, gain: number): number => {
    let count = 0;
    for (let at = 0; at < size; at += 1) {
      const ground = (long[at] as number) * gain;
      const limit = Math.max(leastChange, ground * leastShare);
      const differs = Math.abs((lately[at] as number) - ground) > limit;
      changed[at] = differs && Math.abs((now[at] as number) - ground) > limit ? 1 : 0;
      if (differs) count += 1;
    }
    return count / size;
  };

  const learnGround = (now: Float32Array, grey: Float32Array, gain: number, stepMs: number): void => {
    const share = 1 - Math.exp(-stepMs / longMs);
    const kept = new Uint8Array(size);
    for (const mask of masks) for (const at of mask) kept[at] = changed[at] as number;
    for (let at = 0; at < size; at += 1) {
      // Under what stands in a zone the ground is remembered as it was.
      if (kept[at] === 1) continue;
      // Nor is the trail of what has just passed.
      if (Math.abs((grey[at] as number) - (now[at] as number)) > leastChange) continue;
      const slower = changed[at] === 1 ? 0.3 : 1;
      long[at] = (long[at] as number) + ((now[at] as number) / gain - (long[at] as number)) * share * slower;
    }
  };

  const absorb = (pixels: readonly number[], now: Float32Array, gain: number): void => {
    for (const at of pixels) long[at] = (now[at] as number) / gain;
  };

  const look = ({ grey }: SmallView, at: EpochMs): void => {
    if (short === null || lastAt === null) {
      lastAt = at;
      learnAnew(grey, at);
      return;
    }
    const stepMs = Math.min(at - lastAt, mostStepMs);
    if (stepMs <= 0) return;
    lastAt = at;
    const now = short;
    const share = 1 - Math.exp(-stepMs / shortMs);
    for (let pixel = 0; pixel < size; pixel += 1)
      now[pixel] = (now[pixel] as number) + ((grey[pixel] as number) - (now[pixel] as number)) * share;
    const gain = medianRatio(now, long);
    if (compare(now, grey, gain) > newSceneShare) {
      learnAnew(grey, at);
      return;
    }
    const seen = new Set<Thing>();
    masks.forEach((mask, zone) => {
      const least = Math.max(leastPx, mask.length * leastZoneShare);
      for (const pixels of regionsOf(mask, changed)) {
        if (pixels.length < least) continue;
        const box = boxOf(pixels);
        const known = things.find((thing) => thing.zone === zone && overlap(thing.box, box) > 0.3);
        // Something moves there: that hides what stands, and is not standing itself.
        if (unrest(grey, now, pixels) > mostUnrest) continue;
        if (edgesIn(now, pixels) < edgesIn(long, pixels) * gain) {
          // Fewer edges than the ground that was learned: what stood on it then has gone.
          absorb(pixels, now, gain);
          if (known) things = things.filter((thing) => thing !== known);
          continue;
        }
        if (known) {
          known.box = box;
          known.hiddenForMs = 0;
          known.learnedSince = null;
          seen.add(known);
        } else {
          const thing = { zone, box, since: at, hiddenForMs: 0, learnedSince: null };
          things.push(thing);
          seen.add(thing);
        }
      }
    });
    for (const thing of things) {
      if (seen.has(thing) || thing.learnedSince !== null) continue;
      thing.hiddenForMs += stepMs;
    }
    things = things.filter(
      ({ hiddenForMs, learnedSince }) =>
        hiddenForMs < hiddenMs && (learnedSince === null || at - learnedSince < doubtMs),
    );
    learnGround(now, grey, gain, stepMs);
  };

  return {
    /** One look, in order of capture, at whatever distance. */
    look,
    /** What stands there now, however short. */
    things: (): StandingThing[] => things.map(({ zone, box, since }) => ({ zone, box, since })),
  };
}

export type StandingThings = ReturnType<typeof createStandingThings>;

/** Pixels of the small picture whose middle lies in the polygon, but for those that cameras write into. */
function maskOf(points: RelativePolygon): number[] {
  const mask: number[] = [];
  for (let row = unwrittenRows.from; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      if (contains(points, [(column + 0.5) / columns, (row + 0.5) / rows])) mask.push(row * columns + column);
    }
  }
  return mask;
}

/** How much brighter the picture is than the ground was: of most of it, so that things do not count. */
function medianRatio(now: Float32Array, ground: Float32Array): number {
  const ratios = new Float32Array(Math.ceil(size / 7));
  for (let at = 0; at < ratios.length; at += 1)
    ratios[at] = ((now[at * 7] as number) + 1) / ((ground[at * 7] as number) + 1);
  ratios.sort();
  return Math.min(Math.max(ratios[ratios.length >> 1] ?? 1, 0.25), 4);
}

/** Groups of changed pixels of a mask that touch one another. */
function regionsOf(mask: readonly number[], changed: Uint8Array): number[][] {
  const open = new Set(mask.filter((at) => changed[at] === 1));
  const regions: number[][] = [];
  for (const start of open) {
    open.delete(start);
    const region = [start];
    for (let index = 0; index < region.length; index += 1) {
      const at = region[index] as number;
      for (const near of [at - 1, at + 1, at - columns, at + columns, at - columns - 1, at + columns + 1]) {
        if (open.delete(near)) region.push(near);
      }
    }
    regions.push(region);
  }
  return regions;
}

function boxOf(pixels: readonly number[]): RelativeBox {
  let [left, top, right, bottom]: [number, number, number, number] = [columns, rows, 0, 0];
  for (const at of pixels) {
    const column = at % columns;
    const row = Math.floor(at / columns);
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
  }
  return [left / columns, top / rows, (right - left) / columns, (bottom - top) / rows];
}

function unrest(now: Float32Array, lately: Float32Array, pixels: readonly number[]): number {
  let sum = 0;
  for (const at of pixels) sum += Math.abs((now[at] as number) - (lately[at] as number));
  return sum / Math.max(pixels.length, 1);
}

function edgesIn(grey: Float32Array, pixels: readonly number[]): number {
  let sum = 0;
  for (const at of pixels) {
    const here = grey[at] as number;
    sum += Math.abs((grey[at + 1] ?? here) - here) + Math.abs((grey[at + columns] ?? here) - here);
  }
  return sum;
}

/** Common area as a share of the smaller. */
export function overlap(a: RelativeBox, b: RelativeBox): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  return width <= 0 || height <= 0 ? 0 : (width * height) / Math.max(Math.min(a[2] * a[3], b[2] * b[3]), 1e-9);
}
