import sharp, { type OverlayOptions } from 'sharp';
import type { BoxPx } from '../domain/plate.ts';

/**
 * The picture with every face box, widened by a third, replaced by a coarse mosaic.
 * A mosaic of 6 cells across keeps that somebody stood there and how tall, and nothing that a person could be told by;
 * a Gaussian blur alone can partly be undone.
 */
export async function blurFaces(jpeg: Uint8Array, faces: readonly BoxPx[]): Promise<Uint8Array> {
  if (faces.length === 0) return jpeg;
  const { width, height } = await sharp(jpeg).metadata();
  const overlays: OverlayOptions[] = [];
  for (const [left, top, boxWidth, boxHeight] of faces) {
    const x = Math.max(0, Math.floor(left - boxWidth / 6));
    const y = Math.max(0, Math.floor(top - boxHeight / 6));
    const w = Math.min(width, Math.ceil(left + boxWidth * (7 / 6))) - x;
    const h = Math.min(height, Math.ceil(top + boxHeight * (7 / 6))) - y;
    if (w < 1 || h < 1) continue;
    const cells = { width: Math.min(6, w), height: Math.max(1, Math.min(8, Math.round((6 * h) / w), h)) };
    // Two passes: sharp folds two resizes of one pipeline into one.
    const coarse = await sharp(jpeg)
      .extract({ left: x, top: y, width: w, height: h })
      .resize({ ...cells, fit: 'fill', kernel: 'cubic' })
      .png()
      .toBuffer();
    const input = await sharp(coarse).resize({ width: w, height: h, fit: 'fill', kernel: 'nearest' }).png().toBuffer();
    overlays.push({ input, left: x, top: y });
  }
  return sharp(jpeg).composite(overlays).jpeg({ quality: 82 }).toBuffer();
}
