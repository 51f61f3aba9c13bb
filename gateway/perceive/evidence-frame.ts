import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Frame } from './frame-source.ts';
import { encodeJpeg, type Pixels } from './picture.ts';
import type { PassageJpegs } from './worker-protocol.ts';

/** A frame kept as it was, with where in it the plate or face stands. */
export interface KeptFrame {
  readonly picture: Pixels;
  readonly capturedAt: EpochMs;
  readonly box: BoxPx;
}

/** Copies a frame's pixels, into `reuse`'s memory where it has the same size. */
export function keepFrame(frame: Frame, box: BoxPx, reuse: KeptFrame | null): KeptFrame {
  return { picture: copyPixels(frame, reuse?.picture), capturedAt: frame.capturedAt, box };
}

/** A picture in memory of its own, or in that of one that is not wanted any more. */
export function copyPixels(picture: Pixels, reuse?: Pixels): Pixels {
  const { widthPx, heightPx } = picture;
  const copy = (from: Uint8Array): Uint8Array => {
    const old = reuse && bytesOf(reuse);
    const bytes = old && old.length === from.length ? old : new Uint8Array(from.length);
    bytes.set(from);
    return bytes;
  };
  return 'rgb' in picture
    ? { widthPx, heightPx, rgb: copy(picture.rgb) }
    : { widthPx, heightPx, yuv: copy(picture.yuv) };
}

const bytesOf = (picture: Pixels): Uint8Array => ('rgb' in picture ? picture.rgb : picture.yuv);

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
