import { describe, expect, it } from 'vitest';
import { colorOfKind, ebikePlates, randomKind, randomPlate, simulatedKinds, type SimulatedKind } from './plate-text.ts';
import { createRandom } from './random.ts';

const province = '[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新]';
const serial = '[A-HJ-NP-Z0-9]';
/** standards.md section 7, written down here a second time. */
const legal: Readonly<Record<SimulatedKind, RegExp>> = {
  small: new RegExp(`^${province}[A-HJ-NP-Z]${serial}{5}$`),
  large: new RegExp(`^${province}[A-HJ-NP-Z]${serial}{5}$`),
  'nev-small': new RegExp(`^${province}[A-HJ-NP-Z][A-HJK]${serial}\\d{4}$`),
  police: new RegExp(`^${province}[A-HJ-NP-Z][A-D0-9]\\d{3}警$`),
  'hk-macao': new RegExp(`^粤Z${serial}{4}[港澳]$`),
  embassy: /^使\d{6}$/,
  consulate: new RegExp(`^${province}[A-HJ-NP-Z]\\d{4}领$`),
  school: new RegExp(`^${province}[A-HJ-NP-Z]${serial}{4}学$`),
  trailer: new RegExp(`^${province}[A-HJ-NP-Z]${serial}{4}挂$`),
  'nev-large': new RegExp(`^${province}[A-HJ-NP-Z]\\d{5}[DF]$`),
  'armed-police': new RegExp(`^WJ${province}?\\d{4}[0-9TDSHBXJ]$`),
  military: /^[VKHBSLJNGCE][A-DJ-PR-TVY]\d{5}$/,
  aviation: new RegExp(`^民航${serial}{5}$`),
  temporary: new RegExp(`^${province}[A-HJ-NP-Z]${serial}{5}临$`),
  ebike: new RegExp(ebikePlates),
};

describe('plate texts', () => {
  it.each([...simulatedKinds, 'ebike'] as const)('makes only legal texts of kind %s', (kind) => {
    const random = createRandom(5);
    for (let count = 0; count < 500; count += 1) {
      const plate = randomPlate(random, kind);
      expect(plate.text).toMatch(legal[kind]);
      expect(plate.color).toBe(colorOfKind[kind]);
    }
  });

  it('gives the same plates for the same seed and others for another', () => {
    const some = (seed: number): string[] => {
      const random = createRandom(seed);
      return Array.from({ length: 20 }, () => randomPlate(random, randomKind(random)).text);
    };
    expect(some(4)).toEqual(some(4));
    expect(some(4)).not.toEqual(some(5));
  });

  it('shows every everyday kind, and blue most often', () => {
    const random = createRandom(1);
    const counts = new Map<SimulatedKind, number>();
    for (let count = 0; count < 2000; count += 1) {
      const kind = randomKind(random);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['embassy', 'hk-macao', 'large', 'nev-small', 'police', 'small']);
    expect(Math.max(...counts.values())).toBe(counts.get('small'));
  });
});
