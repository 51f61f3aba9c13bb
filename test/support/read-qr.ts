import jsQR from 'jsqr';
import sharp from 'sharp';

/** What a phone reads of the QR code in that picture (any form that sharp knows, SVG too); null where it reads none. */
export async function readQr(picture: Buffer): Promise<string | null> {
  // A phone sees it larger than one pixel a module, on the paper around it.
  const { data, info } = await sharp(picture)
    .resize({ width: 600 })
    .flatten({ background: '#fff' })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return jsQR.default(new Uint8ClampedArray(data), info.width, info.height)?.data ?? null;
}
