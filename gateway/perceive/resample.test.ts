import { describe, expect, it } from 'vitest';
import type { BoxPx } from '../domain/plate.ts';
import type { Picture } from './picture.ts';
import { createScaler, letterbox, type TensorForm } from './resample.ts';

/** A picture whose every byte can be told from its place. */
function patterned(widthPx: number, heightPx: number): Picture {
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) rgb.set([x % 251, y % 241, (x * 3 + y * 5) % 239], (y * widthPx + x) * 3);
  }
  return { widthPx, heightPx, rgb };
}

/** The mean of what an output pixel covers, worked out the slow way. */
function coveredMean(picture: Picture, region: BoxPx, columns: number, rows: number, x: number, y: number): number[] {
  const sums = [0, 0, 0];
  const [left, top, width, height] = region;
  const [x0, x1] = [left + (x * width) / columns, left + ((x + 1) * width) / columns];
  const [y0, y1] = [top + (y * height) / rows, top + ((y + 1) * height) / rows];
  let area = 0;
  for (let py = Math.floor(y0); py < y1; py += 1) {
    for (let px = Math.floor(x0); px < x1; px += 1) {
      const share = (Math.min(px + 1, x1) - Math.max(px, x0)) * (Math.min(py + 1, y1) - Math.max(py, y0));
      area += share;
      for (let channel = 0; channel < 3; channel += 1)
        sums[channel]! += share * picture.rgb[(py * picture.widthPx + px) * 3 + channel]!;
    }
  }
  return sums.map((sum) => sum / area);
}

describe('letterboxing', () => {
  it('keeps the shape, fits the longer side, and gives sizes that networks take', () => {
    expect(letterbox([0, 0, 1280, 720], 640)).toEqual({ width: 640, height: 384, scaledWidth: 640, scaledHeight: 360 });
    expect(letterbox([0, 0, 3000, 4000], 640)).toEqual({
      width: 480,
      height: 640,
      scaledWidth: 480,
      scaledHeight: 640,
    });
  });

  it('does not blow up a small picture more than twofold, and gives something for one pixel', () => {
    expect(letterbox([0, 0, 90, 30], 640)).toEqual({ width: 192, height: 64, scaledWidth: 180, scaledHeight: 60 });
    expect(letterbox([0, 0, 1, 1], 640)).toEqual({ width: 32, height: 32, scaledWidth: 8, scaledHeight: 8 });
  });
});

describe('scaling to bytes', () => {
  const scaler = createScaler();

  it.each([
    ['half its size', [0, 0, 128, 72], 64],
    ['half the size of a part', [10, 6, 64, 40], 32],
    ['a fraction', [0, 0, 130, 70], 72],
    ['a fraction of a part', [7, 3, 101, 61], 64],
  ] as const)('gives the mean of what each pixel covers: %s', (_what, region, side) => {
    const picture = patterned(130, 75);
    const target = letterbox(region, side);
    const out = new Uint8Array(target.width * target.height * 3);
    scaler.fillBytes(picture, region, target, out);
    for (let y = 0; y < target.scaledHeight; y += 3) {
      for (let x = 0; x < target.scaledWidth; x += 3) {
        const expected = coveredMean(picture, region, target.scaledWidth, target.scaledHeight, x, y);
        for (let channel = 0; channel < 3; channel += 1)
          expect(Math.abs(out[(y * target.width + x) * 3 + channel]! - expected[channel]!)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('copies where nothing is to be scaled, and leaves grey beside the picture', () => {
    const picture = patterned(60, 40);
    const target = letterbox([0, 0, 60, 40], 60);
    const out = new Uint8Array(target.width * target.height * 3);
    scaler.fillBytes(picture, [0, 0, 60, 40], target, out);
    expect(Array.from(out.subarray(0, 180))).toEqual(Array.from(picture.rgb.subarray(0, 180)));
    expect(out[60 * 3]).toBe(114);
    expect(out[40 * target.width * 3]).toBe(114);
  });

  it('enlarges without leaving the values of its neighbours', () => {
    const picture = patterned(30, 20);
    const region: BoxPx = [2, 2, 20, 15];
    const target = letterbox(region, 640);
    const out = new Uint8Array(target.width * target.height * 3);
    scaler.fillBytes(picture, region, target, out);
    for (let x = 0; x < target.scaledWidth; x += 1) {
      const red = out[x * 3]!;
      expect(red).toBeGreaterThanOrEqual(2);
      expect(red).toBeLessThanOrEqual(22);
    }
  });

  it('halves once for all that look at one picture, and anew for the next in the same memory', () => {
    const picture = patterned(128, 64);
    const target = letterbox([0, 0, 128, 64], 64);
    const first = new Uint8Array(target.width * target.height * 3);
    scaler.forget();
    scaler.fillBytes(picture, [0, 0, 128, 64], target, first);
    picture.rgb.fill(200);
    const again = new Uint8Array(first.length);
    scaler.fillBytes(picture, [0, 0, 128, 64], target, again);
    expect(again).toEqual(first);
    scaler.forget();
    scaler.fillBytes(picture, [0, 0, 128, 64], target, again);
    expect(again[0]).toBe(200);
  });

  it('agrees with the scaling to planes of floats where the picture is smooth', () => {
    const rgb = new Uint8Array(200 * 100 * 3).map((_value, at) => 40 + Math.floor((at % 600) / 4));
    const picture: Picture = { widthPx: 200, heightPx: 100, rgb };
    const target = letterbox([0, 0, 200, 100], 96);
    const bytes = new Uint8Array(target.width * target.height * 3);
    const planes = new Float32Array(bytes.length);
    const plain: TensorForm = { order: 'rgb', scale: [1, 1, 1], offset: [0, 0, 0], pad: 114 };
    scaler.fillBytes(picture, [0, 0, 200, 100], target, bytes);
    scaler.fill(picture, [0, 0, 200, 100], target, plain, planes);
    for (let cell = 0; cell < target.width * target.scaledHeight; cell += 1) {
      if (cell % target.width > target.scaledWidth - 3 || cell % target.width < 2) continue;
      expect(Math.abs(bytes[cell * 3]! - planes[cell]!)).toBeLessThan(3);
    }
  });
});
