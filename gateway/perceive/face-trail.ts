import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { cheapestPairs } from './face-assignment.ts';
import type { Trail } from './track.ts';

/** A face is about 0.16 m wide, and people walk at up to 2 m/s: in widths of the face, a second. */
const walkingWidthsPerS = 12;
/** A step that has not been seen yet may go anywhere, but not farther than this: a third of a second's run. */
const firstReachWidths = 5;
/** How wrong the next place may be when the last step is known, and how much more for each second without a look. */
const reachWidths = 1.5;
const reachPerS = 3;
/** Between two looks a face does not grow or shrink by more. */
const growthLimit = 2.2;

/** Centre, width and speed of the newest place of a trail. */
function newest({ places }: Trail): {
  x: number;
  y: number;
  width: number;
  vx: number;
  vy: number;
  knowsStep: boolean;
  at: number;
} {
  const last = places[places.length - 1];
  const before = places[places.length - 2];
  if (!last) return { x: 0, y: 0, width: 1, vx: 0, vy: 0, knowsStep: false, at: 0 };
  const [left, top, width, height] = last.box;
  const here = { x: left + width / 2, y: top + height / 2, width, at: last.at };
  const tookMs = before ? last.since - before.at : 0;
  if (!before || tookMs <= 0) return { ...here, vx: 0, vy: 0, knowsStep: false };
  // It has been standing since: the step that brought it here is over.
  if (last.at > last.since) return { ...here, vx: 0, vy: 0, knowsStep: true };
  const vx = (here.x - before.box[0] - before.box[2] / 2) / tookMs;
  const vy = (here.y - before.box[1] - before.box[3] / 2) / tookMs;
  return { ...here, vx, vy, knowsStep: true };
}

/** Where a face should be at a time, if it goes on as it did for up to a second. */
export function expectedFace(
  trail: Trail,
  at: EpochMs,
): { readonly x: number; readonly y: number; readonly width: number } {
  const { x, y, width, vx, vy, at: seenAt } = newest(trail);
  const ms = Math.min(Math.max(at - seenAt, 0), 1000);
  return { x: x + vx * ms, y: y + vy * ms, width };
}

/**
 * How badly a face fits a trail, Infinity where it cannot be the same person. Squared, so that of two people who walk side
 * by side each is given his own step, and not the one the other's place.
 */
export function faceMisfit(trail: Trail, at: EpochMs, box: BoxPx): number {
  const { knowsStep, at: seenAt } = newest(trail);
  const expected = expectedFace(trail, at);
  const growth = Math.max(box[2], 1) / Math.max(expected.width, 1);
  if (growth > growthLimit || growth < 1 / growthLimit) return Infinity;
  const seconds = Math.max(at - seenAt, 0) / 1000;
  const reach = knowsStep
    ? reachWidths + reachPerS * Math.min(seconds, 1)
    : Math.min(reachWidths + walkingWidthsPerS * seconds, firstReachWidths);
  const away =
    Math.hypot(box[0] + box[2] / 2 - expected.x, box[1] + box[3] / 2 - expected.y) /
    Math.max(expected.width, box[2], 1);
  if (away > reach) return Infinity;
  return away * away + (Math.log(growth) * 2) ** 2;
}

/** Which trail each face goes on, all faces of a frame together; null: none of them. */
export function matchFaces(trails: readonly Trail[], at: EpochMs, boxes: readonly BoxPx[]): (number | null)[] {
  return cheapestPairs(boxes.map((box) => trails.map((trail) => faceMisfit(trail, at, box))));
}

/** Whether a face that is lost was about to leave the picture when it was last seen. */
export function leftThePicture(
  trail: Trail,
  picture: { readonly widthPx: number; readonly heightPx: number },
): boolean {
  const last = trail.places[trail.places.length - 1];
  if (!last) return true;
  const { x, y, width } = expectedFace(trail, (last.at + leavingMs) as EpochMs);
  return x < width || y < width || x > picture.widthPx - width || y > picture.heightPx - width;
}

const leavingMs = 700;
