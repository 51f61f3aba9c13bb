import type { BoxPx, CornersPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { openAnchorFinder } from './anchor-finder.ts';
import { openCornerFinder } from './corner-finder.ts';
import { quadSize } from './geometry.ts';
import type { LivePlateLook } from './looks.ts';
import type { LoadedModel } from './model-store.ts';
import type { Pixels } from './picture.ts';
import { projectedPart } from './rectify.ts';
import type { Scaler } from './resample.ts';
import { openTextFinder } from './text-finder.ts';

/** Where a plate may be. */
export interface PlateCandidate {
  readonly corners: CornersPx;
  readonly box: BoxPx;
  readonly confidence: number;
  /**
   * What the finder says of the plate's rows: one, two, either, or `guessed`: found as text, so that it may also begin or
   * end at the wrong place.
   */
  readonly layout: 'single' | 'double' | 'either' | 'guessed';
  /** What is read: the whole, or the upper and the lower row. */
  readonly rows: readonly CornersPx[];
}

/** A picture that stands alone, or one of many of a camera. */
export type PictureKind = 'still' | 'live';

export interface PlateFinder {
  /**
   * Plates in the region (whole pixels inside the picture), scaled so that its longer side has at most `maxSidePx`. A finder
   * may look at a still in a way of its own.
   */
  find(picture: Pixels, region: BoxPx, maxSidePx: number, kind: PictureKind): Promise<PlateCandidate[]>;
  /** Longer sides at which a still is looked at, so that the smallest readable plates are found. */
  readonly stillSidesPx: readonly number[];
  readonly liveLook: LivePlateLook;
  release(): Promise<void>;
}

/**
 * The upper and the lower row of a double-row plate (GA 36-2018: 220 mm high, rows of 60 and 110 mm), as the reader was
 * trained to be given them: the upper one without the empty quarters beside its two characters (110 to 330 of 440 mm), so
 * that they are as wide as the lower one's; both with a little of the gap.
 */
export const doubleRows = (corners: CornersPx): readonly CornersPx[] => [
  projectedPart(corners, 0.18, 0, 0.82, 0.42),
  projectedPart(corners, 0, 0.38, 1, 1),
];

/**
 * How wide a plate of one row would be whose characters are as large, px. One row of 140 mm has characters of 90 mm and is
 * 3.1 times as wide as high (GA 36-2018); of two rows the lower one's are half the plate's height (110 of 220 mm, an e-bike's
 * 64 of 140 mm): as large as those of one row that is 2.3 times as wide as these two are high.
 */
export function legibleWidthPx(corners: CornersPx, rows: number): number {
  const { widthPx, heightPx } = quadSize(corners);
  return rows === 1 ? widthPx : Math.max(widthPx, heightPx * 2.3);
}

/** Opens the finder that a model's form asks for. Throws GatewayError `models.checksum` for a model of another form. */
export async function openPlateFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<PlateFinder> {
  if (model.form === 'corner-map') return openCornerFinder(model, threads, scaler);
  if (model.form === 'anchor-corners') return openAnchorFinder(model, threads, scaler);
  if (model.form === 'text-map') return openTextFinder(model, threads, scaler);
  throw new GatewayError('models.checksum', `${model.name} is of the form ${model.form}, which finds no plates`);
}
