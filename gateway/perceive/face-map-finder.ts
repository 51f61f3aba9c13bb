import type { BoxPx, PointPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { movePoints, withoutFacesInFaces, type FaceFinder, type FoundFace } from './face-finder.ts';
import { areFaceMaps, decodeFaceMaps, mapStridePx, type MappedFace } from './face-map.ts';
import { overlapRatio, suppress } from './geometry.ts';
import type { LoadedModel } from './model-store.ts';
import { clipBox, type Pixels } from './picture.ts';
import { letterbox, type Letterbox, type Scaler } from './resample.ts';
import { openSession } from './session.ts';

const defaultThreshold = 0.5;
/** What the first look thinks at least this of is looked at again; below it nothing of 197 faces was found. */
const worthALook = 0.14;
/** What the first look is this sure of needs no second one. */
const surely = 0.73;
/** A second look's input, and how large the face is in it: the size at which the network judges best (models/README.md). */
const secondLookPx = 128;
const faceInSecondLookPx = 48;
/** Second looks run together: 16 of them take 3 MB. */
const secondLooksAtOnce = 16;
/** The network's box runs from the brow to the chin; [dx, dy, sx, sy] in its width and height make it run from the hairline. */
type BoxTransform = readonly [number, number, number, number];
export const hairlineToChin: BoxTransform = [0.005, -0.046, 0.895, 1.16];

/** For measuring: other than by default. */
export interface FaceMapSettings {
  readonly threshold?: number;
  readonly transform?: BoxTransform;
  readonly secondLook?: boolean;
}

/**
 * MediaPipe's full-range face detector, made fully convolutional by `models/training/convert_face_finder.py`: `picture`
 * uint8 [N,H,W,3] RGB, normalised in the graph, gives `boxes` [N,16,H/4,W/4] and `scores` [N,1,H/4,W/4]. It looks twice:
 * at the whole region, small; then at each doubtful find from near, in the picture's own pixels.
 */
export async function openFaceMapFinder(
  model: LoadedModel,
  threads: number,
  scaler: Scaler,
  settings: FaceMapSettings = {},
): Promise<FaceFinder> {
  const session = await openSession(model, threads, ['boxes', 'scores']);
  const threshold = settings.threshold ?? model.threshold ?? defaultThreshold;
  const transform = settings.transform ?? hairlineToChin;
  const looksTwice = settings.secondLook ?? true;
  let buffer = new Uint8Array(0);
  const inputOf = (length: number): Uint8Array => {
    if (buffer.length < length) buffer = new Uint8Array(length);
    return buffer.subarray(0, length);
  };

  /** Runs pictures of one size that lie in `input` one after another. */
  const run = async (
    input: Uint8Array,
    count: number,
    width: number,
    height: number,
    min: number,
  ): Promise<MappedFace[][]> => {
    const columns = width / mapStridePx;
    const rows = height / mapStridePx;
    const plane = columns * rows;
    const [boxes, scores] = await session.run(input, [count, height, width, 3]);
    if (!boxes || !scores || !areFaceMaps(boxes.values, scores.values, plane * count))
      throw new GatewayError('models.checksum', `${model.name} gives no maps of ${columns} × ${rows} cells`);
    return Array.from({ length: count }, (_value, index) =>
      decodeFaceMaps(
        {
          boxes: boxes.values.subarray(index * plane * 16, (index + 1) * plane * 16),
          scores: scores.values.subarray(index * plane, (index + 1) * plane),
          columns,
          rows,
        },
        min,
      ),
    );
  };

  const firstLook = async (picture: Pixels, region: BoxPx, sidePx: number, min: number): Promise<FoundFace[]> => {
    const target = letterbox(region, sidePx);
    const input = inputOf(3 * target.width * target.height);
    scaler.fillBytes(picture, region, target, input);
    const [faces = []] = await run(input, 1, target.width, target.height, min);
    return suppress(
      faces.map((face) => inPicture(face, region, target)),
      0.3,
    );
  };

  /** What each doubtful face is when looked at from near: the face as seen there, or null. */
  const lookAgain = async (picture: Pixels, doubtful: readonly FoundFace[]): Promise<(FoundFace | null)[]> => {
    const answers: (FoundFace | null)[] = [];
    const size = 3 * secondLookPx * secondLookPx;
    for (let start = 0; start < doubtful.length; start += secondLooksAtOnce) {
      const faces = doubtful.slice(start, start + secondLooksAtOnce);
      const input = inputOf(size * faces.length);
      const places = faces.map((face, index) => {
        const place = nearby(face.box, picture);
        scaler.fillBytes(picture, place.region, place.target, input.subarray(index * size, (index + 1) * size));
        return place;
      });
      const found = await run(input, faces.length, secondLookPx, secondLookPx, threshold);
      faces.forEach((face, index) => {
        const place = places[index];
        const same = (found[index] ?? [])
          .map((mapped) => (place ? inPicture(mapped, place.region, place.target) : null))
          .filter((other): other is FoundFace => other !== null && overlapRatio(other.box, face.box) > 0.3);
        answers.push(same.sort((a, b) => b.confidence - a.confidence)[0] ?? null);
      });
    }
    return answers;
  };

  return {
    find: async (picture, region, sidesPx) => {
      const seen: FoundFace[] = [];
      const min = looksTwice ? Math.min(worthALook, threshold) : threshold;
      for (const sidePx of sidesPx) seen.push(...(await firstLook(picture, region, sidePx, min)));
      const first = suppress(seen, 0.3);
      const isDoubtful = ({ confidence }: FoundFace): boolean => looksTwice && confidence < surely;
      const again = await lookAgain(picture, first.filter(isDoubtful));
      const sure = first.filter((face) => !isDoubtful(face));
      const faces = suppress([...sure, ...again.filter((face) => face !== null)], 0.3);
      return withoutFacesInFaces(faces).map((face) => ({ ...face, box: transformed(face.box, transform) }));
    },
    release: () => session.release(),
  };
}

/** The square around a face, as far as the picture goes, and its place in a second look's input. */
function nearby(box: BoxPx, picture: Pixels): { readonly region: BoxPx; readonly target: Letterbox } {
  const side = (Math.max(box[2], box[3]) * secondLookPx) / faceInSecondLookPx;
  const region = clipBox([box[0] + (box[2] - side) / 2, box[1] + (box[3] - side) / 2, side, side], picture);
  const scale = secondLookPx / side;
  const scaled = (length: number): number => Math.min(Math.max(Math.round(length * scale), 1), secondLookPx);
  return {
    region,
    target: {
      width: secondLookPx,
      height: secondLookPx,
      scaledWidth: scaled(region[2]),
      scaledHeight: scaled(region[3]),
    },
  };
}

/** From an input's pixels to the picture's. */
function inPicture(face: MappedFace, region: BoxPx, { scaledWidth, scaledHeight }: Letterbox): FoundFace {
  const scaleX = region[2] / scaledWidth;
  const scaleY = region[3] / scaledHeight;
  const move = ([x, y]: PointPx): PointPx => [region[0] + x * scaleX, region[1] + y * scaleY];
  const [left, top] = move([face.box[0], face.box[1]]);
  return {
    confidence: face.confidence,
    box: [left, top, face.box[2] * scaleX, face.box[3] * scaleY],
    points: movePoints(face.points, move),
  };
}

function transformed([left, top, width, height]: BoxPx, [dx, dy, sx, sy]: BoxTransform): BoxPx {
  const ownWidth = width * sx;
  const ownHeight = height * sy;
  return [
    left + width / 2 + dx * width - ownWidth / 2,
    top + height / 2 + dy * height - ownHeight / 2,
    ownWidth,
    ownHeight,
  ];
}
