import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { BoxPx } from '../domain/plate.ts';
import { createPixelWork } from './pixel-work.ts';
import { sourceSha256 } from './pixel-work-wasm.ts';
import type { Picture, YuvPicture } from './picture.ts';
import { createScaler, letterbox, type Letterbox } from './resample.ts';
import { halfRgbOf, rgbOf } from './yuv.ts';

/** Every brightness and colour there is, also such as no RGB has; smooth enough to be compared when scaled. */
function painted(widthPx: number, heightPx: number, seed = 0): YuvPicture {
  const yuv = new Uint8Array((widthPx * heightPx * 3) / 2);
  for (let at = 0; at < yuv.length; at += 1)
    yuv[at] = (128 + 127 * Math.sin(at / 23 + seed) * Math.cos(at / (widthPx * 7) + seed * 2)) & 255;
  return { widthPx, heightPx, yuv };
}

function filled(picture: YuvPicture, region: BoxPx, sidePx: number, work = createPixelWork()) {
  const target = letterbox(region, sidePx);
  const out = new Uint8Array(target.width * target.height * 3).fill(7);
  work.fillBytes(picture, region, target, out);
  return { target, out };
}

/** The mean of the whole pixels that each target pixel covers. */
function scaledOnce({ widthPx, heightPx, rgb }: Picture, target: Letterbox, out: Uint8Array): void {
  const [across, down] = [widthPx / target.scaledWidth, heightPx / target.scaledHeight];
  expect([across % 1, down % 1]).toEqual([0, 0]);
  for (let y = 0; y < target.scaledHeight; y += 1)
    for (let x = 0; x < target.scaledWidth; x += 1)
      for (let channel = 0; channel < 3; channel += 1) {
        let sum = 0;
        for (let j = 0; j < down; j += 1)
          for (let i = 0; i < across; i += 1) sum += rgb[((y * down + j) * widthPx + x * across + i) * 3 + channel]!;
        out[(y * target.width + x) * 3 + channel] = sum / (across * down);
      }
}

describe('work on decoded pictures in WebAssembly', () => {
  it('was compiled from the source beside it', () => {
    const source = readFileSync(new URL('pixel-work.c', import.meta.url));
    expect(createHash('sha256').update(source).digest('hex')).toBe(sourceSha256);
  });

  it.each([
    ['all of it', [0, 0, 96, 64]],
    ['a part at an odd place', [7, 5, 51, 33]],
    ['a part narrower than a step of it', [11, 3, 9, 9]],
  ] as const)('converts as JavaScript does, to the bit: %s', (_name, region) => {
    const picture = painted(96, 64);
    const { target, out } = filled(picture, region, Math.max(region[2], region[3]));
    const expected = rgbOf(picture, region).rgb;
    for (let row = 0; row < region[3]; row += 1)
      expect(out.subarray(row * target.width * 3, (row * target.width + region[2]) * 3)).toEqual(
        expected.subarray(row * region[2] * 3, (row + 1) * region[2] * 3),
      );
  });

  it.each([
    ['all of it', [0, 0, 192, 128]],
    ['a part', [10, 6, 134, 90]],
  ] as const)('halves as JavaScript does, to the bit: %s', (_name, region) => {
    const picture = painted(192, 128);
    const [columns, rows] = [region[2] >> 1, region[3] >> 1];
    const { target, out } = filled(picture, region, columns);
    const expected = new Uint8ClampedArray(columns * rows * 3);
    halfRgbOf(picture, region, expected);
    for (let row = 0; row < rows; row += 1)
      expect(Array.from(out.subarray(row * target.width * 3, (row * target.width + columns) * 3))).toEqual(
        Array.from(expected.subarray(row * columns * 3, (row + 1) * columns * 3)),
      );
  });

  it.each([
    ['to three quarters', [0, 0, 192, 128], 144],
    ['to a third of a part', [8, 4, 150, 96], 50],
    ['to an eighth', [0, 0, 192, 128], 24],
    ['to a little more than its size', [9, 7, 61, 41], 80],
  ] as const)('scales within two levels of JavaScript: %s', (_name, region, sidePx) => {
    const picture = painted(192, 128);
    const { target, out } = filled(picture, region, sidePx);
    const expected = new Uint8Array(out.length);
    if (region[2] >= target.scaledWidth * 2) {
      // First half the size, at which colours are as fine as brightness.
      const [widthPx, heightPx] = [region[2] >> 1, region[3] >> 1];
      const rgb = new Uint8ClampedArray(widthPx * heightPx * 3);
      halfRgbOf(picture, region, rgb);
      const half = { widthPx, heightPx, rgb: new Uint8Array(rgb.buffer) };
      // Not twice as large as the target, or it is halved once more: in WebAssembly it never is.
      if (widthPx >= target.scaledWidth * 2) scaledOnce(half, target, expected);
      else createScaler().fillBytes(half, [0, 0, widthPx, heightPx], target, expected);
    } else createScaler().fillBytes(rgbOf(picture, [0, 0, 192, 128]), region, target, expected);
    for (let row = 0; row < target.scaledHeight; row += 1) {
      for (let at = row * target.width * 3; at < (row * target.width + target.scaledWidth) * 3; at += 1)
        expect(Math.abs(out[at]! - expected[at]!)).toBeLessThanOrEqual(2);
    }
  });

  it('leaves alone what is beside the picture', () => {
    const { target, out } = filled(painted(96, 64), [0, 0, 90, 60], 45);
    expect(target.scaledWidth).toBeLessThan(target.width);
    expect(out[target.scaledWidth * 3]).toBe(7);
  });

  it('scales alike across when tables for many heights have used up their room', () => {
    const work = createPixelWork();
    const picture = painted(640, 360);
    for (let height = 360; height > 120; height -= 2) {
      const region: BoxPx = [0, 0, 640, height];
      const difference = Buffer.compare(filled(picture, region, 600, work).out, filled(picture, region, 600).out);
      expect([height, difference]).toEqual([height, 0]);
    }
  });

  it('looks at each picture anew, of any size, and at one picture once', () => {
    const work = createPixelWork();
    const region: BoxPx = [0, 0, 96, 64];
    const small = painted(96, 64);
    const first = filled(small, region, 72, work).out;
    expect(filled(painted(640, 360, 1), [0, 0, 640, 360], 300, work).out).toEqual(
      filled(painted(640, 360, 1), [0, 0, 640, 360], 300).out,
    );
    work.forget();
    expect(filled(small, region, 72, work).out).toEqual(first);
    small.yuv.fill(200);
    expect(filled(small, region, 72, work).out).toEqual(first);
    work.forget();
    expect(filled(small, region, 72, work).out).not.toEqual(first);
  });
});
