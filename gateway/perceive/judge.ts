import { classifyPlate, colorsOfKind } from '../domain/plate-grammar.ts';
import type { PlateColor, PlateKind, PlateReading, RejectReason } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';

/** What came of one read: always a reading, with the reason where it is not sure enough for the log. */
export interface Judgement {
  readonly reading: PlateReading;
  readonly rejected: RejectReason | null;
}

/** Lowest character below this: not accepted. Of 512 real crops 97.7 % pass, and all of those are right (models/README.md). */
export const acceptRatio = 0.8;

/**
 * The plate that characters stand for. Where what was read cannot stand on a plate but one with the next likeliest
 * characters can, that one is taken, at the confidence those characters have: reading under the grammar, not mending.
 * Every character, the province too, is one that the reader itself proposed.
 */
export function judgeRead(
  characters: readonly ReadCharacter[],
  color: PlateColor,
  ebikePatterns: readonly RegExp[] = [],
): Judgement {
  const chosen = mostLikelyLegal(characters, color, ebikePatterns);
  const text = chosen.map(([character]) => character).join('');
  const kind = classifyPlate(text, color, ebikePatterns);
  const ratios = chosen.map(([, ratio]) => round(ratio));
  const confidenceRatio = ratios.length === 0 ? 0 : Math.min(...ratios);
  const rejected = kind === null ? 'no-legal-format' : confidenceRatio < acceptRatio ? 'low-confidence' : null;
  return {
    reading: {
      text,
      confidenceRatio,
      characterConfidenceRatios: ratios,
      kind: kind ?? 'unknown',
      color: settleColor(kind, color),
      accepted: rejected === null,
    },
    rejected,
  };
}

/**
 * The measured colour, unless no plate of this kind has it: by night a blue ground measures black and a white one
 * yellow, and what is written there says which it must be.
 */
function settleColor(kind: PlateKind | null, measured: PlateColor): PlateColor {
  const possible = kind === null ? [measured] : colorsOfKind[kind];
  return possible.includes(measured) ? measured : (possible[0] ?? measured);
}

type Choice = readonly (readonly [character: string, ratio: number])[];

/** How many exchanges of one or two characters are tried; more would be guessing. */
const maxExchanged = 2;

function mostLikelyLegal(
  characters: readonly ReadCharacter[],
  color: PlateColor,
  ebikePatterns: readonly RegExp[],
): Choice {
  const plain: Choice = characters.map((read) => [read.character, read.ratio]);
  const isLegal = (choice: Choice): boolean =>
    classifyPlate(choice.map(([character]) => character).join(''), color, ebikePatterns) !== null;
  if (isLegal(plain)) return plain;
  let best: { choice: Choice; likelihood: number } | null = null;
  const explore = (choice: Choice, from: number, exchanged: number): void => {
    if (exchanged === maxExchanged) return;
    for (let position = from; position < characters.length; position += 1) {
      for (const candidate of characters[position]?.candidates.slice(1) ?? []) {
        // Below one in a hundred the reader does not mean it.
        if (candidate[1] < 0.01) break;
        const next = choice.with(position, candidate);
        const likelihood = next.reduce((product, [, ratio]) => product * ratio, 1);
        if ((!best || likelihood > best.likelihood) && isLegal(next)) best = { choice: next, likelihood };
        explore(next, position + 1, exchanged + 1);
      }
    }
  };
  explore(plain, 0, 0);
  // Assigned in the closure above, which the flow analysis does not follow.
  return (best as { choice: Choice } | null)?.choice ?? plain;
}

/** Three digits: more would be noise in the log. */
const round = (ratio: number): number => Math.round(Math.min(ratio, 1) * 1000) / 1000;
