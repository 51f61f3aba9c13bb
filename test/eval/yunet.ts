import type { BoxPx } from '../../gateway/domain/plate.ts';
import { suppress } from '../../gateway/perceive/geometry.ts';
import type { LoadedModel } from '../../gateway/perceive/model-store.ts';
import type { Picture } from '../../gateway/perceive/picture.ts';
import { createScaler, letterbox } from '../../gateway/perceive/resample.ts';
import { openSession } from '../../gateway/perceive/session.ts';

const strides = [8, 16, 32] as const;
const threshold = 0.6;

/**
 * YuNet as a yardstick for faces, at 640 px. Its boxes run from brow to chin about as wide as the face: stretched to run
 * from the hairline, as the labels do.
 */
export async function openYunet(model: LoadedModel) {
  const names = strides.flatMap((stride) => [`cls_${stride}`, `obj_${stride}`, `bbox_${stride}`]);
  const session = await openSession(model, 1, names);
  const scaler = createScaler();
  return {
    find: async (picture: Picture): Promise<BoxPx[]> => {
      const region: BoxPx = [0, 0, picture.widthPx, picture.heightPx];
      const target = letterbox(region, 640);
      const { width, height, scaledWidth, scaledHeight } = target;
      const input = new Float32Array(3 * width * height);
      const form = { order: 'bgr', scale: [1, 1, 1], offset: [0, 0, 0], pad: 0 } as const;
      scaler.fill(picture, region, target, form, input);
      const outputs = await session.run(input, [1, 3, height, width]);
      const found: { box: BoxPx; confidence: number }[] = [];
      strides.forEach((stride, level) => {
        const [cls, obj, boxes] = [0, 1, 2].map((part) => outputs[level * 3 + part]?.values);
        if (!cls || !obj || !boxes) return;
        const columns = width / stride;
        for (let cell = 0; cell < cls.length; cell += 1) {
          const confidence = Math.sqrt(Math.max(cls[cell]!, 0) * Math.max(obj[cell]!, 0));
          if (confidence < threshold) continue;
          const cx = ((cell % columns) + boxes[cell * 4]!) * stride;
          const cy = (Math.floor(cell / columns) + boxes[cell * 4 + 1]!) * stride;
          const w = Math.exp(boxes[cell * 4 + 2]!) * stride;
          const h = Math.exp(boxes[cell * 4 + 3]!) * stride;
          const [sx, sy] = [region[2] / scaledWidth, region[3] / scaledHeight];
          found.push({ box: [(cx - w / 2) * sx, (cy - h / 2) * sy, w * sx, h * sy], confidence });
        }
      });
      return suppress(found, 0.3).map(({ box }) => box);
    },
    release: () => session.release(),
  };
}
