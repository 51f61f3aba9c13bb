import type { BoxPx } from '../domain/plate.ts';
import type { Look } from './perceive.ts';
import type { Picture } from './picture.ts';

/**
 * How large a still is looked at for faces: 640 px for those down to 20 px at that scale, 192 px for those that fill the
 * picture. What is doubtful there the finder looks at again from near, in the picture's own pixels (models/README.md).
 */
export const stillFaceSidesPx: readonly number[] = [192, 640];

/** The looks at a whole still. */
export const stillFaceLooks = (region: BoxPx): Look[] => stillFaceSidesPx.map((sidePx) => ({ region, sidePx }));

/** Faces of this size and more are found by a look at the whole still, px at 640 px scale (models/README.md: 99 % of 197). */
const surelyFoundPx = 20;

/** Whether the looks at a whole still would find this face, were it one. */
export function foundInStills(
  [, , width, height]: BoxPx,
  { widthPx, heightPx }: Pick<Picture, 'widthPx' | 'heightPx'>,
): boolean {
  return (Math.min(width, height) * 640) / Math.max(widthPx, heightPx) >= surelyFoundPx;
}
