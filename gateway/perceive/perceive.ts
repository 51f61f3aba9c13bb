import { provinces } from '../domain/plate-grammar.ts';
import type { BoxPx, CornersPx, PlateReading, RejectReason } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';
import { openFaceFinder, type FoundFace } from './face-finder.ts';
import { boxAround, cornersOfBox, partOfQuad, quadSize } from './geometry.ts';
import { judgeRead } from './judge.ts';
import { loadModel } from './model-store.ts';
import type { Picture } from './picture.ts';
import { plateColor } from './plate-color.ts';
import { openPlateFinder, type PlateCandidate } from './plate-finder.ts';
import { openPlateReader, readerHeightPx, readerWidthPx } from './plate-reader.ts';
import { rectify, sharpness } from './rectify.ts';
import { createScaler } from './resample.ts';

/** A part of the picture (whole pixels) and the size at which a detector looks at it. */
export interface Look {
  readonly region: BoxPx;
  readonly sidePx: number;
}

export interface PerceiveRequest {
  /** Where to look for plates; `whole-plate`: the picture is one plate and nothing else. */
  readonly plates: readonly Look[] | 'whole-plate';
  readonly faces: readonly Look[];
  /** Asked for each candidate large enough; false: not worth the reader's time now. Absent: read all. */
  readonly shouldRead?: (candidate: PlateCandidate) => boolean;
}

/** A plate that was read. */
export interface SeenPlate {
  readonly box: BoxPx;
  readonly corners: CornersPx;
  readonly reading: PlateReading;
  readonly characters: readonly ReadCharacter[];
  readonly rejected: RejectReason | null;
  /** Mean absolute Laplacian of the rectified plate, in grey levels. */
  readonly sharpness: number;
  readonly widthPx: number;
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
  perceive(picture: Picture, request: PerceiveRequest): Promise<Perceived>;
  release(): Promise<void>;
}

export interface PerceiverOptions {
  readonly modelsDir: string;
  /** Cores one model run may use. */
  readonly threads: number;
  /** Plates narrower than this are not read: `too-small`. */
  readonly minPlateWidthPx: number;
  readonly ebikePatterns: readonly RegExp[];
}

/** A reader's answer about one quadrangle, or two for a double row. */
interface Attempt {
  readonly corners: CornersPx;
  readonly rows: readonly CornersPx[];
}

/**
 * Opens the models and gives the one function that live cameras, video files and still pictures all go through.
 * Throws GatewayError `models.missing`, `models.checksum`.
 */
