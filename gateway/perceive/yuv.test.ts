import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../test/support/simulators/random.ts';
import type { CornersPx } from '../domain/plate.ts';
import { createMotionGate } from './motion.ts';
import type { Picture, YuvPicture } from './picture.ts';
import { rectify } from './rectify.ts';
import { createScaler, letterbox } from './resample.ts';
import { readSmallView } from './small-view.ts';
import { halfRgbOf, rgbOf } from './yuv.ts';

const widthPx = 96;
const heightPx = 64;

/** Soft colours with an edge or two, as video has them. */
function video(seed: number): YuvPicture {
  const random = createRandom(seed);
  const yuv = new Uint8Array((widthPx * heightPx * 3) / 2);
  const [a, b] = [random.integer(40, 90), random.integer(140, 220)];
  for (let at = 0; at < widthPx * heightPx; at += 1) yuv[at] = (at % widthPx < 40 ? a : b) + random.integer(-8, 8);
  for (let at = widthPx * heightPx; at < yuv.length; at += 1) yuv[at] = 128 + random.integer(-30, 30);
  return { widthPx, heightPx, yuv };
}

/** What ffmpeg makes of it. */
function asFfmpeg({ yuv }: YuvPicture): Picture {
  const size = `${widthPx}x${heightPx}`;
  const rgb = execFileSync(
    'ffmpeg',
    `-v error -f rawvideo -pix_fmt yuv420p -s ${size} -i pipe:0 -vf scale=flags=neighbor+accurate_rnd -f rawvideo -pix_fmt rgb24 pipe:1`.split(
      ' ',
    ),
    { input: yuv },
  );
  return { widthPx, heightPx, rgb: new Uint8Array(rgb) };
}

const meanDifference = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;

describe('decoded video', () => {
  const picture = video(1);
  const whole = rgbOf(picture, [0, 0, widthPx, heightPx]);

  it('has the colours that ffmpeg gives it', () => {
    expect(meanDifference(whole.rgb, asFfmpeg(picture).rgb)).toBeLessThan(1.5);
  });

  it('has the same colours in a part of it, wherever that begins', () => {
    const part = rgbOf(picture, [13, 7, 30, 21]);
    for (let y = 0; y < 21; y += 1) {
      const from = ((y + 7) * widthPx + 13) * 3;
      expect(part.rgb.subarray(y * 90, y * 90 + 90)).toEqual(whole.rgb.subarray(from, from + 90));
    }
  });

  it('is at half its size what its RGB is there, but for the colour of single pixels', () => {
    const half = new Uint8ClampedArray((widthPx * heightPx * 3) / 4);
    halfRgbOf(picture, [0, 0, widthPx, heightPx], half);
    for (const [x, y] of [
      [3, 5],
      [20, 9],
      [44, 30],
    ] as const) {
      for (let channel = 0; channel < 3; channel += 1) {
        const four = [0, 3, widthPx * 3, widthPx * 3 + 3].map(
          (step) => whole.rgb[(2 * y * widthPx + 2 * x) * 3 + step + channel] ?? 0,
        );
        const mean = four.reduce((sum, value) => sum + value, 0) / 4;
        expect(Math.abs((half[(y * (widthPx / 2) + x) * 3 + channel] ?? 0) - mean)).toBeLessThan(3);
      }
    }
  });

  it.each([
    ['as it is', [8, 6, 64, 48], 64],
    ['a little smaller', [5, 3, 80, 40], 60],
    ['at half its size', [8, 6, 64, 48], 32],
    ['at a third', [0, 0, 96, 64], 32],
    ['enlarged', [10, 10, 20, 16], 40],
  ] as const)('gives a network what its RGB would give: %s', (_name, region, sidePx) => {
    const target = letterbox(region, sidePx);
    const length = target.width * target.height * 3;
    const [own, rgb] = [new Uint8Array(length), new Uint8Array(length)];
    createScaler().fillBytes(picture, region, target, own);
    createScaler().fillBytes(whole, region, target, rgb);
    expect(meanDifference(own, rgb)).toBeLessThan(2);
  });

  it('gives the same plate', () => {
    const corners: CornersPx = [
      [20.5, 11],
      [71, 18],
      [69, 39.2],
      [18, 31],
    ];
    expect(rectify(picture, corners, 60, 20).rgb).toEqual(rectify(whole, corners, 60, 20).rgb);
  });

  it('moves where its RGB moves, and looks the same from afar', () => {
    const next = { ...picture, yuv: picture.yuv.slice() };
    for (let y = 0; y < 64; y += 1) next.yuv.fill(200, y * widthPx, y * widthPx + 48);
    const boxesOf = (pictures: readonly (Picture | YuvPicture)[]) => {
      const gate = createMotionGate();
      return pictures.map((one) => gate(one).boxes).at(-1);
    };
    const region = [0, 0, widthPx, heightPx] as const;
    expect(boxesOf([picture, next])).toEqual(boxesOf([whole, rgbOf(next, region)]));
    const [own, rgb] = [readSmallView(picture), readSmallView(whole)];
    expect(Math.abs(own.meanGrey - rgb.meanGrey)).toBeLessThan(4);
    expect(Math.abs(own.contrast - rgb.contrast)).toBeLessThan(8);
    expect(Math.abs(own.chroma - rgb.chroma)).toBeLessThan(4);
  });
});
