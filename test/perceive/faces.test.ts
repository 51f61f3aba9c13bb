import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BoxPx } from '../../gateway/domain/plate.ts';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import { createCameraWatch } from '../../gateway/perceive/camera-watch.ts';
import type { FoundFace } from '../../gateway/perceive/face-finder.ts';
import { facePose } from '../../gateway/perceive/face-pose.ts';
import { faceQuality } from '../../gateway/perceive/face-quality.ts';
import { overlapRatio } from '../../gateway/perceive/geometry.ts';
import { stillLooks } from '../../gateway/perceive/looks.ts';
import { readManifest, shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { cameraOptions, perceptionOptions } from '../../gateway/perceive/options.ts';
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { decodePicture, type Picture } from '../../gateway/perceive/picture.ts';
import type { PassageCandidate, PassageJpegs } from '../../gateway/perceive/worker-protocol.ts';

// NASA's portrait of Eileen Collins, public domain: see test/support/simulators/README.md.
const portraitFile = new URL('../support/simulators/pictures/eileen-collins.jpg', import.meta.url);
const scene = { width: 1280, height: 720 };

let perceiver: Perceiver;
let portrait: { picture: Picture; face: BoxPx };
const facesIn = async (picture: Picture) =>
  (await perceiver.perceive(picture, { ...stillLooks(picture, []), plates: [] })).faces;

beforeAll(async () => {
  const modelsDir = shippedModelsDir();
  perceiver = await openPerceiver({ modelsDir, threads: 1, minPlateWidthPx: 30, ebikePatterns: [] });
  const picture = await decodePicture(readFileSync(portraitFile));
  const [face] = await facesIn(picture);
  portrait = { picture, face: face?.box ?? [0, 0, 0, 0] };
});
afterAll(() => perceiver.release());

/** The portrait so large that its face is `facePx` wide, with the face's middle at (x, y), on a grey wall with a lamp. */
async function onAWall(people: readonly { x: number; y: number; facePx: number; blur?: number }[]): Promise<Picture> {
  const { picture, face } = portrait;
  const layers = await Promise.all(
    people.map(async ({ x, y, facePx, blur }) => {
      const scale = facePx / face[2];
      const raw = { width: picture.widthPx, height: picture.heightPx, channels: 3 as const };
      const width = Math.round(picture.widthPx * scale);
      const height = Math.round(picture.heightPx * scale);
      const small = sharp(picture.rgb, { raw }).resize(width, height, { fit: 'fill' });
      const input = await (blur === undefined ? small : small.blur(blur)).png().toBuffer();
      const left = Math.round(x - (face[0] + face[2] / 2) * scale);
      const top = Math.round(y - (face[1] + face[3] / 2) * scale);
      return { input, left, top };
    }),
  );
  const rgb = await sharp({ create: { ...scene, channels: 3, background: '#7d8580' } })
    .composite(layers)
    .removeAlpha()
    .raw()
    .toBuffer();
  return { widthPx: scene.width, heightPx: scene.height, rgb };
}

describe('faces of every size', () => {
  it.each([20, 28, 40, 80, 160])('are found once where they are %s px wide in a 1280 px frame', async (facePx) => {
    const picture = await onAWall([{ x: 700, y: 330, facePx }]);
    const faces = await facesIn(picture);
    expect(faces).toHaveLength(1);
    const box: BoxPx = [700 - facePx / 2, 330 - facePx * 0.65, facePx, facePx * 1.3];
    expect(overlapRatio(faces[0]!.box, box)).toBeGreaterThan(0.5);
  });

  it('are found side by side, with their points in their own face', async () => {
    const faces = await facesIn(
      await onAWall([
        { x: 300, y: 300, facePx: 60 },
        { x: 900, y: 300, facePx: 60 },
      ]),
    );
    expect(faces).toHaveLength(2);
    for (const { box, points } of faces) {
      const { rightEye, leftEye, nose, mouth } = points;
      for (const [x, y] of [rightEye, leftEye, nose, mouth]) {
        expect(x > box[0] && x < box[0] + box[2]).toBe(true);
        expect(y > box[1] && y < box[1] + box[3]).toBe(true);
      }
      expect(rightEye[0]).toBeLessThan(nose[0]);
      expect(nose[0]).toBeLessThan(leftEye[0]);
      expect(nose[1]).toBeGreaterThan(Math.max(rightEye[1], leftEye[1]));
      expect(mouth[1]).toBeGreaterThan(nose[1]);
      expect(facePose(points).frontalRatio).toBeGreaterThan(0.8);
    }
  });

  it('lean as the picture is turned', async () => {
    const upright = await onAWall([{ x: 640, y: 360, facePx: 100 }]);
    const raw = { width: scene.width, height: scene.height, channels: 3 as const };
    const turned = await sharp(upright.rgb, { raw })
      .rotate(25, { background: '#7d8580' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const [before] = await facesIn(upright);
    const [after] = await facesIn({ widthPx: turned.info.width, heightPx: turned.info.height, rgb: turned.data });
    const lean = facePose(after!.points).rollDegrees - facePose(before!.points).rollDegrees;
    expect(Math.abs(lean - 25)).toBeLessThan(8);
  });
});

describe('the quality of a face', () => {
  const qualityOf = async (facePx: number, blur?: number): Promise<number> => {
    const picture = await onAWall([{ x: 640, y: 360, facePx, ...(blur === undefined ? {} : { blur }) }]);
    const [face] = await facesIn(picture);
    return faceQuality(picture, face!).ratio;
  };

  it('is better the larger and the sharper it is', async () => {
    const [small, large, blurred] = [await qualityOf(32), await qualityOf(96), await qualityOf(96, 4)];
    expect(large).toBeGreaterThan(small * 1.2);
    expect(large).toBeGreaterThan(blurred * 1.2);
    expect(large).toBeLessThanOrEqual(1);
  });
});

describe('a person who passes', () => {
  const watched = async (pictures: readonly Picture[], by: Perceiver = perceiver) => {
    const told: { passage: PassageCandidate; jpegs: PassageJpegs }[] = [];
    const watch = createCameraWatch({
      camera: cameraOptions.parse({
        id: 'door',
        name: '单元门',
        url: 'file:///door.mp4',
        direction: 'in',
        plates: false,
      }),
      perception: perceptionOptions.parse({}),
      perceiver: by,
      onPassage: (passage, jpegs) => {
        told.push({ passage, jpegs });
        return Promise.resolve();
      },
    });
    let ms = 0;
    for (const picture of pictures) {
      await watch.look({ ...picture, capturedAt: ms as EpochMs, mediaMs: ms });
      ms += 333;
    }
    await watch.finish();
    return told;
  };

  it('is one row with direction, quality and the best picture, the face in it marked for hiding', async () => {
    const empty = await onAWall([]);
    const coming = await Promise.all(
      Array.from({ length: 16 }, (_value, step) => {
        const blur = step === 15 ? { blur: 6 } : {};
        return onAWall([{ x: 560 + step * 10, y: 250 + step * 8, facePx: 40 + step * 5, ...blur }]);
      }),
    );
    const told = await watched([empty, empty, ...coming, empty, empty]);
    expect(told.map(({ passage }) => [passage.subject, passage.direction, passage.plate])).toEqual([
      ['person', 'in', null],
    ]);
    const [{ passage, jpegs }] = told as [(typeof told)[0]];
    expect(passage.faceQualityRatio).toBeGreaterThan(0.2);
    expect(passage.faceQualityRatio).toBeLessThanOrEqual(1);
    // The evidence is one of the last sharp ones, and not the very last, which is blurred.
    expect(passage.box[2]).toBeGreaterThan(80);
    expect(passage.readAt).toBeLessThan((2 + 15) * 333);
    expect(jpegs.faces.some((box) => overlapRatio(box, passage.box) > 0.3)).toBe(true);
  }, 60_000);

  it('is none where the portrait hangs on the wall', async () => {
    const poster = await onAWall([{ x: 640, y: 300, facePx: 80 }]);
    expect(await watched(Array.from({ length: 20 }, () => poster))).toEqual([]);
  }, 60_000);

  it('is none where only a part of the picture looks like a face, and the whole does not', async () => {
    const ghost: FoundFace = {
      ...{ confidence: 0.8, box: [560, 250, 80, 104] },
      points: { rightEye: [580, 290], leftEye: [620, 290], nose: [600, 312], mouth: [600, 330], ears: null },
    };
    const whole = (region: BoxPx): boolean => region[2] >= 1280 && region[3] >= 720;
    const seeing = (inWhole: boolean): Perceiver => ({
      ...perceiver,
      perceive: (_picture, { faces: looks }) => {
        const seen = looks.some(({ region, sidePx }) => inWhole || !whole(region) || sidePx < 640);
        const still = looks.some(({ region, sidePx }) => whole(region) && sidePx === 640);
        return Promise.resolve({
          ...{ plates: [], unread: [], rejected: [], timingsMs: { detect: 0, read: 0 } },
          faces: seen && (inWhole || !still) ? [ghost] : [],
        });
      },
    });
    const empty = await onAWall([]);
    const pictures = await Promise.all(
      Array.from({ length: 12 }, (_value, step) => onAWall([{ x: 600 + step * 4, y: 300, facePx: 80 }])),
    );
    expect(await watched([empty, ...pictures], seeing(false))).toEqual([]);
    expect(await watched([empty, ...pictures], seeing(true))).toHaveLength(1);
  }, 60_000);
});

describe('nobody is identified', () => {
  it('for a face gives its place, how sure it is and its points, and no other number', async () => {
    const picture = await onAWall([{ x: 640, y: 360, facePx: 120 }]);
    const [face] = await facesIn(picture);
    const numbers = (value: unknown): number =>
      typeof value === 'number'
        ? 1
        : typeof value === 'object' && value !== null
          ? Object.values(value).reduce((sum: number, one) => sum + numbers(one), 0)
          : 0;
    expect(Object.keys(face!).sort()).toEqual(['box', 'confidence', 'points']);
    expect(Object.keys(face!.points).sort()).toEqual(['ears', 'leftEye', 'mouth', 'nose', 'rightEye']);
    // Box 4, confidence 1, six points.
    expect(numbers(face)).toBe(17);
  });

  it('has no model for it: none of a role that compares faces, and the face model gives boxes and scores alone', async () => {
    const { models } = await readManifest(shippedModelsDir());
    expect([...new Set(models.map(({ role }) => role))].sort()).toEqual(
      ['face-finder', 'plate-finder', 'plate-reader', 'second-reader'].filter((role) =>
        models.some((model) => model.role === role),
      ),
    );
    const [shipped] = models.filter(({ role, optional }) => role === 'face-finder' && optional !== true);
    expect(shipped?.output).toMatch(/^boxes \[N,16,H\/4,W\/4\] .*, scores \[N,1,H\/4,W\/4\]/);
  });
});
