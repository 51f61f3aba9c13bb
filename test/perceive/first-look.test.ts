import { expect, it } from 'vitest';
import type { BoxPx } from '../../gateway/domain/plate.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';
import { loadModel, shippedModelsDir, type LoadedModel } from '../../gateway/perceive/model-store.ts';
import { openPlateFinder, type PictureKind, type PlateCandidate } from '../../gateway/perceive/plate-finder.ts';
import { createScaler } from '../../gateway/perceive/resample.ts';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import { randomPlate, simulatedKinds } from '../support/simulators/plate-text.ts';
import { createRandom } from '../support/simulators/random.ts';
import { drawnScene } from './drawn-scene.ts';

const random = createRandom(8);
const picture = drawnScene(
  1280,
  720,
  simulatedKinds.slice(0, 6).map((kind, index) => ({
    plate: drawPlate(randomPlate(random, kind), 1.5),
    centreX: 220 + (index % 3) * 420,
    centreY: 200 + Math.floor(index / 3) * 330,
    widthPx: 90 + index * 20,
    degrees: index * 3 - 8,
  })),
);
const whole: BoxPx = [0, 0, picture.widthPx, picture.heightPx];

async function platesOf(
  kind: PictureKind,
  firstLook: (ours: LoadedModel | null) => LoadedModel | null = (ours) => ours,
): Promise<readonly PlateCandidate[]> {
  const model = await loadModel(shippedModelsDir(), 'plate-finder');
  const finder = await openPlateFinder({ ...model, firstLook: firstLook(model.firstLook) }, 1, createScaler());
  try {
    return await finder.find(picture, whole, 640, kind);
  } finally {
    await finder.release();
  }
}

it('finds with eight bits at the first look what it finds without, at the same corners', async () => {
  expect((await loadModel(shippedModelsDir(), 'plate-finder')).firstLook).not.toBeNull();
  const found = await platesOf('still');
  const without = await platesOf('still', () => null);
  expect(without).toHaveLength(6);
  expect(found).toHaveLength(6);
  for (const { box } of without)
    expect(Math.max(...found.map((other) => overlapRatio(other.box, box)))).toBeGreaterThan(0.85);
});

it('takes the eight bits for stills alone', async () => {
  const spoilt = (ours: LoadedModel | null): LoadedModel | null =>
    ours && { ...ours, takeBytes: () => Buffer.from('no network') };
  expect(await platesOf('live', spoilt)).toHaveLength(6);
  await expect(platesOf('still', spoilt)).rejects.toMatchObject({ code: 'models.checksum' });
});
