import type { BoxPx, PointPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { withoutFacesInFaces, type FaceFinder, type FoundFace } from './face-finder.ts';
import { suppress } from './geometry.ts';
import type { LoadedModel } from './model-store.ts';
import { letterbox, type Scaler, type TensorForm } from './resample.ts';
import { openSession } from './session.ts';

const form: TensorForm = { order: 'bgr', scale: [1, 1, 1], offset: [0, 0, 0], pad: 0 };
const strides = [8, 16, 32] as const;
const defaultThreshold = 0.6;

/**
 * YuNet with an input of any size (libfacedetection.train): at strides 8, 16 and 32 `cls` and `obj`, whose geometric mean
 * is the score, `bbox` and `kps` in units of the stride. Not shipped; for who pulls it (`kanmen models pull yunet`).
 */
export async function openYunetFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<FaceFinder> {
  const names = ['cls', 'obj', 'bbox', 'kps'].flatMap((name) => strides.map((stride) => `${name}_${stride}`));
  const session = await openSession(model, threads, names);
  const threshold = model.threshold ?? defaultThreshold;
  let buffer = new Float32Array(0);

  return {
    find: async (picture, region, sidesPx) => {
      const found: FoundFace[] = [];
      for (const sidePx of sidesPx) {
        const target = letterbox(region, sidePx);
        const { width, height } = target;
        if (buffer.length < 3 * width * height) buffer = new Float32Array(3 * width * height);
        const input = buffer.subarray(0, 3 * width * height);
        scaler.fill(picture, region, target, form, input);
        const outputs = await session.run(input, [1, 3, height, width]);
        const scaleX = region[2] / target.scaledWidth;
        const scaleY = region[3] / target.scaledHeight;
        strides.forEach((stride, level) => {
          const [classes, objects, boxes, points] = [0, 3, 6, 9].map((first) => outputs[first + level]?.values);
          const cells = (width / stride) * (height / stride);
          if (!classes || !objects || boxes?.length !== 4 * cells || points?.length !== 10 * cells)
            throw new GatewayError('models.checksum', `${model.name} gives no maps of ${cells} cells`);
          for (let cell = 0; cell < cells; cell += 1) {
            const score = Math.max(classes[cell] as number, 0) * Math.max(objects[cell] as number, 0);
            if (score < threshold * threshold) continue;
            const column = cell % (width / stride);
            const row = Math.floor(cell / (width / stride));
            const box = (index: number): number => boxes[cell * 4 + index] as number;
            const point = (index: number): PointPx => [
              region[0] + (column + (points[cell * 10 + 2 * index] as number)) * stride * scaleX,
              region[1] + (row + (points[cell * 10 + 2 * index + 1] as number)) * stride * scaleY,
            ];
            const ownWidth = Math.exp(box(2)) * stride;
            const ownHeight = Math.exp(box(3)) * stride;
            const left = (column + box(0)) * stride - ownWidth / 2;
            const top = (row + box(1)) * stride - ownHeight / 2;
            const inPicture: BoxPx = [
              region[0] + left * scaleX,
              region[1] + top * scaleY,
              ownWidth * scaleX,
              ownHeight * scaleY,
            ];
            const [rightMouth, leftMouth] = [point(3), point(4)];
            found.push({
              box: inPicture,
              confidence: Math.min(Math.sqrt(score), 1),
              points: {
                rightEye: point(0),
                leftEye: point(1),
                nose: point(2),
                mouth: [(rightMouth[0] + leftMouth[0]) / 2, (rightMouth[1] + leftMouth[1]) / 2],
                ears: null,
              },
            });
          }
        });
      }
      return withoutFacesInFaces(suppress(found, 0.3));
    },
    release: () => session.release(),
  };
}