export async function openPerceiver(options: PerceiverOptions): Promise<Perceiver> {
  const scaler = createScaler();
  const { modelsDir, threads, ebikePatterns } = options;
  const finder = await openPlateFinder(await loadModel(modelsDir, 'plate-finder'), threads, scaler);
  const reader = await openPlateReader(await loadModel(modelsDir, 'plate-reader'), threads);
  const faceFinder = await openFaceFinder(await loadModel(modelsDir, 'face-finder'), threads, scaler);

  /** Reads several attempts in as few runs as possible. */
  const readAll = async (picture: Picture, attempts: readonly Attempt[]): Promise<SeenPlate[]> => {
    const rows = attempts.flatMap((attempt) =>
      attempt.rows.map((corners) => rectify(picture, corners, readerWidthPx, readerHeightPx)),
    );
    const answers = await reader.read(rows);
    let at = 0;
    return attempts.map(({ corners, rows: own }) => {
      const characters = answers.slice(at, at + own.length).flat();
      // Of a double row, the lower row has the larger ground.
      const ground = rows[at + own.length - 1];
      at += own.length;
      const color = ground ? plateColor(ground) : 'blue';
      const judged = judgeRead(characters, color, ebikePatterns);
      return {
        box: boxAround(corners),
        corners,
        characters,
        ...judged,
        sharpness: ground ? sharpness(ground) : 0,
        widthPx: quadSize(corners).widthPx,
      };
    });
  };

  /** Reads a candidate; where the answer is no plate but the end of one, looks again with the sides moved out. */
  const readCandidates = async (picture: Picture, candidates: readonly PlateCandidate[]): Promise<SeenPlate[]> => {
    const firsts = await readAll(picture, candidates);
    const seconds: { index: number; attempt: Attempt }[] = [];
    candidates.forEach((candidate, index) => {
      const first = firsts[index];
      if (first) seconds.push(...secondAttempts(candidate, first).map((attempt) => ({ index, attempt })));
    });
    const again = await readAll(
      picture,
      seconds.map(({ attempt }) => attempt),
    );
    return firsts.map((first, index) =>
      again.filter((_answer, at) => seconds[at]?.index === index).reduce((best, other) => better(best, other), first),
    );
  };

  const perceive = async (picture: Picture, request: PerceiveRequest): Promise<Perceived> => {
    const startedMs = performance.now();
    const rejected: { reason: RejectReason; box: BoxPx }[] = [];
    const unread: PlateCandidate[] = [];
    const toRead: PlateCandidate[] = [];
    if (request.plates === 'whole-plate') {
      const corners = cornersOfBox([0, 0, picture.widthPx, picture.heightPx]);
      toRead.push({ corners, rows: [corners], box: boxAround(corners), confidence: 1 });
    } else {
      for (const { region, sidePx } of request.plates) {
        for (const candidate of await finder.find(picture, region, sidePx)) {
          if (quadSize(candidate.corners).widthPx < options.minPlateWidthPx)
            rejected.push({ reason: 'too-small', box: candidate.box });
          else if (request.shouldRead && !request.shouldRead(candidate)) unread.push(candidate);
          else toRead.push(candidate);
        }
      }
    }
    const faces: FoundFace[] = [];
    const bySide = new Map<BoxPx, number[]>();
    for (const { region, sidePx } of request.faces) bySide.set(region, [...(bySide.get(region) ?? []), sidePx]);
    for (const [region, sidesPx] of bySide) faces.push(...(await faceFinder.find(picture, region, sidesPx)));
    const detectedMs = performance.now();

    const plates: SeenPlate[] = [];
    for (const plate of await readCandidates(picture, toRead)) {
      if (request.plates === 'whole-plate' || plate.rejected !== 'no-legal-format') plates.push(plate);
      else
        rejected.push({ reason: looksLikePlate(plate.characters) ? 'no-legal-format' : 'not-a-plate', box: plate.box });
    }
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
    release: async () => {
      await Promise.all([finder.release(), reader.release(), faceFinder.release()]);
    },
  };
}

/** At least five characters that the reader is fairly sure of: a plate in part, and not a lamp or a grille. */
function looksLikePlate(characters: readonly ReadCharacter[]): boolean {
  const mean = characters.reduce((sum, { ratio }) => sum + ratio, 0) / Math.max(characters.length, 1);
  return characters.length >= 5 && characters.length <= 9 && mean > 0.6;
}

/** Where else to look for the plate of which `first` read no legal text. */
function secondAttempts(candidate: PlateCandidate, first: SeenPlate): Attempt[] {
  const whole = candidate.rows.length === 1 ? candidate.corners : null;
  if (first.reading.accepted || !whole) return [];
  const { widthPx, heightPx } = quadSize(whole);
  const attempts: Attempt[] = [];
  // As high as a double-row plate (220 mm for 440 mm): cut between 60 mm and 110 mm rows.
  if (widthPx < heightPx * 2.6)
    attempts.push({
      corners: whole,
      rows: [partOfQuad(whole, 0.08, 0.02, 0.92, 0.42), partOfQuad(whole, 0, 0.38, 1, 1)],
    });
  if (first.rejected === 'no-legal-format' && first.characters.length >= 4 && looksFirm(first.characters)) {
    // The detector likes to begin after the province or the dot, and to end before a last Chinese character.
    const startsRight = provinces.includes(first.characters[0]?.character ?? '?');
    const step = 1 / first.characters.length;
    const widened = startsRight
      ? [partOfQuad(whole, 0, 0, 1 + step, 1)]
      : [partOfQuad(whole, -step * 1.1, 0, 1, 1), partOfQuad(whole, -step * 2.2, 0, 1, 1)];
    attempts.push(...widened.map((corners) => ({ corners, rows: [corners] })));
  }
  return attempts;
}

const looksFirm = (characters: readonly ReadCharacter[]): boolean =>
  characters.filter(({ ratio }) => ratio > 0.7).length >= characters.length - 2;

/** Of two reads of one place: the legal one, then the surer one. */
function better(a: SeenPlate, b: SeenPlate): SeenPlate {
  const rank = ({ rejected, reading }: SeenPlate): number =>
    (rejected === 'no-legal-format' ? 0 : 1) + reading.confidenceRatio;
  return rank(b) > rank(a) ? b : a;
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
