import type { BoxPx } from '../domain/plate.ts';
import type { Look } from './perceive.ts';

/**
 * How large a still is looked at for faces: 640 px for those down to 20 px at that scale, 192 px for those that fill the
 * picture. What is doubtful there the finder looks at again from near, in the picture's own pixels (models/README.md).
 */
export const stillFaceSidesPx: readonly number[] = [192, 640];

/** The looks at a whole still. */
export const stillFaceLooks = (region: BoxPx): Look[] => stillFaceSidesPx.map((sidePx) => ({ region, sidePx }));
