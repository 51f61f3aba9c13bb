import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Frame } from './frame-source.ts';
import { encodeJpeg, type Picture } from './picture.ts';
import type { PassageJpegs } from './worker-protocol.ts';

/** A frame kept as it was, with where in it the plate or face stands. */
export interface KeptFrame {
  readonly picture: Picture;
  readonly capturedAt: EpochMs;
  readonly box: BoxPx;
}

/** Copies a frame's pixels, into `reuse`'s memory where it has the same size. */
export function keepFrame(frame: Frame, box: BoxPx, reuse: KeptFrame | null): KeptFrame {
  const old = reuse?.picture.rgb;
  const rgb = old && old.length === frame.rgb.length ? old : new Uint8Array(frame.rgb.length);
  rgb.set(frame.rgb);
  return { picture: { widthPx: frame.widthPx, heightPx: frame.heightPx, rgb }, capturedAt: frame.capturedAt, box };
}

/** A whole frame fits in an alert's notice and in a night of passages on a small disk. */
export const maxFrameBytes = 200_000;
const maxCropBytes = 30_000;

/** The pictures of a passage: the frame, and the plate or face with a margin of a third of its size. */
export async function evidenceJpegs(kept: KeptFrame, faces: readonly BoxPx[]): Promise<PassageJpegs> {
  const [left, top, width, height] = kept.box;
  const margin: BoxPx = [left - width / 3, top - height / 3, (width * 5) / 3, (height * 5) / 3];
  const [frame, crop] = await Promise.all([
    encodeJpeg(kept.picture, { maxBytes: maxFrameBytes }),
    encodeJpeg(kept.picture, { maxBytes: maxCropBytes, box: margin }),
  ]);
  return { frame, crop, faces, widthPx: kept.picture.widthPx, heightPx: kept.picture.heightPx };
}
