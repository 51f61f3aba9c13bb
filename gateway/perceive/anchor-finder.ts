import type { CornersPx, PointPx } from '../domain/plate.ts';
import { GatewayError } from '../lib/errors.ts';
import { inPicture } from './corner-finder.ts';
import { suppress } from './geometry.ts';
import type { LoadedModel } from './model-store.ts';
import type { PlateFinder } from './plate-finder.ts';
import type { Scaler, TensorForm } from './resample.ts';
import { openSession } from './session.ts';

/** 0..1, padded with 114 as its training did. */
const form: TensorForm = { order: 'rgb', scale: [1 / 255, 1 / 255, 1 / 255], offset: [0, 0, 0], pad: 114 / 255 };
const defaultThreshold = 0.5;
/** Values of one anchor: centre, size, objectness, four corners, single row, double row. */
const anchorValues = 15;

/**
 * Plate detectors of the form that HyperLPR3 publishes (`y5fu`): a fixed square input, [1,N,15] out. Not shipped; for who
 * pulls one, and the yardstick of `npm run eval`.
 */
export async function openAnchorFinder(model: LoadedModel, threads: number, scaler: Scaler): Promise<PlateFinder> {
  const session = await openSession(model, threads);
  const side = session.inputShape[3];
  if (side === undefined || side < 32)
    throw new GatewayError('models.checksum', `${model.name} has no fixed square input: not of the form ${model.form}`);
  const input = new Float32Array(3 * side * side);
  const threshold = model.threshold ?? defaultThreshold;
  return {
    find: async (picture, region) => {
      const ratio = side / Math.max(region[2], region[3]);
      const scaledWidth = Math.max(Math.round(region[2] * ratio), 1);
      const scaledHeight = Math.max(Math.round(region[3] * ratio), 1);
      const target = { width: side, height: side, scaledWidth, scaledHeight };
      scaler.fill(picture, region, target, form, input);
      const [output] = await session.run(input, [1, 3, side, side]);
      const values = output?.values ?? new Float32Array(0);
      const found = [];
      for (let at = 0; at + anchorValues <= values.length; at += anchorValues) {
        const objectness = values[at + 4] as number;
        const single = objectness * (values[at + 13] as number);
        const double = objectness * (values[at + 14] as number);
        const confidence = Math.max(single, double);
        if (confidence < threshold) continue;
        const point = (index: number): PointPx => [
          values[at + 5 + index * 2] as number,
          values[at + 6 + index * 2] as number,
        ];
        const corners: CornersPx = [point(0), point(1), point(2), point(3)];
        found.push(inPicture({ corners, confidence, doubleRatio: double / (single + double) }, region, target));
      }
      return suppress(found, 0.3);
    },
    stillSidesPx: [side],
    liveLook: { scale: 1, maxSidePx: side, gridPx: 1 },
    release: () => session.release(),
  };
}
