import type { PlateColor, PlateKind } from './plate.ts';

/** The 31 first characters of provinces, municipalities and autonomous regions (GA 36-2018). */
export const provinces = '京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新';
/** Letters and digits of a serial: never I, never O. */
export const serialCharacters = 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789';
/** Characters that stand on special plates only. */
export const specialCharacters = '警学挂港澳领使临超试民航';
/** Every character that can stand on a plate: what a reader's output is masked to. */
export const plateCharacters = `${provinces}${serialCharacters}IO${specialCharacters}`;

const P = `[${provinces}]`;
const L = '[A-HJ-NP-Z]';
const S = '[A-HJ-NP-Z0-9]';

/**
 * What may stand on a plate, by kind: GA 36-2018 as digested in the project's standards, section 7. The first that fits
 * names the kind. Of small and large only the colour tells which, so both are `ordinary` here.
 */
const patterns: readonly (readonly [PlateKind | 'ordinary', RegExp])[] = [
  ['ordinary', new RegExp(`^${P}${L}${S}{5}$`)],
  ['nev-small', new RegExp(`^${P}${L}[A-HJK]${S}\\d{4}$`)],
  ['nev-large', new RegExp(`^${P}${L}\\d{5}[A-HJK]$`)],
  ['police', new RegExp(`^${P}${L}${S}{4}警$`)],
  ['school', new RegExp(`^${P}${L}${S}{4}学$`)],
  ['trailer', new RegExp(`^${P}${L}${S}{4}挂$`)],
  ['consulate', new RegExp(`^${P}${L}${S}{4}领$`)],
  ['hk-macao', new RegExp(`^粤Z${S}{4}[港澳]$`)],
  ['embassy', /^(使\d{6}|\d{6}使)$/],
  ['armed-police', new RegExp(`^WJ${P}?\\d{4}[0-9TDSHBXJ]$`)],
  ['military', /^[VKHBSLJNGCE][A-DJ-PR-TVY]\d{5}$/],
  ['aviation', new RegExp(`^民航${S}{5}$`)],
  ['temporary', new RegExp(`^${P}${L}${S}{4,6}[临超试]$`)],
];

/**
 * The kind of plate that carries `text` (normalised), or null where no plate does.
 *
 * The text decides; the colour only tells large from small and refuses a seven-character text on a green ground: green
 * plates carry eight, so that text has lost one. `ebikePatterns` are the site's own (no national form exists) and are
 * tried last.
 */
export function classifyPlate(
  text: string,
  color?: PlateColor,
  ebikePatterns: readonly RegExp[] = [],
): PlateKind | null {
  for (const [kind, pattern] of patterns) {
    if (!pattern.test(text)) continue;
    if (kind !== 'ordinary') return kind;
    if (color === 'green' || color === 'yellow-green') continue;
    return color === 'yellow' ? 'large' : 'small';
  }
  return ebikePatterns.some((pattern) => pattern.test(text)) ? 'ebike' : null;
}

/** Whether a plate with this text can exist (see `classifyPlate`). */
export function isLegalPlate(text: string, color?: PlateColor, ebikePatterns: readonly RegExp[] = []): boolean {
  return classifyPlate(text, color, ebikePatterns) !== null;
}

/** The colours that plates of a kind have; the first is the usual one. */
export const colorsOfKind: Readonly<Record<PlateKind, readonly PlateColor[]>> = {
  small: ['blue'],
  large: ['yellow'],
  'nev-small': ['green'],
  'nev-large': ['yellow-green', 'green'],
  police: ['white'],
  embassy: ['black'],
  consulate: ['black'],
  'hk-macao': ['black'],
  'armed-police': ['white'],
  military: ['white'],
  trailer: ['yellow'],
  school: ['yellow'],
  aviation: ['green'],
  temporary: ['white', 'blue', 'yellow'],
  ebike: ['white', 'green', 'blue', 'yellow'],
  unknown: ['blue', 'yellow', 'green', 'yellow-green', 'white', 'black'],
};

const dropped = /[\s·•・.\-‧∙●_]/gu;

/**
 * One way of writing a plate: trimmed, upper case, full-width to half-width, without dot, dash or space; O becomes 0 and
 * I becomes 1 from the third character on, where the letters cannot stand. Never repairs a province.
 * Normalising twice changes nothing.
 */
export function normalisePlate(raw: string): string {
  const plain = raw.normalize('NFKC').toUpperCase().replace(dropped, '');
  return Array.from(plain)
    .map((character, index) => (index < 2 ? character : character === 'O' ? '0' : character === 'I' ? '1' : character))
    .join('');
}

/** Pairs that readers mix up, with the price of taking one for the other; any other pair costs 1. */
const confusable = new Map<string, number>();
for (const [group, cost] of [
  ['0DQO', 0.3],
  ['8B', 0.3],
  ['2Z', 0.3],
  ['5S', 0.3],
  ['1TI', 0.4],
  ['17', 0.4],
  ['T7', 0.4],
  ['UV', 0.5],
  ['6G', 0.5],
  ['CG', 0.5],
  ['EF', 0.5],
  ['HN', 0.5],
  ['MW', 0.5],
  ['京辽', 0.5],
  ['苏赣', 0.5],
  ['鲁鄂', 0.5],
] as const) {
  for (const a of group) {
    for (const b of group) {
      if (a !== b) confusable.set(`${a}${b}`, Math.min(cost, confusable.get(`${a}${b}`) ?? 1));
    }
  }
}

/** Price of reading `a` where `b` stands: 0 for the same, below 1 for pairs that readers mix up, else 1. */
export function characterDistance(a: string, b: string): number {
  return a === b ? 0 : (confusable.get(`${a}${b}`) ?? 1);
}

/**
 * How far two normalised plates are apart: the cheapest way of turning one into the other, where a character that is
 * often mixed up costs less than another and a lost or added one costs 1. 0 = the same; symmetric.
 */
export function plateDistance(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  let previous = right.map((_, index) => index + 1);
  previous.unshift(0);
  left.forEach((character, row) => {
    const current = [row + 1];
    right.forEach((other, column) => {
      current.push(
        Math.min(
          (previous[column] ?? 0) + characterDistance(character, other),
          (previous[column + 1] ?? 0) + 1,
          (current[column] ?? 0) + 1,
        ),
      );
    });
    previous = current;
  });
  return previous[right.length] ?? left.length;
}

/**
 * Whether `read` may be the `listed` plate: the same length, the same first character, and exactly one other character
 * that readers mix up. Such a match is told as "possible", never as certain, and never across provinces.
 */
export function isPossiblePlate(read: string, listed: string): boolean {
  const a = Array.from(read);
  const b = Array.from(listed);
  if (a.length !== b.length || a[0] !== b[0]) return false;
  const unequal = a.filter((character, index) => character !== b[index]).length;
  return unequal === 1 && plateDistance(read, listed) < 1;
}
