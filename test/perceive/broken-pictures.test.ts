import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectFile } from '../../gateway/perceive/inspect-file.ts';
import type { InspectLine } from '../../gateway/perceive/inspect-line.ts';
import { shippedModelsDir } from '../../gateway/perceive/model-store.ts';
import { openPerceiver, type Perceiver } from '../../gateway/perceive/perceive.ts';
import { drawPlate } from '../support/simulators/plate-picture.ts';
import { drawnScene } from './drawn-scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'kanmen-broken-'));
let perceiver: Perceiver;
beforeAll(async () => {
  perceiver = await openPerceiver({
    modelsDir: shippedModelsDir(),
    threads: 1,
    minPlateWidthPx: 30,
    ebikePatterns: [],
  });
});
afterAll(async () => {
  await perceiver.release();
  rmSync(folder, { recursive: true });
});

/** A scene of 960 × 540 with one plate in its upper half. */
function scene(): Sharp {
  const plate = drawPlate({ text: '浙B12345', kind: 'small', color: 'blue' }, 1);
  const { widthPx, heightPx, rgb } = drawnScene(960, 540, [{ plate, centreX: 480, centreY: 200, widthPx: 150 }]);
  return sharp(rgb, { raw: { width: widthPx, height: heightPx, channels: 3 } });
}

async function inspect(name: string, bytes: Uint8Array): Promise<InspectLine> {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  const noVideo = () => Promise.reject(new Error('taken for a video'));
  return inspectFile({ file, crop: false }, perceiver, noVideo, new AbortController().signal);
}
function platesOf(line: InspectLine) {
  if (!('plates' in line)) throw new Error(JSON.stringify(line));
  return line.plates;
}
const codeOf = (line: InspectLine): string => ('error' in line ? line.error.code : 'no error');

describe('pictures as they come', () => {
  it.each([
    ['16 bits a channel', (picture: Sharp) => picture.toColourspace('rgb16').png()],
    ['CMYK', (picture: Sharp) => picture.toColourspace('cmyk').jpeg({ quality: 92 })],
    ['grey', (picture: Sharp) => picture.greyscale().png()],
    ['with an alpha channel', (picture: Sharp) => picture.ensureAlpha(1).png()],
    ['progressive JPEG', (picture: Sharp) => picture.jpeg({ progressive: true })],
    ['WebP', (picture: Sharp) => picture.webp({ quality: 90 })],
    ['TIFF', (picture: Sharp) => picture.tiff()],
    ['under a wrong name', (picture: Sharp) => picture.png()],
  ])('are read: %s', async (what, encode) => {
    const line = await inspect(`${what}.jpg`, await encode(scene()).toBuffer());
    expect(platesOf(line).map(({ text }) => text)).toEqual(['浙B12345']);
  });

  it('are read as far as they go when they were cut off', async () => {
    const whole = await scene().jpeg({ quality: 90 }).toBuffer();
    const line = await inspect('cut.jpg', whole.subarray(0, Math.floor(whole.length * 0.75)));
    expect(platesOf(line).map(({ text }) => text)).toEqual(['浙B12345']);
  });

  it('give an answer or an error at whatever byte they were cut off', async () => {
    const whole = await scene().resize(320).jpeg({ quality: 40 }).toBuffer();
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 11)) {
      const line = await inspect('shorter.jpg', whole.subarray(0, length));
      expect('plates' in line || codeOf(line) === 'picture.unreadable').toBe(true);
    }
  });

  it('have their boxes in the picture as it is meant to be seen, however EXIF turns it', async () => {
    const upright = await inspect('upright.jpg', await scene().jpeg({ quality: 95 }).toBuffer());
    for (const [orientation, degrees] of [
      [6, 270],
      [3, 180],
      [8, 90],
    ] as const) {
      const png = await scene().png().toBuffer();
      const turned = await sharp(png).rotate(degrees).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
      const [plate] = platesOf(await inspect(`turned-${orientation}.jpg`, turned));
      expect(plate?.text).toBe('浙B12345');
      plate?.box.forEach((value, side) => {
        expect(Math.abs(value - (platesOf(upright)[0]?.box[side] ?? 0))).toBeLessThan(12);
      });
    }
  });

  it('may be one pixel, one row or one column', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 400],
      [900, 1],
    ] as const) {
      const picture = sharp({ create: { width, height, channels: 3, background: '#777' } });
      expect(platesOf(await inspect(`${width}x${height}.png`, await picture.png().toBuffer()))).toEqual([]);
    }
  });

  it('may have 48 million pixels, and a plate in a corner of them', async () => {
    const plate = drawPlate({ text: '浙B12345', kind: 'small', color: 'blue' }, 2).toBuffer('image/png');
    const large = await sharp({ create: { width: 8000, height: 6000, channels: 3, background: '#556' } })
      .composite([{ input: plate, left: 6500, top: 5200 }])
      .jpeg({ quality: 85 })
      .toBuffer();
    expect(platesOf(await inspect('large.jpg', large)).map(({ text }) => text)).toEqual(['浙B12345']);
  }, 120_000);

  it('are refused by code where there is nothing to be read', async () => {
    expect(codeOf(await inspect('empty.jpg', new Uint8Array(0)))).toBe('picture.unreadable');
    expect(codeOf(await inspect('text.jpg', Buffer.from('no picture at all, just words')))).toBe('picture.unreadable');
    expect(codeOf(await inspect('head.jpg', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16])))).toBe('picture.unreadable');
    mkdirSync(join(folder, 'a-folder.jpg'));
    const noVideo = () => Promise.reject(new Error('taken for a video'));
    const signal = new AbortController().signal;
    const line = await inspectFile({ file: join(folder, 'a-folder.jpg'), crop: false }, perceiver, noVideo, signal);
    expect(codeOf(line)).toBe('picture.unreadable');
    const huge = sharp({ create: { width: 20_000, height: 6000, channels: 3, background: '#000' } }).png();
    expect(codeOf(await inspect('huge.png', await huge.toBuffer()))).toBe('picture.too-large');
  });
});
