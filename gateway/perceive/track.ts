import { plateDistance } from '../domain/plate-grammar.ts';
import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';

/** Something seen at one place in one frame. */
export interface Observation {
  readonly box: BoxPx;
  /** A plate text that is sure enough, or null. */
  readonly text: string | null;
  /** What was read without being sure, five characters and more. */
  readonly guess?: string;
}

/** Where something was, over time. */
export interface Trail {
  readonly startedAt: EpochMs;
  lastSeenAt: EpochMs;
  /** First, last and a few places between: since when and until when it was there. */
  readonly places: { since: EpochMs; at: EpochMs; box: BoxPx }[];
  /** The plate it is known by so far; null while none was read. */
  text: string | null;
  /** Whether that is sure enough to tell it from another vehicle. */
  sure: boolean;
}

/** Places remembered of one trail: a car that waits for hours keeps its first and its latest. */
const maxPlaces = 60;

export function startTrail(at: EpochMs, { box, text }: Observation): Trail {
  return { startedAt: at, lastSeenAt: at, places: [{ since: at, at, box }], text, sure: text !== null };
}

export function continueTrail(trail: Trail, at: EpochMs, box: BoxPx): void {
  trail.lastSeenAt = at;
  const last = trail.places[trail.places.length - 1];
  if (last && trail.places.length > 1 && isSamePlace(last.box, box)) {
    last.at = at;
    last.box = box;
    return;
  }
  if (trail.places.length >= maxPlaces) trail.places.splice(maxPlaces >> 1, 1);
  trail.places.push({ since: at, at, box });
}

/** Standing still is one place, however long: a detector's box trembles by a few hundredths of its width. */
function isSamePlace(a: BoxPx, b: BoxPx): boolean {
  const near = a[2] * 0.06;
  return Math.abs(a[0] - b[0]) < near && Math.abs(a[1] - b[1]) < near && Math.abs(a[2] - b[2]) < near;
}

/** Where a trail should be at a time: its last place, moved on by its last step, at most half a second of it. */
export function expectedBox(trail: Trail, at: EpochMs): BoxPx {
  const last = trail.places[trail.places.length - 1];
  const before = trail.places[trail.places.length - 2];
  if (!last) return [0, 0, 0, 0];
  if (!before || last.at <= before.at) return last.box;
  const share = Math.min(at - last.at, 500) / (last.at - before.at);
  const [left, top, width, height] = last.box;
  return [
    left + (left + width / 2 - before.box[0] - before.box[2] / 2) * Math.min(share, 1),
    top + (top + height / 2 - before.box[1] - before.box[3] / 2) * Math.min(share, 1),
    width,
    height,
  ];
}

/** Two plates this far apart are two plates; nearer, one of them may be misread. */
const otherPlate = 2;
/** A guess must be this far from a plate to be another vehicle's: half of its characters. */
const otherGuess = 3.5;

/** Far plates are read badly, and move little between two pictures. */
const hardlyReadWidths = 1.5;

/** How long it has been standing where it was last seen; 0 while it moves. */
export function standingMs({ places }: Trail): number {
  const last = places[places.length - 1];
  return last ? last.at - last.since : 0;
}

/**
 * How badly an observation fits a trail; Infinity where it cannot belong to it. Distance is in widths of the larger of
 * the two; a plate may move three of its widths between looks, a fifth of a second to half a second apart.
 */
export function misfit(trail: Trail, at: EpochMs, seen: Observation): number {
  const expected = expectedBox(trail, at);
  const scale = Math.max(expected[2], seen.box[2], 1);
  const growth = Math.max(seen.box[2], 1) / Math.max(expected[2], 1);
  if (growth > 2.2 || growth < 0.45) return Infinity;
  const away =
    Math.hypot(
      seen.box[0] + seen.box[2] / 2 - expected[0] - expected[2] / 2,
      seen.box[1] + seen.box[3] / 2 - expected[1] - expected[3] / 2,
    ) / scale;
  const distance = trail.text !== null && seen.text !== null ? plateDistance(trail.text, seen.text) : null;
  // The same plate anywhere in the picture is the same car.
  if (distance !== null && distance < 1) return away / 4;
  if (away > 3) return Infinity;
  if (trail.text !== null && trail.sure && seen.guess !== undefined) {
    if (plateDistance(trail.text, seen.guess) >= otherGuess) return Infinity;
  }
  if (distance !== null && distance >= otherPlate) {
    // What was hardly read so far may be any plate, if it is where it should be.
    const fits = trail.sure ? isMisread(trail, at, { away, growth, distance }) : away <= hardlyReadWidths;
    if (!fits) return Infinity;
  }
  return away + Math.abs(Math.log(growth)) + Math.min(distance ?? 0.5, otherPlate);
}

