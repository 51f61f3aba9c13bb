import type { BoxPx } from '../domain/plate.ts';
import { stillFaceLooks } from './face-looks.ts';
import type { Motion } from './motion.ts';
import type { Look } from './perceive.ts';
import { around } from './geometry.ts';
import { clipBox, type Picture } from './picture.ts';

type Size = Pick<Picture, 'widthPx' | 'heightPx'>;

/**
 * How a still picture is looked at: for plates at the sizes that the finder in use wants (`Perceiver.stillSidesPx`), for
 * faces as `stillFaceLooks` says.
 */
export function stillLooks(
  picture: Size,
  plateSidesPx: readonly number[],
): { readonly plates: readonly Look[]; readonly faces: readonly Look[]; readonly kind: 'still' } {
  const region = wholeOf(picture);
  return {
    plates: plateSidesPx.map((sidePx) => ({ region, sidePx })),
    faces: stillFaceLooks(region),
    kind: 'still',
  };
}

const wholeOf = (picture: Size): BoxPx => [0, 0, picture.widthPx, picture.heightPx];

/** How a plate finder looks at live pictures. */
export interface LivePlateLook {
  /** Its pixels for one of the picture. */
  readonly scale: number;
  /** The longest side of a look. */
  readonly maxSidePx: number;
  /** Regions grow to multiples of this many px, so that few shapes of input occur and nothing is padded; 1: as they are. */
  readonly gridPx: number;
}

/** Detector pixels for one picture pixel: faces of 20 px in a 1280 px frame are found at 480 px (test/eval/faces.ts). */
const faceScale = 0.375;
const maxFaceSidePx = 480;
/** Looks larger than this are made once more this small: a face that fills the picture is too large for them. */
const coarseFromSidePx = 256;
const coarseSidePx = 160;

/** What a live frame is looked at for. */
interface LiveScene {
  readonly motion: Motion;
  /** The regular look at everything. */
  readonly net: boolean;
}

/**
 * Where to look for plates in a live frame: where something moved; around vehicles whose plate is not settled yet; now
 * and then everywhere. Nothing where nothing moved and all is known, which is most of the time.
 */
export function plateLooks(
  picture: Size,
  scene: LiveScene & { readonly expected: readonly { readonly box: BoxPx; readonly settled: boolean }[] },
  { scale, maxSidePx, gridPx }: LivePlateLook,
): Look[] {
  if (scene.net) return [lookAt(wholeOf(picture), scale, maxSidePx)];
  const unsettled = scene.expected.filter(({ settled }) => !settled).map(({ box }) => widen(box, 1, 1.5, picture));
  const moved = scene.motion.boxes.map((box) => widenBy(box, 24, picture));
  return joined([...moved, ...unsettled], picture).map((region) => {
    if (gridPx === 1) return lookAt(region, scale, maxSidePx);
    const onGrid = snapped(region, gridPx, picture);
    return { region: onGrid, sidePx: Math.min(Math.round(Math.max(onGrid[2], onGrid[3]) * scale), maxSidePx) };
  });
}

/** Where to look for faces in a live frame: where something moved and where faces were. */
export function faceLooks(picture: Size, scene: LiveScene & { readonly expected: readonly BoxPx[] }): Look[] {
  if (scene.net) return withCoarse(lookAt(wholeOf(picture), faceScale, maxFaceSidePx));
  const known = scene.expected.map((box) => widen(box, 2, 2, picture));
  const moved = scene.motion.boxes.map((box) => widenBy(box, 48, picture));
  return joined([...moved, ...known], picture).flatMap((region) =>
    withCoarse(lookAt(region, faceScale, maxFaceSidePx)),
  );
}

const withCoarse = (look: Look): Look[] =>
  look.sidePx < coarseFromSidePx ? [look] : [{ ...look, sidePx: coarseSidePx }, look];

const lookAt = (region: BoxPx, scale: number, maxSidePx: number): Look => ({
  region,
  // Steps of 32 px, so that few shapes of input occur.
  sidePx: Math.min(Math.max(Math.ceil((Math.max(region[2], region[3]) * scale) / 32) * 32, 96), maxSidePx),
});

const widen = ([left, top, width, height]: BoxPx, across: number, along: number, picture: Size): BoxPx =>
  clipBox(
    [left - width * across, top - height * along * 2, width * (1 + 2 * across), height * (1 + 4 * along)],
    picture,
  );

const widenBy = ([left, top, width, height]: BoxPx, px: number, picture: Size): BoxPx =>
  clipBox([left - px, top - px, width + 2 * px, height + 2 * px], picture);

/** The region grown to whole grid steps, or to the picture's whole width or height where that is less; at an even place. */
function snapped([left, top, width, height]: BoxPx, gridPx: number, picture: Size): BoxPx {
  const along = (from: number, length: number, limit: number): readonly [number, number] => {
    const grown = Math.min(Math.ceil(length / gridPx) * gridPx, limit);
    const start = Math.max(Math.min(from - Math.floor((grown - length) / 2), limit - grown), 0);
    return [start - (start % 2), grown];
  };
  const [x, columns] = along(left, width, picture.widthPx);
  const [y, rows] = along(top, height, picture.heightPx);
  return [x, y, columns, rows];
}

/** Joins regions that touch, so that nothing is looked at twice. */
function joined(regions: readonly BoxPx[], picture: Size): BoxPx[] {
  const result: BoxPx[] = [];
  for (const region of regions) {
    let grown = region;
    for (;;) {
      const touching = result.findIndex((other) => touches(other, grown));
      if (touching === -1) break;
      const [other] = result.splice(touching, 1);
      if (other) grown = around(other, grown);
    }
    result.push(grown);
  }
  return result.map((region) => evened(clipBox(region, picture)));
}

/** Beginning at even places, where the colours of decoded video begin, and whatever is half its size. */
const evened = ([left, top, width, height]: BoxPx): BoxPx => [
  left - (left & 1),
  top - (top & 1),
  width + (left & 1),
  height + (top & 1),
];

const touches = (a: BoxPx, b: BoxPx): boolean =>
  a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
