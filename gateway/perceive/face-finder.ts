import type { BoxPx } from '../domain/plate.ts';
import type { LoadedModel } from './model-store.ts';
import type { Picture } from './picture.ts';
import type { Scaler, TensorForm } from './resample.ts';
import { suppress } from './geometry.ts';
import { openSession } from './session.ts';

/** A face, from hairline to chin. Where it is, and nothing of who it is. */
export interface FoundFace {
  readonly box: BoxPx;
  readonly confidence: number;
}

export interface FaceFinder {
  /** Faces in the region (whole pixels inside the picture), looked for once at each of the given sizes of its longer side. */
  find(picture: Picture, region: BoxPx, sidesPx: readonly number[]): Promise<FoundFace[]>;
  release(): Promise<void>;
}

/** −1..1, as MediaPipe's graph feeds it. */
const form: TensorForm = {
  order: 'rgb',
  scale: [1 / 127.5, 1 / 127.5, 1 / 127.5],
  offset: [-1, -1, -1],
  pad: -1,
};
/** One cell of the maps for every 4 px of the input. */
const strideInputPx = 4;

export interface FaceSettings {
  readonly threshold: number;
  /** The network's box runs from brow to chin; [dx, dy, sx, sy] in its own width and height makes it run from the hairline. */
  readonly transform: readonly [number, number, number, number];
}

export const defaultFaceSettings: FaceSettings = { threshold: 0.5, transform: [0.005, -0.046, 0.895, 1.16] };

/** MediaPipe's full-range face detector, made fully convolutional by `models/training/convert_face_finder.py`. */
export async function openFaceFinder(
  model: LoadedModel,
  threads: number,
  scaler: Scaler,
  settings: FaceSettings = defaultFaceSettings,
): Promise<FaceFinder> {
  const session = await openSession(model, threads);
  let buffer = new Float32Array(0);

  const findAt = async (picture: Picture, region: BoxPx, sidePx: number): Promise<FoundFace[]> => {
    const ratio = sidePx / Math.max(region[2], region[3]);
    const scaledWidth = Math.max(Math.round(region[2] * ratio), 4);
    const scaledHeight = Math.max(Math.round(region[3] * ratio), 4);
    const width = Math.ceil(scaledWidth / 32) * 32;
    const height = Math.ceil(scaledHeight / 32) * 32;
    const length = 3 * width * height;
    if (buffer.length < length) buffer = new Float32Array(length);
    const input = buffer.subarray(0, length);
    scaler.fill(picture, region, { width, height, scaledWidth, scaledHeight }, form, input);
    const [boxes, scores] = await session.run(input, [1, 3, height, width]);
    if (!boxes || !scores) return [];
    const columns = width / strideInputPx;
    const plane = columns * (height / strideInputPx);
    const scaleX = region[2] / scaledWidth;
    const scaleY = region[3] / scaledHeight;
    const limit = Math.log(settings.threshold / (1 - settings.threshold));
    const [dx, dy, sx, sy] = settings.transform;
    const found: FoundFace[] = [];
    for (let cell = 0; cell < plane; cell += 1) {
      const logit = scores.values[cell] as number;
      if (logit < limit) continue;
      const centerX = ((cell % columns) + 0.5) * strideInputPx + (boxes.values[cell] as number);
      const centerY = (Math.floor(cell / columns) + 0.5) * strideInputPx + (boxes.values[plane + cell] as number);
      const boxWidth = boxes.values[2 * plane + cell] as number;
      const boxHeight = boxes.values[3 * plane + cell] as number;
      const ownWidth = boxWidth * sx;
      const ownHeight = boxHeight * sy;
      found.push({
        box: [
          region[0] + (centerX + dx * boxWidth - ownWidth / 2) * scaleX,
          region[1] + (centerY + dy * boxHeight - ownHeight / 2) * scaleY,
          ownWidth * scaleX,
          ownHeight * scaleY,
        ],
        confidence: 1 / (1 + Math.exp(-logit)),
      });
    }
    return suppress(found, 0.3);
  };

  return {
    find: async (picture, region, sidesPx) => {
      const found: FoundFace[] = [];
      for (const sidePx of sidesPx) found.push(...(await findAt(picture, region, sidePx)));
      return suppress(found, 0.3);
    },
    release: () => session.release(),
  };
}
