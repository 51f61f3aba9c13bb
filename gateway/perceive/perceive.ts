import type { BoxPx, RejectReason } from '../domain/plate.ts';
import { openFaceFinder, type FoundFace } from './face-finder.ts';
import { around, boxAround, cornersOfBox, suppress } from './geometry.ts';
import type { LivePlateLook } from './looks.ts';
import { loadModel } from './model-store.ts';
import type { Pixels } from './picture.ts';
import { doubleRows, legibleWidthPx, openPlateFinder, type PictureKind, type PlateCandidate } from './plate-finder.ts';
import { hanCharactersOf, openPlateReader } from './plate-reader.ts';
import { isListed, looksLikePlate } from './plate-listing.ts';
import { createPlateReading, type SeenPlate } from './read-plates.ts';
import { createScaler } from './resample.ts';

export type { SeenPlate } from './read-plates.ts';

/** A part of the picture (whole pixels) and the size at which a detector looks at it. */
export interface Look {
  readonly region: BoxPx;
  readonly sidePx: number;
}

export interface PerceiveRequest {
  /** Where to look for plates; `whole-plate`: the picture is one plate and nothing else. */
  readonly plates: readonly Look[] | 'whole-plate';
  readonly faces: readonly Look[];
  /** Absent: live. */
  readonly kind?: PictureKind;
  /** Asked for each candidate large enough; false: not worth the reader's time now. Absent: read all. */
  readonly shouldRead?: (candidate: PlateCandidate) => boolean;
  /** Asked for each plate read: is the second reader's opinion worth its time? Absent: always. */
  readonly wantsSecond?: (plate: SeenPlate) => boolean;
}

export interface Perceived {
  readonly plates: readonly SeenPlate[];
  /** Candidates that `shouldRead` declined. */
  readonly unread: readonly PlateCandidate[];
  readonly faces: readonly FoundFace[];
  /** What was looked at and is no plate, or too small to be read. */
  readonly rejected: readonly { readonly reason: RejectReason; readonly box: BoxPx }[];
  readonly timingsMs: { readonly detect: number; readonly read: number };
}

/** One set of model sessions. One call at a time: buffers are reused. Never on the main thread: runs block. */
export interface Perceiver {
  perceive(picture: Pixels, request: PerceiveRequest): Promise<Perceived>;
  /** Longer sides at which the plate finder in use looks at a still. */
  readonly stillSidesPx: readonly number[];
  /** How it looks at live pictures. */
  readonly livePlateLook: LivePlateLook;
  release(): Promise<void>;
}

export interface PerceiverOptions {
  readonly modelsDir: string;
  /** Ids of models to use in place of the first of their role. */
  readonly useModels?: readonly string[];
  /** Cores one model run may use. */
  readonly threads: number;
  /** Plates narrower than this (see `legibleWidthPx`) are not read: `too-small`. */
  readonly minPlateWidthPx: number;
  readonly ebikePatterns: readonly RegExp[];
}

/**
 * Opens the models and gives the one function that live cameras, video files and still pictures all go through.
 * Throws GatewayError `models.missing`, `models.checksum`.
 */
