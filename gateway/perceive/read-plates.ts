import { provinces } from '../domain/plate-grammar.ts';
import type { BoxPx, CornersPx, PlateColor, PlateReading, RejectReason } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';
import { createEbikeForms } from './ebike-form.ts';
import { boxAround, partOfQuad, quadSize } from './geometry.ts';
import { judgeRead } from './judge.ts';
import type { Pixels } from './picture.ts';
import { doubleRows, legibleWidthPx, type PlateCandidate } from './plate-finder.ts';
import type { PlateRead, PlateReader } from './plate-reader.ts';
import { joinOpinions } from './second-opinion.ts';

/** A plate that was read. */
export interface SeenPlate {
  readonly box: BoxPx;
  readonly corners: CornersPx;
  readonly reading: PlateReading;
  readonly characters: readonly ReadCharacter[];
  readonly rejected: RejectReason | null;
  /** Mean absolute Laplacian of the rectified plate, in grey levels. */
  readonly sharpness: number;
  /** Of a plate of two rows, that of one row with characters as large: `legibleWidthPx`. */
  readonly widthPx: number;
  /** Rows that it was read as. */
  readonly rows: number;
  /** How sure the finder was that this is a plate, 0..1. */
  readonly foundRatio: number;
  /** Whether the second reader was asked too. */
  readonly secondOpinion: boolean;
}

/** One way of reading a candidate: the quadrangle, and its rows. */
interface Attempt {
  readonly index: number;
  readonly corners: CornersPx;
  readonly rows: readonly CornersPx[];
}

/**
 * Reads candidates: all of a picture in one batch; those that gave no plate once more in the other ways they may be read;
 * those still unsure by the second reader, where there is one and `wantsSecond` agrees. One answer a candidate, in order.
 */
export function createPlateReading(options: {
  readonly reader: PlateReader;
  readonly second: PlateReader | null;
  readonly ebikePatterns: readonly RegExp[];
}) {
  const { reader, second, ebikePatterns } = options;
  const fillIn = createEbikeForms(ebikePatterns);
  /** With the site's own form where the plate may be an e-bike's, and judged. */
  const judged = (
    characters: readonly ReadCharacter[],
    plate: { readonly rows: number; readonly corners: CornersPx; readonly color: PlateColor },
  ): Pick<SeenPlate, 'characters' | 'reading' | 'rejected'> => {
    const whole = plate.rows === 2 ? fillIn(characters, plate) : characters;
    return { characters: whole, ...judgeRead(whole, plate.color, ebikePatterns) };
  };

  const readAll = async (
    by: PlateReader,
    picture: Pixels,
    candidates: readonly PlateCandidate[],
    attempts: readonly Attempt[],
  ): Promise<SeenPlate[]> => {
    if (attempts.length === 0) return [];
    const reads = await by.read(
      picture,
      attempts.map(({ rows }) => rows),
    );
    return attempts.map((attempt, at) =>
      seenPlate(attempt, candidates[attempt.index]?.confidence ?? 0, reads[at] ?? nothingRead, judged),
    );
  };

  const askSecond = async (
    picture: Pixels,
    answers: readonly Answer[],
    wantsSecond: (plate: SeenPlate) => boolean,
  ): Promise<SeenPlate[]> => {
    const unsure = answers.filter(({ plate }) => mayBePlate(plate) && wantsSecond(plate));
    if (!second || unsure.length === 0) return answers.map(({ plate }) => plate);
    const reads = await second.read(
      picture,
      unsure.map(({ rows }) => rows),
    );
    return answers.map((answer) => {
      const read = reads[unsure.indexOf(answer)];
      if (!read) return answer.plate;
      const { plate } = answer;
      const { color } = plate.reading;
      const characters = joinOpinions(plate.characters, read.characters, color, {
        ebikePatterns,
        knows: (character) => second.knows(character),
        firstKnows: (character) => reader.knows(character),
      });
      return { ...plate, ...judged(characters, { ...plate, color }), secondOpinion: true };
    });
  };

  return {
    read: async (
      picture: Pixels,
      candidates: readonly PlateCandidate[],
      wantsSecond: (plate: SeenPlate) => boolean,
    ): Promise<SeenPlate[]> => {
      const asFound = candidates.map(({ corners, rows }, index): Attempt => ({ index, corners, rows }));
      const firsts = await readAll(reader, picture, candidates, asFound);
      const others = candidates.flatMap((candidate, index) =>
        otherWays(candidate, firsts[index]).map((way): Attempt => ({ index, ...way })),
      );
      const again = await readAll(reader, picture, candidates, others);
      const best = asFound.map((attempt, index): Answer => {
        let answer: Answer = { plate: firsts[index] as SeenPlate, rows: attempt.rows };
        others.forEach((other, at) => {
          const plate = again[at];
          if (other.index === index && plate && rank(plate) > rank(answer.plate)) answer = { plate, rows: other.rows };
        });
        return answer;
      });
      return askSecond(picture, best, wantsSecond);
    },
  };
}

