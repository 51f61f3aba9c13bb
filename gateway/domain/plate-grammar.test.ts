import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  characterDistance,
  classifyPlate,
  colorsOfKind,
  isLegalPlate,
  isPossiblePlate,
  normalisePlate,
  plateCharacters,
  plateDistance,
  provinces,
  serialCharacters,
} from './plate-grammar.ts';
import { plateColors, plateKinds, type PlateKind } from './plate.ts';

const oneOf = (characters: string) => fc.constantFrom(...Array.from(characters));
const many = (characters: string, count: number) =>
  fc.array(oneOf(characters), { minLength: count, maxLength: count }).map((list) => list.join(''));
const join = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((list) => list.join(''));

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const digits = '0123456789';
const province = oneOf(provinces);
const letter = oneOf(letters);
const constant = (text: string) => fc.constant(text);

/** Texts of every kind, made from the table of standards section 7 and not from the patterns under test. */
const textsByKind: Record<Exclude<PlateKind, 'ebike' | 'unknown'>, fc.Arbitrary<string>> = {
  small: join(province, letter, many(serialCharacters, 5)),
  large: join(province, letter, many(serialCharacters, 5)),
  'nev-small': join(province, letter, oneOf('DABCEFGHJK'), oneOf(serialCharacters), many(digits, 4)),
  'nev-large': join(province, letter, many(digits, 5), oneOf('DFABCEGHJK')),
  police: join(province, letter, oneOf('ABCD0123456789'), many(digits, 3), constant('警')),
  embassy: fc.oneof(join(constant('使'), many(digits, 6)), join(many(digits, 6), constant('使'))),
  consulate: join(province, letter, many(digits, 4), constant('领')),
  'hk-macao': join(constant('粤Z'), many(serialCharacters, 4), oneOf('港澳')),
  'armed-police': join(constant('WJ'), fc.oneof(province, constant('')), many(digits, 4), oneOf('0123456789TDSHBXJ')),
  military: join(oneOf('VKHBSLJNGCE'), oneOf('ABCDJKLMNOPRSTVY'), many(digits, 5)),
  trailer: join(province, letter, many(serialCharacters, 4), constant('挂')),
  school: join(province, letter, many(serialCharacters, 4), constant('学')),
  aviation: join(constant('民航'), many(serialCharacters, 5)),
  temporary: join(province, letter, fc.oneof(many(serialCharacters, 5), many(serialCharacters, 6)), oneOf('临超试')),
};

