import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stillLooks } from '../../gateway/perceive/looks.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { decodePicture } from '../../gateway/perceive/picture.ts';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import { ebikePlates, randomPlate, simulatedKinds, type SimulatedPlate } from '../support/simulators/plate-text.ts';
import { createRandom } from '../support/simulators/random.ts';
import { drawDoubleRow, drawnPlate, drawnScene, pictureOf } from './drawn-scene.ts';

let perceiver: Perceiver;
beforeAll(async () => {
  perceiver = await openPerceiver({
    modelsDir: shippedModelsDir(),
    threads: 1,
    minPlateWidthPx: 30,
    ebikePatterns: [],
  });
});
afterAll(() => perceiver.release());

const blue = (text: string): SimulatedPlate => ({ text, kind: 'small', color: 'blue' });

describe('reading plates', () => {
  // Drawn with a typeface of a Debian package, which is not the plates' own: figures on real plates are in models/README.md.
  for (const kind of simulatedKinds) {
    it(`reads drawn ${kind} plates with text, kind and colour`, async () => {
      const random = createRandom(7).fork(kind);
      const plates = Array.from({ length: 8 }, () => randomPlate(random, kind));
      let right = 0;
      for (const plate of plates) {
        const [seen] = (await perceiver.perceive(drawnPlate(plate, 150), { plates: 'whole-plate', faces: [] })).plates;
        if (seen?.reading.text !== plate.text) continue;
        right += 1;
        expect(seen.reading).toMatchObject({ kind: plate.kind, color: plate.color });
        expect(seen.reading.characterConfidenceRatios).toHaveLength(Array.from(plate.text).length);
      }
      expect(right).toBeGreaterThanOrEqual(6);
    });
  }

  it('reads e-bike plates of the form that a site has named, and knows none where it has not', async () => {
    const random = createRandom(7).fork('ebike');
    const plates = Array.from({ length: 8 }, () => randomPlate(random, 'ebike'));
    const own = await openPerceiver({
      modelsDir: shippedModelsDir(),
      threads: 1,
      minPlateWidthPx: 30,
      ebikePatterns: [new RegExp(ebikePlates, 'u')],
    });
    let right = 0;
    try {
      for (const plate of plates) {
        const picture = drawnPlate(plate, 130);
        const [seen] = (await own.perceive(picture, { plates: 'whole-plate', faces: [] })).plates;
        if (seen?.reading.text === plate.text && seen.reading.kind === 'ebike') right += 1;
        const [other] = (await perceiver.perceive(picture, { plates: 'whole-plate', faces: [] })).plates;
        expect(other?.reading.kind).not.toBe('ebike');
      }
    } finally {
      await own.release();
    }
    expect(right).toBeGreaterThanOrEqual(6);
  });

  it('reads a double row from the top and joins it', async () => {
    const picture = pictureOf(drawDoubleRow('浙B8K345', 200));
    const { plates } = await perceiver.perceive(picture, { plates: 'whole-plate', faces: [] });
    expect(plates).toHaveLength(1);
    expect(plates[0]?.reading).toMatchObject({ text: '浙B8K345', kind: 'large', color: 'yellow' });
  });

  it('gives exactly one entry for a crop that is no plate, and does not accept it', async () => {
    const grey = { widthPx: 90, heightPx: 30, rgb: new Uint8Array(90 * 30 * 3).fill(120) };
    const { plates } = await perceiver.perceive(grey, { plates: 'whole-plate', faces: [] });
    expect(plates).toHaveLength(1);
    expect(plates[0]?.reading).toMatchObject({ accepted: false, kind: 'unknown' });
  });
});