/**
 * Whether another text stands so exactly where the trail should be now that it must be the same plate, misread: two
 * vehicles do not change places between two pictures.
 */
function isMisread(
  trail: Trail,
  at: EpochMs,
  { away, growth, distance }: { readonly away: number; readonly growth: number; readonly distance: number },
): boolean {
  const isNow = at - trail.lastSeenAt <= 1000;
  return isNow && away < 0.5 && Math.abs(Math.log(growth)) < 0.3 && distance <= misreadAtMost;
}

/** Half of a plate's characters: a read with more of them wrong was of something else. */
const misreadAtMost = 4;

/** Pairs observations with trails, the best fit first, each used once. Index of the trail for each observation, or null. */
export function matchTrails(trails: readonly Trail[], at: EpochMs, seen: readonly Observation[]): (number | null)[] {
  const pairs: { observation: number; trail: number; cost: number }[] = [];
  seen.forEach((one, observation) => {
    trails.forEach((trail, index) => {
      const cost = misfit(trail, at, one);
      if (Number.isFinite(cost)) pairs.push({ observation, trail: index, cost });
    });
  });
  const answer: (number | null)[] = seen.map(() => null);
  const taken = new Set<number>();
  for (const { observation, trail } of pairs.sort((a, b) => a.cost - b.cost)) {
    if (answer[observation] !== null || taken.has(trail)) continue;
    answer[observation] = trail;
    taken.add(trail);
  }
  return answer;
}

/** How something moved while it was seen; `turned`: it came, and left the way it had come. */
export type TrailMotion = 'nearer' | 'away' | 'still' | 'turned';

/**
 * Whether something came nearer or went away: by its growth between the first and the last quarter of its places, and
 * where that says nothing, by moving down (nearer, cameras look down on a gate) or up the picture.
 */
export function motionOf(trail: Trail): TrailMotion {
  const { places } = trail;
  const part = Math.max(Math.floor(places.length / 4), 1);
  const mean = (list: Trail['places'], value: (box: BoxPx) => number): number =>
    list.reduce((sum, { box }) => sum + value(box), 0) / Math.max(list.length, 1);
  const first = places.slice(0, part);
  const last = places.slice(-part);
  const width = (box: BoxPx): number => box[2];
  const middle = (box: BoxPx): number => box[1] + box[3] / 2;
  if (hasTurned(places)) return 'turned';
  const growth = Math.log(Math.max(mean(last, width), 1) / Math.max(mean(first, width), 1));
  if (Math.abs(growth) > 0.12) return growth > 0 ? 'nearer' : 'away';
  const down = (mean(last, middle) - mean(first, middle)) / Math.max(mean(last, width), 1);
  if (Math.abs(down) > 0.4) return down > 0 ? 'nearer' : 'away';
  return 'still';
}

/** Grown by a quarter and more, and shrunk again by as much. */
function hasTurned(places: Trail['places']): boolean {
  if (places.length < 5) return false;
  // The middle of three, so that one wrong box is no turn.
  const widths = places.slice(1, -1).map(({ box }, index) => {
    const three = [places[index]?.box[2] ?? 0, box[2], places[index + 2]?.box[2] ?? 0];
    return three.sort((a, b) => a - b)[1] ?? 0;
  });
  const largest = Math.max(...widths);
  const [first = 0] = widths;
  const last = widths[widths.length - 1] ?? 0;
  return largest > first * turnGrowth && largest > last * turnGrowth;
}

const turnGrowth = 1.25;
