import type { BoxPx, CornersPx, PointPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { decodeCornerMap, type MappedPlate } from './corner-map.ts';
import { boxAround, suppress } from './geometry.ts';
import type { LoadedModel } from './model-store.ts';
import { doubleRows, type PlateCandidate, type PlateFinder } from './plate-finder.ts';
import { letterbox, type Letterbox, type Scaler } from './resample.ts';
import { openSession } from './session.ts';

const defaultThreshold = 0.4;
/** One cell of the maps for every 8 px of the input. */
const stridePx = 8;
/** Between these shares of its score a plate may have one row or two, and both are tried. */
const surelySingle = 0.3;
const surelyDouble = 0.7;

/**
 * The project's own plate finder (`models/training`): `picture` uint8 [1,H,W,3] RGB, normalised in the graph, gives
 * `scores` [1,2,H/8,W/8] and `corners` [1,8,H/8,W/8]. See `decodeCornerMap`.
 */
export async function openCornerFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<PlateFinder> {
  const session = await openSession(model, threads, ['scores', 'corners']);
  const threshold = model.threshold ?? defaultThreshold;
  let buffer = new Uint8Array(0);
  return {
    find: async (picture, region, maxSidePx) => {
      const target = letterbox(region, maxSidePx);
      const { width, height } = target;
      const length = 3 * width * height;
      if (buffer.length < length) buffer = new Uint8Array(length);
      const input = buffer.subarray(0, length);
      scaler.fillBytes(picture, region, target, input);
      const [scores, corners] = await session.run(input, [1, height, width, 3]);
      const columns = width / stridePx;
      const rows = height / stridePx;
      if (scores?.values.length !== 2 * columns * rows || corners?.values.length !== 8 * columns * rows)
        throw new GatewayError('models.checksum', `${model.name} gives no maps of ${columns} × ${rows} cells`);
      const found = decodeCornerMap({ scores: scores.values, corners: corners.values, columns, rows }, threshold);
      return suppress(
        found.map((plate) => inPicture(plate, region, target)),
        0.3,
      );
    },
    stillSidesPx: [640],
    // Half the size costs next to nothing to make (`resample.ts`), and a plate of 60 px has 30 px of the 16 it needs.
    liveLook: { scale: 0.5, maxSidePx: 640, gridPx: 64 },
    release: () => session.release(),
  };
}

/** From the network's input to the picture. */
export function inPicture(plate: MappedPlate, region: BoxPx, { scaledWidth, scaledHeight }: Letterbox): PlateCandidate {
  const scaleX = region[2] / scaledWidth;
  const scaleY = region[3] / scaledHeight;
  const move = ([x, y]: PointPx): PointPx => [region[0] + x * scaleX, region[1] + y * scaleY];
  const [a, b, c, d] = plate.corners;
  const corners: CornersPx = [move(a), move(b), move(c), move(d)];
  const layout = plate.doubleRatio < surelySingle ? 'single' : plate.doubleRatio > surelyDouble ? 'double' : 'either';
  return {
    corners,
    box: boxAround(corners),
    confidence: plate.confidence,
    layout,
    rows: plate.doubleRatio > 0.5 ? doubleRows(corners) : [corners],
  };
}
