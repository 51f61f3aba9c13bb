import type { BoxPx, PointPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { openFaceMapFinder } from './face-map-finder.ts';
import { openYunetFinder } from './face-yunet.ts';
import type { LoadedModel } from './model-store.ts';
import type { Pixels } from './picture.ts';
import type { Scaler } from './resample.ts';

/** Where a face's parts are, in px of the picture; right and left are the person's own. For the pose, and for nothing else. */
export interface FacePoints {
  readonly rightEye: PointPx;
  readonly leftEye: PointPx;
  readonly nose: PointPx;
  /** Its middle. */
  readonly mouth: PointPx;
  /** The right and the left one, where the model gives them. */
  readonly ears: readonly [PointPx, PointPx] | null;
}

/** A face, from hairline to chin. Where it is and which way it looks, and nothing of who it is. */
export interface FoundFace {
  readonly box: BoxPx;
  readonly confidence: number;
  readonly points: FacePoints;
}

export interface FaceFinder {
  /** Faces in the region (whole pixels inside the picture), looked for once at each of the given sizes of its longer side. */
  find(picture: Pixels, region: BoxPx, sidesPx: readonly number[]): Promise<FoundFace[]>;
  release(): Promise<void>;
}

/** Opens the finder that a model's form asks for. Throws GatewayError `models.checksum` for a model of another form. */
export async function openFaceFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<FaceFinder> {
  if (model.form === 'face-map') return openFaceMapFinder(model, threads, scaler);
  if (model.form === 'yunet') return openYunetFinder(model, threads, scaler);
  throw new GatewayError('models.checksum', `${model.name} is of the form ${model.form}, which finds no faces`);
}

/** The points of a face after a move and a scaling of the plane they lie in. */
export function movePoints(points: FacePoints, move: (point: PointPx) => PointPx): FacePoints {
  return {
    rightEye: move(points.rightEye),
    leftEye: move(points.leftEye),
    nose: move(points.nose),
    mouth: move(points.mouth),
    ears: points.ears && [move(points.ears[0]), move(points.ears[1])],
  };
}

/** Drops faces that lie in a surer, larger one: an eye, a fist before a mouth or a pattern is no face in a face. */
export function withoutFacesInFaces<T extends { readonly box: BoxPx; readonly confidence: number }>(
  faces: readonly T[],
): T[] {
  return faces.filter(({ box, confidence }) => {
    const x = box[0] + box[2] / 2;
    const y = box[1] + box[3] / 2;
    const area = box[2] * box[3];
    return !faces.some(
      ({ box: other, confidence: otherConfidence }) =>
        otherConfidence > confidence &&
        area * 1.5 < other[2] * other[3] &&
        x > other[0] &&
        x < other[0] + other[2] &&
        y > other[1] &&
        y < other[1] + other[3],
    );
  });
}