interface Answer {
  readonly plate: SeenPlate;
  readonly rows: readonly CornersPx[];
}

const nothingRead: PlateRead = { characters: [], color: 'blue', sharpness: 0 };

function seenPlate(
  { corners, rows }: Attempt,
  foundRatio: number,
  { characters, color, sharpness }: PlateRead,
  judged: (
    characters: readonly ReadCharacter[],
    plate: { readonly rows: number; readonly corners: CornersPx; readonly color: PlateColor },
  ) => Pick<SeenPlate, 'characters' | 'reading' | 'rejected'>,
): SeenPlate {
  return {
    box: boxAround(corners),
    corners,
    ...judged(characters, { rows: rows.length, corners, color }),
    sharpness,
    widthPx: legibleWidthPx(corners, rows.length),
    rows: rows.length,
    foundRatio,
    secondOpinion: false,
  };
}

/** Four characters and more: less is a lamp or a grille, and not worth another reader's time. */
const mayBePlate = ({ characters }: SeenPlate): boolean => characters.length >= 4 && characters.length <= 10;

/** How else a candidate may be read whose first answer is no sure plate. */
function otherWays(candidate: PlateCandidate, first: SeenPlate | undefined): Omit<Attempt, 'index'>[] {
  if (!first || first.reading.accepted) return [];
  const { corners, layout, rows } = candidate;
  if (layout === 'either') return [{ corners, rows: rows.length === 1 ? doubleRows(corners) : [corners] }];
  return layout === 'guessed' ? guesses(corners, first) : [];
}

function guesses(corners: CornersPx, first: SeenPlate): Omit<Attempt, 'index'>[] {
  const { widthPx, heightPx } = quadSize(corners);
  const ways: Omit<Attempt, 'index'>[] = [];
  // As high as a double-row plate (220 mm for 440 mm): cut between 60 mm and 110 mm rows.
  if (widthPx < heightPx * 2.6)
    ways.push({ corners, rows: [partOfQuad(corners, 0.08, 0.02, 0.92, 0.42), partOfQuad(corners, 0, 0.38, 1, 1)] });
  if (first.rejected === 'no-legal-format' && first.characters.length >= 4 && looksFirm(first.characters)) {
    // A text detector likes to begin after the province or the dot, and to end before a last Chinese character.
    const startsRight = provinces.includes(first.characters[0]?.character ?? '?');
    const step = 1 / first.characters.length;
    const widened = startsRight
      ? [partOfQuad(corners, 0, 0, 1 + step, 1)]
      : [partOfQuad(corners, -step * 1.1, 0, 1, 1), partOfQuad(corners, -step * 2.2, 0, 1, 1)];
    ways.push(...widened.map((wider) => ({ corners: wider, rows: [wider] })));
  }
  return ways;
}

const looksFirm = (characters: readonly ReadCharacter[]): boolean =>
  characters.filter(({ ratio }) => ratio > 0.7).length >= characters.length - 2;

/** Of two reads of one place: the legal one, then the surer one. */
const rank = ({ rejected, reading }: SeenPlate): number =>
  (rejected === 'no-legal-format' ? 0 : 1) + reading.confidenceRatio;