describe('plate grammar', () => {
  for (const [kind, texts] of Object.entries(textsByKind)) {
    it(`knows every ${kind} plate by its text and usual colour`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          expect(classifyPlate(text, colorsOfKind[kind as PlateKind][0])).toBe(kind);
        }),
      );
    });
  }

  it('takes an ordinary text without colour for a small plate', () => {
    expect(classifyPlate('浙B12345')).toBe('small');
    expect(classifyPlate('浙B12345', 'yellow')).toBe('large');
  });

  it('refuses seven ordinary characters on a green ground, because one was lost', () => {
    expect(classifyPlate('浙BD1234', 'green')).toBe(null);
    expect(classifyPlate('浙BD12345', 'green')).toBe('nev-small');
    expect(classifyPlate('民航A123', 'green')).toBe(null);
    expect(classifyPlate('民航A1234', 'green')).toBe('aviation');
  });

  it.each([
    ['no province', 'B123456'],
    ['a province that does not exist', '台B12345'],
    ['an I as second character', '浙I12345'],
    ['an O in the serial', '浙B1O345'],
    ['too short', '浙B1234'],
    ['nine characters', '浙BD123456'],
    ['a new-energy serial with a letter among its digits', '浙BDA12B4'],
    ['a new-energy letter beyond K', '浙BL12345'],
    ['Hong Kong off another province', '沪Z1234港'],
    ['an embassy with seven digits', '使1234567'],
    ['a special character in the middle', '浙B12学45'],
    ['nothing', ''],
  ])('refuses %s', (_what, text) => {
    expect(isLegalPlate(text)).toBe(false);
  });

  it('takes e-bike plates only by the patterns of the site', () => {
    expect(classifyPlate('宁波A12345')).toBe(null);
    expect(classifyPlate('宁波A12345', 'white', [/^宁波[A-Z]\d{5}$/])).toBe('ebike');
  });

  it('gives one answer for every text and colour, and it is a kind or null', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: oneOf(plateCharacters), maxLength: 10 }),
        fc.constantFrom(...plateColors),
        (text, color) => {
          const kind = classifyPlate(text, color);
          expect(kind === null || plateKinds.includes(kind)).toBe(true);
          expect(isLegalPlate(text, color)).toBe(kind !== null);
        },
      ),
    );
  });

  it('keeps every legal text as it is when normalising, and normalises once for all', () => {
    fc.assert(
      fc.property(fc.oneof(...Object.values(textsByKind)), (text) => {
        expect(normalisePlate(text)).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const once = normalisePlate(text);
        expect(normalisePlate(once)).toBe(once);
      }),
    );
  });

  it.each([
    [' 浙b·12345 ', '浙B12345'],
    ['浙Ｂ•１２３４５', '浙B12345'],
    ['粤Z-1234 港', '粤Z1234港'],
    ['浙B1O34I', '浙B10341'],
    ['使 123.456', '使123456'],
    ['浙O12345', '浙O12345'],
  ])('writes %s as %s', (raw, text) => {
    expect(normalisePlate(raw)).toBe(text);
  });

  it('never changes the first two characters of what stands there', () => {
    fc.assert(
      fc.property(oneOf(plateCharacters), oneOf(plateCharacters), many(serialCharacters, 5), (a, b, rest) => {
        expect(normalisePlate(a + b + rest).slice(0, 2)).toBe(a + b);
      }),
    );
  });

  it('measures a distance: zero only for the same, symmetric, never more than the longer text', () => {
    const text = fc.string({ unit: oneOf(plateCharacters), maxLength: 9 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const distance = plateDistance(a, b);
        expect(distance).toBeCloseTo(plateDistance(b, a), 9);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });

  it('makes characters that readers mix up cheaper than others', () => {
    expect(characterDistance('8', 'B')).toBeLessThan(characterDistance('8', 'X'));
    expect(plateDistance('浙B12345', '浙BI2345')).toBeLessThan(1);
    expect(plateDistance('浙B12345', '浙B1234')).toBe(1);
  });

  it('calls a plate possible when one confusable character differs, but never across provinces', () => {
    expect(isPossiblePlate('浙B12345', '浙B1234S')).toBe(true);
    expect(isPossiblePlate('浙B12345', '浙B12345')).toBe(false);
    expect(isPossiblePlate('浙B12345', '浙B1234X')).toBe(false);
    expect(isPossiblePlate('浙B12345', '浙BIZ345')).toBe(false);
    expect(isPossiblePlate('京B12345', '辽B12345')).toBe(false);
  });
});

/**
 * The table of standards section 7 as slots: what may stand at each place. Written apart from the patterns under test, so
 * that the two hold each other.
 */
const S = serialCharacters;
const slotsByKind: readonly (readonly [PlateKind, readonly string[]])[] = [
  ['small', [provinces, letters, S, S, S, S, S]],
  ['nev-small', [provinces, letters, 'ABCDEFGHJK', S, digits, digits, digits, digits]],
  ['nev-large', [provinces, letters, digits, digits, digits, digits, digits, 'ABCDEFGHJK']],
  ['police', [provinces, letters, S, S, S, S, '警']],
  ['school', [provinces, letters, S, S, S, S, '学']],
  ['trailer', [provinces, letters, S, S, S, S, '挂']],
  ['consulate', [provinces, letters, S, S, S, S, '领']],
  ['hk-macao', ['粤', 'Z', S, S, S, S, '港澳']],
  ['embassy', ['使', digits, digits, digits, digits, digits, digits]],
  ['embassy', [digits, digits, digits, digits, digits, digits, '使']],
  ['armed-police', ['W', 'J', digits, digits, digits, digits, `${digits}TDSHBXJ`]],
  ['armed-police', ['W', 'J', provinces, digits, digits, digits, digits, `${digits}TDSHBXJ`]],
  ['military', ['VKHBSLJNGCE', 'ABCDJKLMNOPRSTVY', digits, digits, digits, digits, digits]],
  ['aviation', ['民', '航', S, S, S, S, S]],
  ['temporary', [provinces, letters, S, S, S, S, '临超试']],
  ['temporary', [provinces, letters, S, S, S, S, S, '临超试']],
  ['temporary', [provinces, letters, S, S, S, S, S, S, '临超试']],
];

/** The kinds whose slots a text fits. */
function kindsFitting(text: string): PlateKind[] {
  const characters = Array.from(text);
  return slotsByKind
    .filter(
      ([, slots]) => slots.length === characters.length && slots.every((slot, at) => slot.includes(characters[at]!)),
    )
    .map(([kind]) => kind);
}

