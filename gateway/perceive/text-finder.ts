import type { CornersPx, PointPx } from '../domain/plate.ts';
import { boxAround, partOfQuad, quadSize, suppress } from './geometry.ts';
import type { LoadedModel } from './model-store.ts';
import type { PlateCandidate, PlateFinder } from './plate-finder.ts';
import type { Scaler, TensorForm } from './resample.ts';
import { openSession } from './session.ts';
import { findTextRegions, type TextRegion } from './text-regions.ts';

/** ImageNet mean and deviation, in the BGR order the detector was trained with. */
const form: TensorForm = {
  order: 'bgr',
  scale: [1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)],
  offset: [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
  pad: 0,
};

/** Text regions looked at in one picture: a shop front has dozens, the plate is among the surest. */
const maxRegions = 60;

/**
 * The stop-gap plate finder: PP-OCRv4's text detector and a filter by shape. Everything that is text and about as long
 * as a plate is a candidate; what it says decides later (`judge.ts`).
 */
export async function openTextFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<PlateFinder> {
  const session = await openSession(model, threads);
  let buffer = new Float32Array(0);
  return {
    find: async (picture, region, maxSidePx) => {
      const ratio = Math.min(maxSidePx / Math.max(region[2], region[3]), 2);
      const scaledWidth = Math.max(Math.round(region[2] * ratio), 8);
      const scaledHeight = Math.max(Math.round(region[3] * ratio), 8);
      const width = Math.ceil(scaledWidth / 32) * 32;
      const height = Math.ceil(scaledHeight / 32) * 32;
      const length = 3 * width * height;
      if (buffer.length < length) buffer = new Float32Array(length);
      const input = buffer.subarray(0, length);
      scaler.fill(picture, region, { width, height, scaledWidth, scaledHeight }, form, input);
      const [output] = await session.run(input, [1, 3, height, width]);
      if (!output) return [];
      const size = { width: scaledWidth, height: scaledHeight, stride: width };
      const regions = findTextRegions(output.values, size, maxRegions);
      const scaleX = region[2] / scaledWidth;
      const scaleY = region[3] / scaledHeight;
      const inPicture = regions.map(({ corners, confidence }) => ({
        confidence,
        corners: mapCorners(corners, ([x, y]) => [region[0] + x * scaleX, region[1] + y * scaleY]),
      }));
      return plateShaped(inPicture);
    },
    // 1280 px finds 99 % of 145 real plates, 960 px 96 %, 640 px 90 %.
    stillSidesPx: [1280],
    // A plate of 60 px still has the 40 px that it needs; 896 × 504 takes about 0.1 s on one core.
    liveLook: { scale: 0.7, maxSidePx: 896, gridPx: 1 },
    release: () => session.release(),
  };
}

const mapCorners = (corners: CornersPx, move: (point: PointPx) => PointPx): CornersPx => [
  move(corners[0]),
  move(corners[1]),
  move(corners[2]),
  move(corners[3]),
];

/**
 * Text regions that may be a plate: 440 × 140 mm plates are 3.1 : 1, their writing about 4.4 : 1, seen from the side
 * down to 1.8 : 1, cut at the dot or with a frame's lettering up to 7 : 1. Two lines above each other, the upper one
 * shorter and lower (GA 36: 60 mm over 110 mm), may be a double row. Corners are widened from the writing to the plate.
 */
export function plateShaped(regions: readonly TextRegion[]): PlateCandidate[] {
  const found: PlateCandidate[] = [];
  for (const upper of regions) {
    for (const lower of regions) {
      const rows = upper === lower ? null : doubleRow(upper, lower);
      if (rows) found.push(rows);
    }
  }
  for (const { corners, confidence } of regions) {
    const { widthPx, heightPx } = quadSize(corners);
    const shape = widthPx / Math.max(heightPx, 1);
    if (heightPx < 6 || shape < 1.7 || shape > 7.5) continue;
    const widened = partOfQuad(corners, ...singleRowMargin);
    found.push({ corners: widened, rows: [widened], box: boxAround(widened), confidence, layout: 'guessed' });
  }
  return suppress(found, 0.6);
}

/** From the writing's rectangle to the plate's: u0, v0, u1, v1 in the rectangle's own coordinates; read best on real scenes. */
const singleRowMargin = [-0.03, -0.06, 1.03, 1.06] as const;

function doubleRow(upper: TextRegion, lower: TextRegion): PlateCandidate | null {
  const top = quadSize(upper.corners);
  const bottom = quadSize(lower.corners);
  const [a, b, c, d] = upper.corners;
  const [e, f, g, h] = lower.corners;
  const widths = top.widthPx / bottom.widthPx;
  const heights = top.heightPx / bottom.heightPx;
  if (bottom.heightPx < 6 || widths < 0.25 || widths > 0.85 || heights < 0.35 || heights > 1.1) return null;
  const shape = bottom.widthPx / bottom.heightPx;
  if (shape < 1.7 || shape > 5.5) return null;
  const middle = (from: PointPx, to: PointPx): PointPx => [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const under = middle(d, c);
  const over = middle(e, f);
  // Centred above each other, with less than half a row between or into one another.
  if (Math.abs(under[0] - over[0]) > bottom.widthPx * 0.2) return null;
  if (Math.abs(over[1] - under[1]) > bottom.heightPx * 0.5) return null;
  if (Math.abs(Math.atan2(b[1] - a[1], b[0] - a[0]) - Math.atan2(f[1] - e[1], f[0] - e[0])) > 0.25) return null;
  // The lower row's sides, carried up to the upper row's top.
  const rise = (bottom.heightPx + top.heightPx * 1.1) / bottom.heightPx;
  const corners = partOfQuad([e, f, g, h], -0.05, 1 - rise - 0.05, 1.05, 1.05);
  return {
    corners,
    rows: [partOfQuad(upper.corners, ...singleRowMargin), partOfQuad(lower.corners, ...singleRowMargin)],
    box: boxAround(corners),
    layout: 'double',
    // Half a step above its rows, so that the whole wins over its parts.
    confidence: Math.min(Math.max(upper.confidence, lower.confidence) + 0.01, 1),
  };
}