describe('finding plates', () => {
  const find = (picture: ReturnType<typeof drawnScene>) =>
    perceiver.perceive(picture, { ...stillLooks(picture, perceiver.stillSidesPx), faces: [] });

  it('finds plates in a picture, straight and turned, with box and corners around them', async () => {
    const picture = drawnScene(1280, 720, [
      { plate: drawPlate(blue('浙B12345'), 1), centreX: 320, centreY: 500, widthPx: 110 },
      {
        plate: drawPlate({ text: '沪AD12345', kind: 'nev-small', color: 'green' }, 1),
        centreX: 900,
        centreY: 420,
        widthPx: 150,
        degrees: 9,
      },
    ]);
    const { plates } = await find(picture);
    const byText = new Map(plates.map((plate) => [plate.reading.text, plate]));
    expect([...byText.keys()].sort()).toEqual(['沪AD12345', '浙B12345'].sort());
    const [left = 0, top = 0, width = 0, height = 0] = byText.get('浙B12345')?.box ?? [];
    expect(Math.abs(left + width / 2 - 320)).toBeLessThan(8);
    expect(Math.abs(top + height / 2 - 500)).toBeLessThan(8);
    const corners = byText.get('沪AD12345')?.corners;
    // Turned clockwise: the right end hangs lower.
    expect((corners?.[1][1] ?? 0) - (corners?.[0][1] ?? 0)).toBeGreaterThan(12);
  });

  it('finds a double-row plate as one plate', async () => {
    const plate = drawDoubleRow('京A12345', 400);
    const { plates } = await find(drawnScene(1280, 720, [{ plate, centreX: 640, centreY: 420, widthPx: 190 }]));
    expect(plates.map(({ reading }) => reading.text)).toEqual(['京A12345']);
  });

  it('takes no sign, time stamp or telephone number for a plate; what it looked at all the same has its reason', async () => {
    const { plates, rejected } = await find(
      drawnScene(1280, 720, [], ['门卫室 东门', '2026-11-22 08:15:30', '13800138000', 'AUDI']),
    );
    expect(plates.filter(({ reading }) => reading.accepted)).toEqual([]);
    for (const { reason } of rejected) expect(['not-a-plate', 'no-legal-format', 'too-small']).toContain(reason);
  });

  it('does not accept a plate on which stands what no plate carries, and does not lose it either', async () => {
    const plate = drawPlate(blue('11A1111'), 1);
    const { plates, rejected } = await find(
      drawnScene(1280, 720, [{ plate, centreX: 640, centreY: 400, widthPx: 150 }]),
    );
    expect(plates.filter(({ reading }) => reading.accepted)).toEqual([]);
    const reasons = [...plates.map((seen) => seen.rejected), ...rejected.map(({ reason }) => reason)];
    expect(reasons).toContain('no-legal-format');
  });

  it('counts a plate that is too small to be read', async () => {
    const strict = await openPerceiver({
      modelsDir: shippedModelsDir(),
      threads: 1,
      minPlateWidthPx: 200,
      ebikePatterns: [],
    });
    try {
      const picture = drawnScene(1280, 720, [
        { plate: drawPlate(blue('浙B12345'), 1), centreX: 640, centreY: 400, widthPx: 100 },
      ]);
      const seen = await strict.perceive(picture, { ...stillLooks(picture, strict.stillSidesPx), faces: [] });
      expect(seen.plates).toEqual([]);
      expect(seen.rejected.map(({ reason }) => reason)).toContain('too-small');
    } finally {
      await strict.release();
    }
  });

  it('leaves candidates unread when it is told to', async () => {
    const picture = drawnScene(1280, 720, [
      { plate: drawPlate(blue('浙B12345'), 1), centreX: 640, centreY: 400, widthPx: 120 },
    ]);
    const seen = await perceiver.perceive(picture, {
      ...stillLooks(picture, perceiver.stillSidesPx),
      faces: [],
      shouldRead: () => false,
    });
    expect(seen.plates).toEqual([]);
    expect(seen.unread.length).toBeGreaterThan(0);
  });

  it.each([
    ['1 × 1', 1, 1],
    ['3 × 900', 3, 900],
    ['900 × 2', 900, 2],
  ])('gives an empty answer for a picture of %s', async (_what, width, height) => {
    const picture = { widthPx: width, heightPx: height, rgb: new Uint8Array(width * height * 3) };
    const seen = await perceiver.perceive(picture, stillLooks(picture, perceiver.stillSidesPx));
    expect([seen.plates, seen.faces]).toEqual([[], []]);
  });
});

describe('finding faces', () => {
  const portrait = new URL('../support/simulators/pictures/eileen-collins.jpg', import.meta.url);

  it('finds the face of a portrait once, from hairline to chin', async () => {
    const picture = await decodePicture(readFileSync(portrait));
    const { faces } = await perceiver.perceive(picture, { ...stillLooks(picture, perceiver.stillSidesPx), plates: [] });
    expect(faces).toHaveLength(1);
    const [left = 0, top = 0, width = 0, height = 0] = faces[0]?.box ?? [];
    expect(left + width / 2).toBeGreaterThan(picture.widthPx * 0.3);
    expect(left + width / 2).toBeLessThan(picture.widthPx * 0.7);
    expect(height).toBeGreaterThan(width);
    expect(top).toBeGreaterThan(0);
  });

  it('finds none where there is none', async () => {
    const picture = drawnScene(1280, 720, [
      { plate: drawPlate(blue('浙B12345'), 1), centreX: 640, centreY: 400, widthPx: 120 },
    ]);
    const { faces } = await perceiver.perceive(picture, { ...stillLooks(picture, perceiver.stillSidesPx), plates: [] });
    expect(faces).toEqual([]);
  });
});
