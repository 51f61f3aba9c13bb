import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { provinces, serialCharacters, specialCharacters } from '../../gateway/domain/plate-grammar.ts';
import type { CornersPx } from '../../gateway/domain/plate.ts';
import { cornersOfBox } from '../../gateway/perceive/geometry.ts';
import { loadModel, shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { doubleRows } from '../../gateway/perceive/plate-finder.ts';
import { openPlateReader, type PlateReader } from '../../gateway/perceive/plate-reader.ts';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import { randomPlate, simulatedKinds } from '../support/simulators/plate-text.ts';
import { createRandom } from '../support/simulators/random.ts';
import { drawDoubleRow, drawnScene } from './drawn-scene.ts';

let own: PlateReader;
let second: PlateReader;
beforeAll(async () => {
  own = await openPlateReader(await loadModel(shippedModelsDir(), 'plate-reader'), 1);
  const model = await loadModel(shippedModelsDir(), 'second-reader');
  if (!model) throw new Error('no second reader');
  second = await openPlateReader(model, 1);
});
afterAll(() => Promise.all([own.release(), second.release()]));

/** Eleven plates of many kinds in one picture, one of them with two rows: more than are read in one run. */
const random = createRandom(5);
const plates = simulatedKinds.slice(0, 10).map((kind) => randomPlate(random, kind));
const placed = plates.map((plate, index) => ({
  plate: drawPlate(plate, 1),
  centreX: 130 + (index % 4) * 320,
  centreY: 90 + Math.floor(index / 4) * 200,
  widthPx: 150,
}));
const double = { plate: drawDoubleRow('京A12345', 400), centreX: 1100, centreY: 560, widthPx: 170 };
const picture = drawnScene(1280, 720, [...placed, double]);
const rowsOf = ({ plate, centreX, centreY, widthPx }: (typeof placed)[number]): readonly CornersPx[] => {
  const height = (widthPx * plate.height) / plate.width;
  const corners = cornersOfBox([centreX - widthPx / 2, centreY - height / 2, widthPx, height]);
  return height / widthPx > 0.45 ? doubleRows(corners) : [corners];
};
const all = [...placed, double].map(rowsOf);
const textOf = ({ characters }: { characters: readonly { character: string }[] }): string =>
  characters.map(({ character }) => character).join('');

describe('the readers', () => {
  it('know every character that can stand on a plate', () => {
    const known = Array.from(provinces + serialCharacters + specialCharacters);
    expect(known.filter((character) => !own.knows(character))).toEqual([]);
    expect(known.filter((character) => !second.knows(character))).toEqual([]);
  });

  it.each([
    ['own', () => own],
    ['second', () => second],
  ] as const)(
    'read many plates together as each alone, in order: the %s',
    async (_name, reader) => {
      const together = (await reader().read(picture, all)).map(textOf);
      const alone: string[] = [];
      for (const rows of all) alone.push(...(await reader().read(picture, [rows])).map(textOf));
      expect(together).toEqual(alone);
      expect(together.at(-1)).toBe('京A12345');
    },
    60_000,
  );

  it('say of each character how sure they are and what else it may be, and of each plate its colour', async () => {
    const reads = await own.read(picture, all);
    for (const { characters } of reads) {
      for (const { character, ratio, candidates } of characters) {
        expect(ratio).toBeGreaterThan(0);
        expect(ratio).toBeLessThanOrEqual(1.000001);
        expect(candidates[0]?.[0]).toBe(character);
        const sum = candidates.reduce((total, [, share]) => total + share, 0);
        expect(sum).toBeLessThanOrEqual(1.0001);
      }
    }
    const colors = reads.slice(0, -1).map(({ color }) => color);
    expect(colors.filter((color, index) => color === plates[index]?.color).length).toBeGreaterThanOrEqual(9);
  });

  it('straighten: the own one reads slanted plates that are given to it by upright boxes', async () => {
    const slanted = plates.slice(0, 8).map((plate, index) => ({
      plate: drawPlate(plate, 1),
      centreX: 170 + (index % 4) * 310,
      centreY: 180 + Math.floor(index / 4) * 300,
      widthPx: 150,
      degrees: [-13, -9, 9, 13][index % 4]!,
    }));
    const boxes = slanted.map(({ plate, centreX, centreY, widthPx, degrees }): readonly CornersPx[] => {
      const turn = (Math.abs(degrees) * Math.PI) / 180;
      const heightPx = (widthPx * plate.height) / plate.width;
      const width = widthPx * Math.cos(turn) + heightPx * Math.sin(turn);
      const height = widthPx * Math.sin(turn) + heightPx * Math.cos(turn);
      return [cornersOfBox([centreX - width / 2, centreY - height / 2, width, height])];
    });
    const reads = (await own.read(drawnScene(1280, 720, slanted), boxes)).map(textOf);
    const right = reads.filter((text, index) => text === plates[index]?.text);
    // Before it straightened anything it read four of them.
    expect(right.length, reads.join()).toBeGreaterThanOrEqual(6);
  });

  it('answer nothing for no plates', async () => {
    expect(await own.read(picture, [])).toEqual([]);
    expect(await second.read(picture, [])).toEqual([]);
  });
});
