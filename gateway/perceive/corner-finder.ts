import type { BoxPx, PointPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { decodeCornerMap, type MappedPlate } from './corner-map.ts';
import { boxAround, partOfQuad, suppress } from './geometry.ts';
import type { LoadedModel } from './model-store.ts';
import { doubleRows, type PictureKind, type PlateCandidate, type PlateFinder } from './plate-finder.ts';
import type { Pixels } from './picture.ts';
import { letterbox, type Letterbox, type Scaler } from './resample.ts';
import { openSession, type ModelSession } from './session.ts';

const defaultThreshold = 0.5;
/** From this score on a place is worth a second look. */
const doubtfulFrom = 0.25;
/** What is read of a plate is a little more than was found: a cut letter is lost, a rim does no harm. Shares of its sides. */
const rim = { x: 0.015, y: 0.04 };
/** The surest of what is doubtful; a crowded car park has some ten plates in one picture. */
const maxSecondLooks = 12;
/** A second look shows this many plate widths around a place, this wide: the plate has about 100 px there. */
const secondLook = { plateWidths: 3.2, sidePx: 320 };
/** Nearer to the threshold than eight bits can say at the first look, the network itself looks first too. */
const closeCall = 0.04;
/** One cell of the maps for every 8 px of the input. */
const stridePx = 8;
/** Between these shares of its score a plate may have one row or two, and both are tried. */
const surelySingle = 0.3;
const surelyDouble = 0.7;

/**
 * The project's own plate finder (`models/training`): `picture` uint8 [1,H,W,3] RGB, normalised in the graph, gives
 * `scores` [1,2,H/8,W/8] and `corners` [1,8,H/8,W/8]. See `decodeCornerMap`. Of stills its twin in eight bits, where it has one,
 * says where to look from near; scores and corners there are the network's own.
 */
export async function openCornerFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<PlateFinder> {
  const open = (which: LoadedModel): Promise<ModelSession> => openSession(which, threads, ['scores', 'corners']);
  const session = await open(model);
  const { firstLook } = model;
  /** Opened when the first still comes: gateways have few, and each of their workers would hold it for nothing. */
  let proposing: Promise<ModelSession> | null = null;
  const proposerFor = async (kind: PictureKind): Promise<ModelSession> => {
    if (!firstLook || kind === 'live') return session;
    proposing ??= open(firstLook);
    return proposing;
  };
  const threshold = model.threshold ?? defaultThreshold;
  let buffer = new Uint8Array(0);

  /** One run over a region of a picture: what is worth a second look, in picture pixels. */
  const look = async (
    by: ModelSession,
    picture: Pixels,
    region: BoxPx,
    maxSidePx: number,
  ): Promise<PlateCandidate[]> => {
    const target = letterbox(region, maxSidePx);
    const { width, height } = target;
    const length = 3 * width * height;
    if (buffer.length < length) buffer = new Uint8Array(length);
    const input = buffer.subarray(0, length);
    scaler.fillBytes(picture, region, target, input);
    const [scores, corners] = await by.run(input, [1, height, width, 3]);
    const columns = width / stridePx;
    const rows = height / stridePx;
    if (scores?.values.length !== 2 * columns * rows || corners?.values.length !== 8 * columns * rows)
      throw new GatewayError('models.checksum', `${model.name} gives no maps of ${columns} × ${rows} cells`);
    const found = decodeCornerMap({ scores: scores.values, corners: corners.values, columns, rows }, doubtfulFrom);
    return suppress(
      found.map((plate) => inPicture(plate, region, target)),
      0.3,
    );
  };

  /** What the first look finds, each as it is seen from near, with the mean of both scores. */
  const lookTwice = async (
    by: ModelSession,
    picture: Pixels,
    region: BoxPx,
    maxSidePx: number,
  ): Promise<PlateCandidate[]> => {
    const places: PlateCandidate[] = [];
    for (const place of (await look(by, picture, region, maxSidePx)).slice(0, maxSecondLooks)) {
      const near = await look(session, picture, around(place, picture), secondLook.sidePx);
      const same = near
        .filter((other) => shareOf(place.box, other.box) > 0.3)
        .sort((one, other) => other.confidence - one.confidence)[0];
      places.push({ ...(same ?? place), confidence: (place.confidence + (same?.confidence ?? 0)) / 2 });
    }
    return places;
  };

  return {
    // Twice: at a place seen small the score is unsure and the corners are rough; seen from near both are right.
    find: async (picture, region, maxSidePx, kind) => {
      const proposer = await proposerFor(kind);
      let places = await lookTwice(proposer, picture, region, maxSidePx);
      const isClose = ({ confidence }: PlateCandidate): boolean => Math.abs(confidence - threshold) < closeCall;
      if (proposer !== session && places.some(isClose)) places = await lookTwice(session, picture, region, maxSidePx);
      return suppress(
        places.filter(({ confidence }) => confidence >= threshold),
        0.3,
      );
    },
    stillSidesPx: [640],
    // Half the size costs next to nothing to make (`resample.ts`), and a plate of 60 px has 30 px of the 16 it needs.
    liveLook: { scale: 0.5, maxSidePx: 640, gridPx: 64 },
    release: async () => {
      await Promise.all([session.release(), proposing?.then((opened) => opened.release())]);
    },
  };
}

/** The part of the picture around a place that a second look is taken at, whole pixels. */
function around({ box }: PlateCandidate, picture: Pixels): BoxPx {
  const width = Math.max(box[2], box[3]) * secondLook.plateWidths;
  const height = width / 2;
  const left = Math.max(Math.floor(box[0] + box[2] / 2 - width / 2), 0);
  const top = Math.max(Math.floor(box[1] + box[3] / 2 - height / 2), 0);
  const right = Math.min(Math.ceil(box[0] + box[2] / 2 + width / 2), picture.widthPx);
  const bottom = Math.min(Math.ceil(box[1] + box[3] / 2 + height / 2), picture.heightPx);
  return [left, top, Math.max(right - left, 1), Math.max(bottom - top, 1)];
}

/** Shared area of two boxes over the smaller one's. */
function shareOf(a: BoxPx, b: BoxPx): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / Math.min(a[2] * a[3], b[2] * b[3]);
}

/** From the network's input to the picture. */
export function inPicture(plate: MappedPlate, region: BoxPx, { scaledWidth, scaledHeight }: Letterbox): PlateCandidate {
  const scaleX = region[2] / scaledWidth;
  const scaleY = region[3] / scaledHeight;
  const move = ([x, y]: PointPx): PointPx => [region[0] + x * scaleX, region[1] + y * scaleY];
  const [a, b, c, d] = plate.corners;
  const corners = partOfQuad([move(a), move(b), move(c), move(d)], -rim.x, -rim.y, 1 + rim.x, 1 + rim.y);
  const layout = plate.doubleRatio < surelySingle ? 'single' : plate.doubleRatio > surelyDouble ? 'double' : 'either';
  return {
    corners,
    box: boxAround(corners),
    confidence: plate.confidence,
    layout,
    rows: plate.doubleRatio > 0.5 ? doubleRows(corners) : [corners],
  };
}