export async function openPerceiver(options: PerceiverOptions): Promise<Perceiver> {
  const scaler = createScaler();
  const { modelsDir, useModels, threads, ebikePatterns } = options;
  const finder = await openPlateFinder(await loadModel(modelsDir, 'plate-finder', useModels), threads, scaler);
  const reader = await openPlateReader(await loadModel(modelsDir, 'plate-reader', useModels), threads);
  const secondModel = await loadModel(modelsDir, 'second-reader', useModels);
  const second = secondModel ? await openPlateReader(secondModel, threads, hanCharactersOf(ebikePatterns)) : null;
  const faceFinder = await openFaceFinder(await loadModel(modelsDir, 'face-finder', useModels), threads, scaler);
  const reading = createPlateReading({ reader, second, ebikePatterns });

  const findPlates = async (picture: Pixels, looks: readonly Look[], kind: PictureKind): Promise<PlateCandidate[]> => {
    const found: PlateCandidate[] = [];
    for (const { region, sidePx } of looks) found.push(...(await finder.find(picture, region, sidePx, kind)));
    // Looks may overlap, and a still is looked at in more than one size.
    return looks.length > 1 ? suppress(found, 0.5) : found;
  };

  const findFaces = async (picture: Pixels, looks: readonly Look[]): Promise<FoundFace[]> => {
    const faces: FoundFace[] = [];
    const bySide = new Map<BoxPx, number[]>();
    for (const { region, sidePx } of looks) bySide.set(region, [...(bySide.get(region) ?? []), sidePx]);
    for (const [region, sidesPx] of bySide) faces.push(...(await faceFinder.find(picture, region, sidesPx)));
    return faces;
  };

  /** Plates and faces are looked for in regions that mostly lie in one another: what they share is halved once. */
  const halveOnce = (picture: Pixels, looks: readonly Look[]): void => {
    const regions = new Set(
      looks.filter(({ region, sidePx }) => sidePx * 2 <= Math.max(region[2], region[3])).map(({ region }) => region),
    );
    const shared = [...regions].reduce<BoxPx | null>((all, region) => (all ? around(all, region) : region), null);
    const apart = [...regions].reduce((sum, region) => sum + region[2] * region[3], 0);
    if (shared && regions.size > 1 && shared[2] * shared[3] < apart) scaler.halveFor(picture, shared);
  };

  const perceive = async (picture: Pixels, request: PerceiveRequest): Promise<Perceived> => {
    const startedMs = performance.now();
    scaler.forget();
    halveOnce(picture, [...(request.plates === 'whole-plate' ? [] : request.plates), ...request.faces]);
    const rejected: { reason: RejectReason; box: BoxPx }[] = [];
    const unread: PlateCandidate[] = [];
    const toRead: PlateCandidate[] = [];
    const isCrop = request.plates === 'whole-plate';
    if (request.plates === 'whole-plate') toRead.push(wholePlate(picture));
    else {
      for (const candidate of await findPlates(picture, request.plates, request.kind ?? 'live')) {
        if (legibleWidthPx(candidate.corners, candidate.rows.length) < options.minPlateWidthPx)
          rejected.push({ reason: 'too-small', box: candidate.box });
        else if (request.shouldRead && !request.shouldRead(candidate)) unread.push(candidate);
        else toRead.push(candidate);
      }
    }
    const faces = await findFaces(picture, request.faces);
    const detectedMs = performance.now();

    const plates: SeenPlate[] = [];
    const wantsSecond = request.wantsSecond ?? (() => true);
    const read = await reading.read(picture, toRead, wantsSecond);
    read.forEach((plate, index) => {
      if (isCrop || isListed(plate, toRead[index]?.layout === 'guessed')) plates.push(plate);
      else
        rejected.push({ reason: looksLikePlate(plate.characters) ? 'no-legal-format' : 'not-a-plate', box: plate.box });
    });
    const readMs = performance.now();
    return {
      plates: withoutRepeats(plates),
      unread,
      faces,
      rejected,
      timingsMs: { detect: detectedMs - startedMs, read: readMs - detectedMs },
    };
  };

  return {
    perceive,
    stillSidesPx: finder.stillSidesPx,
    livePlateLook: ebikePatterns.length > 0 ? nearer(finder.liveLook) : finder.liveLook,
    release: async () => {
      await Promise.all([finder.release(), reader.release(), second?.release(), faceFinder.release()]);
    },
  };
}

/** An e-bike's plate is half as wide as a car's: at half of the picture's size it was not found before it was smeared. */
const nearer = (look: LivePlateLook): LivePlateLook => ({ ...look, scale: look.scale * 1.5 });

/** A picture that is one plate and nothing else; as high as two rows, it may have two. */
function wholePlate({ widthPx, heightPx }: Pixels): PlateCandidate {
  const corners = cornersOfBox([0, 0, widthPx, heightPx]);
  // One row is three times as wide as high, two rows are twice, of an e-bike one and a half times.
  const shape = widthPx / heightPx;
  const layout = shape < 1.75 ? 'double' : shape < 2.6 ? 'either' : 'single';
  const rows = layout === 'double' ? doubleRows(corners) : [corners];
  return { corners, rows, box: boxAround(corners), confidence: 1, layout };
}

/** Looks may overlap: of reads whose centres lie in one another, the surer one stays. */
function withoutRepeats(plates: readonly SeenPlate[]): SeenPlate[] {
  const kept: SeenPlate[] = [];
  for (const plate of [...plates].sort((a, b) => b.reading.confidenceRatio - a.reading.confidenceRatio)) {
    const [left, top, width, height] = plate.box;
    const x = left + width / 2;
    const y = top + height / 2;
    const repeats = kept.some(({ box }) => x > box[0] && x < box[0] + box[2] && y > box[1] && y < box[1] + box[3]);
    if (!repeats) kept.push(plate);
  }
  return kept;
}
