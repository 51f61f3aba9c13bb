import { cornersOfBox } from './geometry.ts';
import type { FoundFace } from './face-finder.ts';
import { facePose } from './face-pose.ts';
import type { Pixels } from './picture.ts';
import { rectify, sharpness } from './rectify.ts';

/** How much a picture of a face would tell somebody who may see it, and why. */
export interface FaceQuality {
  /** 0..1: all of the below, and the finder's confidence. */
  readonly ratio: number;
  /** Shorter side of the box, px of the picture. */
  readonly sizePx: number;
  /** Mean absolute Laplacian of the face at a fixed size, grey levels. */
  readonly sharpness: number;
  /** 1 looks into the camera. */
  readonly frontalRatio: number;
}

/** Size at which sharpness is measured: small enough that sensor noise averages out, large enough to see motion blur. */
const sampleWidthPx = 40;
const sampleHeightPx = 52;
/** More px than this add nothing that a guard would see. */
const largeEnoughPx = 96;
/** Of 45 large labelled faces nine in ten lie between 18 and 34; blurred by a twentieth of their width, between 3 and 5. */
const halfSharp = 10;
/** Even a face seen from the side is better than none. */
const leastFrontal = 0.25;

export function faceQuality(picture: Pixels, face: FoundFace): FaceQuality {
  const sizePx = Math.min(face.box[2], face.box[3]);
  const detail = sharpness(rectify(picture, cornersOfBox(face.box), sampleWidthPx, sampleHeightPx));
  const { frontalRatio } = facePose(face.points);
  const size = Math.sqrt(Math.min(sizePx / largeEnoughPx, 1));
  const sharp = detail / (detail + halfSharp);
  const frontal = leastFrontal + (1 - leastFrontal) * frontalRatio;
  return { ratio: face.confidence * size * sharp * frontal, sizePx, sharpness: detail, frontalRatio };
}