describe('plate grammar, place by place', () => {
  for (const [number, [kind, slots]] of slotsByKind.entries()) {
    it(`decides every character at every place of a ${kind} plate of ${slots.length} (form ${number + 1})`, () => {
      // Three plates of the form, so that no place is tried beside one neighbour only.
      for (const turn of [0, 7, 19]) {
        const base = slots.map((slot) => Array.from(slot)[turn % Array.from(slot).length]!);
        expect(classifyPlate(base.join(''))).toBe(kindsFitting(base.join(''))[0]);
        for (let place = 0; place < base.length; place += 1) {
          for (const character of plateCharacters) {
            const text = base.with(place, character).join('');
            const kinds = kindsFitting(text);
            const answer = classifyPlate(text);
            if (kinds.length === 0) expect([text, answer]).toEqual([text, null]);
            else expect([text, kinds]).toEqual([text, expect.arrayContaining([answer])]);
          }
        }
      }
    });

    it(`refuses a ${kind} plate of ${slots.length} that lost or gained a character, unless that is a plate too (form ${number + 1})`, () => {
      const base = slots.map((slot) => Array.from(slot)[3 % Array.from(slot).length]!);
      for (let place = 0; place < base.length; place += 1) {
        const lost = base.toSpliced(place, 1).join('');
        expect([lost, isLegalPlate(lost)]).toEqual([lost, kindsFitting(lost).length > 0]);
        for (const character of plateCharacters) {
          const gained = base.toSpliced(place, 0, character).join('');
          expect([gained, isLegalPlate(gained)]).toEqual([gained, kindsFitting(gained).length > 0]);
        }
      }
    });
  }

  it('agrees with the table on any text of plate characters', () => {
    const close = fc
      .tuple(fc.constantFrom(...slotsByKind.map(([, slots]) => slots)), fc.array(fc.nat(4000), { maxLength: 9 }))
      .map(([slots, picks]) =>
        slots
          .map((slot, at) => {
            const pick = picks[at] ?? 0;
            // One place in six holds something from anywhere.
            const from = Array.from(pick % 6 === 0 ? plateCharacters : slot);
            return from[pick % from.length]!;
          })
          .join(''),
      );
    fc.assert(
      fc.property(close, (text) => {
        expect(isLegalPlate(text)).toBe(kindsFitting(text).length > 0);
      }),
      { numRuns: 3000 },
    );
  });

  it('never has a use for a colour but to tell large from small and to refuse seven on green', () => {
    for (const [, slots] of slotsByKind) {
      const text = slots.map((slot) => Array.from(slot)[5 % Array.from(slot).length]!).join('');
      const plain = classifyPlate(text);
      for (const color of plateColors) {
        const colored = classifyPlate(text, color);
        if (plain === 'small') {
          const green = color === 'green' || color === 'yellow-green';
          expect([text, color, colored]).toEqual([text, color, green ? null : color === 'yellow' ? 'large' : 'small']);
        } else expect([text, color, colored]).toEqual([text, color, plain]);
      }
    }
  });

  it('gives every kind at least one colour, and its usual one stands for it', () => {
    for (const kind of plateKinds) expect(colorsOfKind[kind].length).toBeGreaterThan(0);
  });
});

describe('possible plates', () => {
  const legal = fc.oneof(...Object.values(textsByKind));

  it('are never the same plate, and possible both ways or neither', () => {
    fc.assert(
      fc.property(legal, legal, (a, b) => {
        expect(isPossiblePlate(a, a)).toBe(false);
        expect(isPossiblePlate(a, b)).toBe(isPossiblePlate(b, a));
      }),
    );
  });

  it('never differ in the first character, whatever is confusable with it', () => {
    fc.assert(
      fc.property(legal, oneOf(plateCharacters), (text, first) => {
        const other = Array.from(text).with(0, first).join('');
        expect(isPossiblePlate(text, other)).toBe(false);
      }),
    );
  });

  it('are exactly the texts with one confusable character at one later place', () => {
    fc.assert(
      fc.property(legal, fc.nat(8), oneOf(plateCharacters), (text, pick, character) => {
        const characters = Array.from(text);
        const place = 1 + (pick % (characters.length - 1));
        const other = characters.with(place, character).join('');
        const apart = characterDistance(characters[place]!, character);
        expect(isPossiblePlate(text, other)).toBe(apart > 0 && apart < 1);
      }),
      { numRuns: 500 },
    );
  });
});
