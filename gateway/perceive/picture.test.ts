import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { decodePicture, encodeJpeg } from './picture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kanmen-picture-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Red on the left, blue on the right. */
const halves = (widthPx: number, heightPx: number) => {
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  for (let at = 0; at < widthPx * heightPx; at += 1) rgb[at * 3 + (at % widthPx < widthPx / 2 ? 0 : 2)] = 255;
  return sharp(rgb, { raw: { width: widthPx, height: heightPx, channels: 3 } });
};
const pixel = (picture: { widthPx: number; rgb: Uint8Array }, x: number, y: number): number[] =>
  Array.from(picture.rgb.subarray((y * picture.widthPx + x) * 3, (y * picture.widthPx + x) * 3 + 3));
const near = (actual: number[], expected: number[]): void => {
  actual.forEach((value, index) => expect(Math.abs(value - (expected[index] ?? 0))).toBeLessThan(40));
};

describe('decoding pictures', () => {
  it('turns a picture as its EXIF says', async () => {
    const turned = await halves(80, 40).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    const picture = await decodePicture(turned);
    expect([picture.widthPx, picture.heightPx]).toEqual([40, 80]);
    near(pixel(picture, 20, 10), [255, 0, 0]);
    near(pixel(picture, 20, 70), [0, 0, 255]);
  });

  it('reads a truncated JPEG as far as it goes', async () => {
    const noise = new Uint8Array(200 * 200 * 3).map((_value, index) => (index * 7919) % 251);
    const whole = await sharp(noise, { raw: { width: 200, height: 200, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer();
    const picture = await decodePicture(whole.subarray(0, whole.length / 2));
    expect([picture.widthPx, picture.heightPx]).toEqual([200, 200]);
    expect(pixel(picture, 3, 3)).not.toEqual(pixel(picture, 190, 199));
  });

  it.each([
    ['a picture of one pixel', () => halves(1, 1).png()],
    ['16 bits a channel', () => halves(30, 20).toColourspace('rgb16').png()],
    ['CMYK', () => halves(30, 20).toColourspace('cmyk').jpeg()],
    ['one grey channel', () => halves(30, 20).greyscale().png()],
    ['an alpha channel', () => halves(30, 20).ensureAlpha(0.5).png()],
    ['WebP', () => halves(30, 20).webp({ lossless: true })],
  ])('gives 8-bit RGB of %s', async (_what, make) => {
    const picture = await decodePicture(await make().toBuffer());
    expect(picture.rgb.length).toBe(picture.widthPx * picture.heightPx * 3);
    expect(picture.rgb.some((value) => value > 60)).toBe(true);
  });

  it('keeps the colours of 16-bit and CMYK pictures', async () => {
    for (const make of [halves(40, 20).toColourspace('rgb16').png(), halves(40, 20).toColourspace('cmyk').jpeg()]) {
      const [red, , blue] = pixel(await decodePicture(await make.toBuffer()), 5, 10);
      expect(red).toBeGreaterThan((blue ?? 0) + 100);
    }
  });

  it('takes a picture of 48 million pixels', async () => {
    const large = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: '#204080' } })
      .jpeg()
      .toBuffer();
    const picture = await decodePicture(large);
    expect([picture.widthPx, picture.heightPx]).toEqual([8000, 6000]);
  });

  it('says by code that a picture is too large, unreadable or not there', async () => {
    const huge = await sharp({ create: { width: 20_000, height: 6000, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    await expect(decodePicture(huge)).rejects.toMatchObject({ code: 'picture.too-large' });
    const text = join(folder, 'text.jpg');
    writeFileSync(text, 'no picture at all');
    await expect(decodePicture(text)).rejects.toMatchObject({ code: 'picture.unreadable' });
    await expect(decodePicture(join(folder, 'nowhere.jpg'))).rejects.toMatchObject({ code: 'picture.unreadable' });
  });
});

describe('encoding evidence', () => {
  it('stays below the size asked for, whatever the picture holds', async () => {
    const rgb = new Uint8Array(1280 * 720 * 3);
    let state = 1;
    for (let at = 0; at < rgb.length; at += 1) {
      state = (state * 1103515245 + 12345) & 0x7fffffff;
      rgb[at] = state >> 16;
    }
    const jpeg = await encodeJpeg({ widthPx: 1280, heightPx: 720, rgb }, { maxBytes: 200_000 });
    expect(jpeg.length).toBeLessThanOrEqual(200_000);
    expect((await sharp(jpeg).metadata()).format).toBe('jpeg');
  });

  it('cuts out the part asked for, as far as it lies in the picture', async () => {
    const picture = await decodePicture(await halves(200, 100).png().toBuffer());
    const jpeg = await encodeJpeg(picture, { maxBytes: 50_000, box: [150, 60, 100, 80] });
    const { width, height } = await sharp(jpeg).metadata();
    expect([width, height]).toEqual([50, 40]);
  });
});
