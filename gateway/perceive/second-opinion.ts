import { characterDistance, classifyPlate } from '../domain/plate-grammar.ts';
import type { PlateColor } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';

/** How much less than independent two readers are: they share the plate's dirt, blur and glare. */
const sharedDoubt = 2;

/** So many characters, and something is written there. */
const someWriting = 4;

const textOf = (characters: readonly ReadCharacter[]): string => characters.map(({ character }) => character).join('');
const surenessOf = (characters: readonly ReadCharacter[]): number =>
  characters.length === 0 ? 0 : Math.min(...characters.map(({ ratio }) => ratio));

/**
 * What two readers say together of one plate. Of the same length, place by place: where they agree they are surer than
 * either; where not, each candidate has the mean of what both give it, so that neither is believed alone. Of different
 * lengths, the one that can stand on a plate, with the other's say at the places that it has as well; of two such the surer
 * one, less sure for being contradicted.
 * Where the second sees no writing, the first is believed half or, being unsure itself, not at all.
 * Where one reads a character that the other does not know, the other has no say.
 */
export function joinOpinions(
  first: readonly ReadCharacter[],
  second: readonly ReadCharacter[],
  color: PlateColor,
  options: {
    readonly ebikePatterns?: readonly RegExp[];
    readonly knows?: (character: string) => boolean;
    readonly firstKnows?: (character: string) => boolean;
  } = {},
): readonly ReadCharacter[] {
  const { ebikePatterns = [], knows = () => true, firstKnows = () => true } = options;
  const joinPlaces = (pairs: readonly Pair[]): readonly ReadCharacter[] =>
    pairs.flatMap(([own, other]) => {
      if (!own || (other && !firstKnows(other.character))) return other ? [other] : [];
      return [knows(own.character) ? joinCharacter(own, other) : own];
    });
  const aligned = align(first, second);
  if (first.length === second.length && (!aligned || matchesOf(inPlace(first, second)) + 1 >= matchesOf(aligned)))
    return joinPlaces(inPlace(first, second));
  // No writing at all, says the second: a reader that was taught nothing but plates sees one in a blank wall.
  if (second.length < someWriting && first.length >= someWriting)
    return surenessOf(first) < 0.5 ? second : doubted(first, 0.5);
  const isLegal = (characters: readonly ReadCharacter[]): boolean =>
    classifyPlate(textOf(characters), color, ebikePatterns) !== null;
  const [firstIsLegal, secondIsLegal] = [isLegal(first), isLegal(second)];
  // An e-bike's city: the first left it out, or took it for a province, and says nothing against it.
  if (secondIsLegal && second.some(({ character }) => !firstKnows(character))) return second;
  if (firstIsLegal !== secondIsLegal) {
    if (!aligned) return firstIsLegal ? first : second;
    // What one of them lost or saw twice is left as the other has it; of all else both have their say, but one that read the plate
    // in part does not shake what the other is sure of.
    const places = aligned.filter(([own, other]) => (firstIsLegal ? own : other) !== undefined);
    const chosen = (own: ReadCharacter | undefined, other: ReadCharacter | undefined): Pair =>
      firstIsLegal
        ? [own, isUnshaken(own, other) ? undefined : other]
        : [isUnshaken(other, own) ? undefined : own, other];
    return joinPlaces(places.map(([own, other]) => chosen(own, other)));
  }
  const [chosen, other] = surenessOf(second) > surenessOf(first) ? [second, first] : [first, second];
  return firstIsLegal ? doubted(chosen, 1 - surenessOf(other) / 2) : chosen;
}

/** A place of a plate as one reader has it, and as the other has. */
type Pair = readonly [first: ReadCharacter | undefined, second: ReadCharacter | undefined];

/** From this on a character is accepted (`judge.ts`). */
const sureRatio = 0.8;

const isUnshaken = (own: ReadCharacter | undefined, other: ReadCharacter | undefined): boolean =>
  own !== undefined && own.ratio >= sureRatio && other?.character !== own.character;

const inPlace = (first: readonly ReadCharacter[], second: readonly ReadCharacter[]): Pair[] =>
  first.map((own, place) => [own, second[place]]);

const matchesOf = (pairs: readonly Pair[]): number =>
  pairs.filter(([own, other]) => own && own.character === other?.character).length;

/** So many characters in common and in order, and two reads are of the same writing. */
const sameWriting = 4;

/**
 * Which characters of two reads stand at the same place: the cheapest way of turning one into the other. PP-OCR often leaves out a
 * smeared province and reads the rest. Null where they have too little in common to say.
 */
function align(first: readonly ReadCharacter[], second: readonly ReadCharacter[]): readonly Pair[] | null {
  const costs = Array.from({ length: first.length + 1 }, (_, row) =>
    Array.from({ length: second.length + 1 }, (__, column) => (row === 0 || column === 0 ? row + column : 0)),
  );
  const cost = (row: number, column: number): number => costs[row]?.[column] ?? Infinity;
  const exchange = (row: number, column: number): number => {
    const [own, other] = [first[row - 1]?.character ?? '', second[column - 1]?.character ?? ''];
    return cost(row - 1, column - 1) + characterDistance(own, other);
  };
  for (let row = 1; row <= first.length; row += 1) {
    for (let column = 1; column <= second.length; column += 1)
      (costs[row] as number[])[column] = Math.min(
        exchange(row, column),
        cost(row - 1, column) + 1,
        cost(row, column - 1) + 1,
      );
  }
  const pairs: Pair[] = [];
  let [row, column] = [first.length, second.length];
  while (row > 0 || column > 0) {
    if (row > 0 && column > 0 && cost(row, column) === exchange(row, column)) {
      row -= 1;
      column -= 1;
      pairs.unshift([first[row], second[column]]);
    } else if (row > 0 && cost(row, column) === cost(row - 1, column) + 1) {
      row -= 1;
      pairs.unshift([first[row], undefined]);
    } else {
      column -= 1;
      pairs.unshift([undefined, second[column]]);
    }
  }
  return matchesOf(pairs) >= sameWriting ? pairs : null;
}

function joinCharacter(first: ReadCharacter, second: ReadCharacter | undefined): ReadCharacter {
  if (!second) return first;
  if (first.character === second.character) {
    const together = 1 - sharedDoubt * (1 - first.ratio) * (1 - second.ratio);
    const ratio = Math.min(Math.max(first.ratio, second.ratio, together), 1);
    return { ...first, ratio, candidates: [[first.character, ratio], ...first.candidates.slice(1)] };
  }
  const shares = new Map<string, number>();
  for (const [character, ratio] of [...first.candidates, ...second.candidates])
    shares.set(character, (shares.get(character) ?? 0) + ratio / 2);
  const candidates = [...shares].sort((a, b) => b[1] - a[1]).slice(0, 4);
  const [character, ratio] = candidates[0] ?? [first.character, first.ratio / 2];
  return { character, ratio, candidates };
}

const doubted = (characters: readonly ReadCharacter[], by: number): readonly ReadCharacter[] =>
  characters.map(({ character, ratio, candidates }) => ({
    character,
    ratio: ratio * by,
    candidates: candidates.map(([other, share]) => [other, share * by] as const),
  }));
