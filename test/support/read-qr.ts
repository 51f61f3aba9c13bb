import { createRequire } from 'node:module';
import sharp from 'sharp';

/** Its type definitions say one thing to Node's module resolution and another to a bundler's. */
const jsQR = createRequire(import.meta.url)('jsqr') as (
  rgba: Uint8ClampedArray,
  widthPx: number,
  heightPx: number,
) => { readonly data: string } | null;

/** What a phone reads of the QR code in that picture (any form that sharp knows, SVG too); null where it reads none. */
export async function readQr(picture: Buffer): Promise<string | null> {
  // A phone sees it larger than one pixel a module, on the paper around it.
  const { data, info } = await sharp(picture)
    .resize({ width: 600 })
    .flatten({ background: '#fff' })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return jsQR(new Uint8ClampedArray(data), info.width, info.height)?.data ?? null;
}
