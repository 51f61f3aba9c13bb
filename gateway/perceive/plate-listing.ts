import type { ReadCharacter } from './ctc.ts';
import type { SeenPlate } from './read-plates.ts';

/** From this on the finder's word is enough to list a plate that could not be read. */
const surelyPlate = 0.6;

/**
 * A legal text whose characters have less than this is what a reader sees in noise: a dark grille by night gave 0.08 to 0.35, plates
 * of who drove through by night and in rain, also misread ones, 0.5 and more.
 */
const atAllRead = 0.4;

/**
 * Whether what was read is a plate, known or not: a text that can stand on one and is no noise, or, where a plate finder found it
 * (`guessed`: only text was found), a plate for sure of which a part was read.
 */
export function isListed(
  { rejected, characters, foundRatio }: Pick<SeenPlate, 'rejected' | 'characters' | 'foundRatio'>,
  guessed: boolean,
): boolean {
  if (rejected !== 'no-legal-format' && meanRatio(characters) >= atAllRead) return true;
  return !guessed && foundRatio >= surelyPlate && looksLikePlate(characters);
}

/** At least five characters that the reader is fairly sure of: a plate in part, and not a lamp or a grille. */
export function looksLikePlate(characters: readonly ReadCharacter[]): boolean {
  return characters.length >= 5 && characters.length <= 9 && meanRatio(characters) > 0.6;
}

const meanRatio = (characters: readonly ReadCharacter[]): number =>
  characters.reduce((sum, { ratio }) => sum + ratio, 0) / Math.max(characters.length, 1);
