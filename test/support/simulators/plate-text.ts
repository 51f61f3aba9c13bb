import type { Random } from './random.ts';

/** Kinds that the simulated gates see; a part of the kinds in interfaces.md (the simulators import nothing of gateway/). */
export const simulatedKinds = [
  'small',
  'nev-small',
  'large',
  'police',
  'hk-macao',
  'embassy',
  'school',
  'trailer',
  'consulate',
  'nev-large',
  'armed-police',
  'military',
  'aviation',
  'temporary',
] as const;
export type SimulatedKind = (typeof simulatedKinds)[number] | 'ebike';

/** The form of e-bike plates at the simulated site, as `perception.ebikePlates` takes it: the city above, the number below. */
export const ebikePlates = '^宁波[A-Z]\\d{5}$';
export type SimulatedColor = 'blue' | 'green' | 'yellow-green' | 'yellow' | 'white' | 'black';

export interface SimulatedPlate {
  /** Without dot or space. */
  readonly text: string;
  readonly kind: SimulatedKind;
  readonly color: SimulatedColor;
  /** 2: two characters above, the rest below (440 × 220 mm). Absent: one row. */
  readonly rows?: 2;
}

const provinces = Array.from('京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新');
const letters = Array.from('ABCDEFGHJKLMNPQRSTUVWXYZ');
const digits = Array.from('0123456789');

export const colorOfKind: Readonly<Record<SimulatedKind, SimulatedColor>> = {
  small: 'blue',
  'nev-small': 'green',
  large: 'yellow',
  police: 'white',
  'hk-macao': 'black',
  embassy: 'black',
  consulate: 'black',
  school: 'yellow',
  trailer: 'yellow',
  'nev-large': 'yellow-green',
  'armed-police': 'white',
  military: 'white',
  aviation: 'green',
  temporary: 'white',
  ebike: 'white',
};

/** A random text that is legal for its kind (GA 36-2018; serials hold no I or O and at most two letters). */
export function randomPlate(random: Random, kind: SimulatedKind): SimulatedPlate {
  const province = random.pick(provinces);
  const city = random.pick(letters.filter((letter) => letter !== 'U'));
  const someDigits = (count: number): string => Array.from({ length: count }, () => random.pick(digits)).join('');
  const serial = (length: number): string => {
    const letterCount = random.pick([0, 1, 1, 1, 2, 2]);
    const flags = random.shuffle(Array.from({ length }, (_, index) => index < letterCount));
    return flags.map((isLetter) => random.pick(isLetter ? letters : digits)).join('');
  };
  const text = (): string => {
    switch (kind) {
      case 'small':
      case 'large':
        return `${province}${city}${serial(5)}`;
      case 'nev-small':
        return `${province}${city}${random.pick(Array.from('DDDAFF'))}${random.pick([...digits, ...Array.from('ABCDEFGH')])}${someDigits(4)}`;
      case 'police':
        return `${province}${city}${random.pick([...Array.from('ABCD'), ...digits])}${someDigits(3)}警`;
      case 'hk-macao':
        return `粤Z${serial(4)}${random.pick(['港', '澳'])}`;
      case 'embassy':
        return `使${someDigits(6)}`;
      case 'consulate':
        return `${province}${city}${someDigits(4)}领`;
      case 'school':
        return `${province}${city}${serial(4)}学`;
      case 'trailer':
        return `${province}${city}${serial(4)}挂`;
      case 'nev-large':
        return `${province}${city}${someDigits(5)}${random.pick(['D', 'F'])}`;
      case 'armed-police':
        return `WJ${random.pick([province, ''])}${someDigits(4)}${random.pick([...digits, ...Array.from('TDSHBXJ')])}`;
      case 'military':
        return `${random.pick(Array.from('VKHBSLJNGCE'))}${random.pick(Array.from('ABCDJKLMNPRSTVY'))}${someDigits(5)}`;
      case 'aviation':
        return `民航${serial(5)}`;
      case 'temporary':
        return `${province}${city}${serial(5)}临`;
      case 'ebike':
        return `宁波${random.pick(letters)}${someDigits(5)}`;
    }
  };
  return { text: text(), kind, color: colorOfKind[kind], ...(kind === 'ebike' ? { rows: 2 as const } : {}) };
}

/** How often each kind drives up, of 100: mostly blue and green, as at a real gate. */
const mix: readonly (readonly [SimulatedKind, number])[] = [
  ['small', 50],
  ['nev-small', 26],
  ['large', 9],
  ['police', 6],
  ['hk-macao', 5],
  ['embassy', 4],
];

export function randomKind(random: Random): SimulatedKind {
  let left = random.next() * 100;
  for (const [kind, share] of mix) {
    left -= share;
    if (left < 0) return kind;
  }
  return 'small';
}
