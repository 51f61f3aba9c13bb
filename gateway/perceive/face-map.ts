import type { BoxPx, PointPx } from '../domain/plate.ts';
import type { FacePoints } from './face-finder.ts';

/** The two maps of one input, one cell for every `mapStridePx` of it. */
export interface FaceMaps {
  /** 16 planes: centre x y from the cell's middle, width, height, then six points x y from the cell's middle; input px. */
  readonly boxes: Float32Array;
  /** One plane of logits. */
  readonly scores: Float32Array;
  readonly columns: number;
  readonly rows: number;
}

/** A face in the input's own pixels, its box as the network draws it: from the brow to the chin. */
export interface MappedFace {
  readonly box: BoxPx;
  readonly confidence: number;
  readonly points: FacePoints;
}

export const mapStridePx = 4;
const planesOfBoxes = 16;

/** Faces in one picture's maps with at least the confidence asked for, overlapping ones not yet suppressed. */
export function decodeFaceMaps({ boxes, scores, columns, rows }: FaceMaps, minConfidence: number): MappedFace[] {
  const plane = columns * rows;
  const limit = Math.log(minConfidence / (1 - minConfidence));
  const found: MappedFace[] = [];
  for (let cell = 0; cell < plane; cell += 1) {
    const logit = scores[cell] as number;
    if (!(logit >= limit)) continue;
    const x = ((cell % columns) + 0.5) * mapStridePx;
    const y = (Math.floor(cell / columns) + 0.5) * mapStridePx;
    const value = (index: number): number => boxes[index * plane + cell] as number;
    const point = (index: number): PointPx => [x + value(4 + 2 * index), y + value(5 + 2 * index)];
    const width = value(2);
    const height = value(3);
    if (!(width > 0 && height > 0)) continue;
    found.push({
      box: [x + value(0) - width / 2, y + value(1) - height / 2, width, height],
      confidence: 1 / (1 + Math.exp(-logit)),
      points: {
        rightEye: point(0),
        leftEye: point(1),
        nose: point(2),
        mouth: point(3),
        ears: [point(4), point(5)],
      },
    });
  }
  return found;
}

/** Whether maps have the sizes that this form promises. */
export const areFaceMaps = (boxes: Float32Array, scores: Float32Array, cells: number): boolean =>
  boxes.length === planesOfBoxes * cells && scores.length === cells;
