import sharp from 'sharp';
import type { BoxPx } from '../domain/plate.ts';
import { GatewayError, codeOf, messageOf } from '../lib/errors.ts';
import { rgbRegion } from './yuv.ts';

/** RGB24 pixels, row by row. */
export interface Picture {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly rgb: Uint8Array;
}

/**
 * A picture as decoders give it (I420, BT.601, 16..235; width and height even): brightness, then the two planes of colour
 * at half the size. Half the bytes of RGB, and where only brightness is asked for nothing is converted (`yuv.ts`).
 */
export interface YuvPicture {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly yuv: Uint8Array;
}

/** A picture of either kind: stills are RGB, decoded video is not. */
export type Pixels = Picture | YuvPicture;

/** A phone's largest picture has 50 to 108 million pixels; beyond, three bytes each are more memory than a small box has. */
const maxPixels = 110_000_000;

/**
 * Decodes a still picture (JPEG, PNG, WebP, TIFF, GIF, AVIF; any bit depth, grey, CMYK, alpha over black) to RGB, turned
 * as its EXIF says. A truncated file is read as far as it goes, the rest stays grey.
 * Throws GatewayError `picture.unreadable`, `picture.too-large`.
 */
export async function decodePicture(input: string | Uint8Array): Promise<Picture> {
  try {
    const { data, info } = await sharp(input, { failOn: 'none', limitInputPixels: maxPixels, sequentialRead: true })
      .autoOrient()
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = info.width * info.height;
    if (info.channels === 3) return { widthPx: info.width, heightPx: info.height, rgb: data };
    const rgb = new Uint8Array(pixels * 3);
    for (let at = 0; at < pixels; at += 1) rgb.fill(data[at * info.channels] ?? 0, at * 3, at * 3 + 3);
    return { widthPx: info.width, heightPx: info.height, rgb };
  } catch (error) {
    const message = messageOf(error);
    // sharp gives no code for this; the limit is ours, so its own words are the only sign.
    if (message.includes('pixel limit'))
      throw new GatewayError('picture.too-large', `the picture has more than ${maxPixels / 1e6} million pixels`, {
        cause: error,
      });
    const missing = codeOf(error) === 'ENOENT' || message.includes('Input file is missing');
    throw new GatewayError('picture.unreadable', missing ? 'there is no such file' : `cannot be decoded: ${message}`, {
      cause: error,
    });
  }
}

/**
 * JPEG of a picture or a part of it, scaled down until it is at most `maxBytes` long: first the quality goes down to 50,
 * then the size. `maxBytes` below 2 kB is not promised.
 */
export async function encodeJpeg(
  picture: Pixels,
  options: { readonly maxBytes: number; readonly box?: BoxPx },
): Promise<Uint8Array> {
  const region = clipBox(options.box ?? [0, 0, picture.widthPx, picture.heightPx], picture);
  const { rgb: source, left, top } = rgbRegion(picture, region);
  const raw = { width: source.widthPx, height: source.heightPx, channels: 3 as const };
  let widthPx = region[2];
  let step = 0;
  for (;;) {
    let pipeline = sharp(source.rgb, { raw });
    if (region[2] !== source.widthPx || region[3] !== source.heightPx)
      pipeline = pipeline.extract({
        left: region[0] - left,
        top: region[1] - top,
        width: region[2],
        height: region[3],
      });
    const { quality, length } = qualities[step] ?? lowest;
    const jpeg = await pipeline.resize({ width: widthPx, withoutEnlargement: true }).jpeg({ quality }).toBuffer();
    if (jpeg.length <= options.maxBytes || widthPx <= 64) return jpeg;
    // As far down as it has to go, at once: each try costs 10 ms for 1280 × 720.
    const wanted = (length * options.maxBytes) / jpeg.length;
    const next = qualities.findIndex((other, at) => at > step && other.length <= wanted);
    if (next === -1) widthPx = Math.max(Math.floor(widthPx * Math.min(Math.sqrt(wanted / lowest.length), 0.95)), 64);
    step = next === -1 ? qualities.length - 1 : next;
  }
}

const lowest = { quality: 50, length: 0.6 } as const;
/** With their lengths as shares of the first, of gate scenes by day and night (0.69 to 0.75 and 0.52 to 0.6). */
const qualities = [{ quality: 80, length: 1 }, { quality: 65, length: 0.75 }, lowest] as const;

/** The part of a box inside the picture, in whole pixels, at least 1 × 1. */
export function clipBox(box: BoxPx, picture: Pick<Picture, 'widthPx' | 'heightPx'>): BoxPx {
  const left = Math.min(Math.max(Math.floor(box[0]), 0), picture.widthPx - 1);
  const top = Math.min(Math.max(Math.floor(box[1]), 0), picture.heightPx - 1);
  const right = Math.min(Math.max(Math.ceil(box[0] + box[2]), left + 1), picture.widthPx);
  const bottom = Math.min(Math.max(Math.ceil(box[1] + box[3]), top + 1), picture.heightPx);
  return [left, top, right - left, bottom - top];
}
