import type { CornersPx, PlateColor } from '../domain/plate.ts';
import type { ReadCharacter } from './ctc.ts';
import { quadSize } from './geometry.ts';

/** A city's name in the upper row, which a site's form gives literally, and what the lower row must be. */
interface EbikeForm {
  readonly city: readonly string[];
  readonly number: RegExp;
}

/** How sure the city is where nobody could read it: told as unsure, however often (`vote.ts` raises it to 0.7 at most). */
const unreadRatio = 0.5;
/** E-bikes have plates of 220 × 140 mm, cars' double rows are twice as wide as high (GA 36-2018). */
const mostWidthsPerHeight = 1.8;
/** Grounds on which cars' double rows stand. */
const carGrounds: readonly PlateColor[] = ['yellow', 'yellow-green'];

/**
 * Fills in the city on plates of two rows whose number fits a site's own form (`perception.ebikePlates`). Its strokes are half as
 * large as the number's, so it is lost first, and a reader that was taught cars' plates alone takes it for a province. The number
 * is never mended, nor is a plate of a car's shape or ground touched; what was filled in keeps the plate from being accepted.
 */
export function createEbikeForms(patterns: readonly RegExp[]) {
  const forms = patterns.flatMap(formOf);
  return (
    characters: readonly ReadCharacter[],
    { corners, color }: { readonly corners: CornersPx; readonly color: PlateColor },
  ): readonly ReadCharacter[] => {
    const { widthPx, heightPx } = quadSize(corners);
    if (forms.length === 0 || carGrounds.includes(color) || widthPx > heightPx * mostWidthsPerHeight) return characters;
    for (const { city, number } of forms) {
      for (let head = 0; head <= city.length; head += 1) {
        const lower = characters.slice(head);
        if (number.test(lower.map(({ character }) => character).join('')))
          return [...filledIn(city, characters.slice(0, head)), ...lower];
      }
    }
    return characters;
  };
}

const filledIn = (city: readonly string[], read: readonly ReadCharacter[]): ReadCharacter[] =>
  city.map(
    (character) =>
      read.find((own) => own.character === character) ?? {
        character,
        ratio: unreadRatio,
        candidates: [[character, unreadRatio]],
      },
  );

/** Forms that begin with one city: `^宁波[A-Z]\d{5}$`. Of two cities nobody could say which. */
function formOf({ source }: RegExp): EbikeForm[] {
  const [, city = '', number = ''] = /^\^(\p{Script=Han}+)(?![\p{Script=Han}?*+{])([^|]*)$/u.exec(source) ?? [];
  return city === '' || number === '' ? [] : [{ city: Array.from(city), number: new RegExp(`^${number}`, 'u') }];
}
