import { describe, expect, it } from 'vitest';
import { axisWeights, type AxisWeights } from './axis-weights.ts';
import type { Picture } from './picture.ts';
import { createStillWork } from './still-work.ts';

/** Steep and smooth places, and no two channels alike. */
function drawn(widthPx: number, heightPx: number): Picture {
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  for (let at = 0; at < rgb.length; at += 1)
    rgb[at] = (at * 7919) % 11 === 0 ? 255 : 128 + 127 * Math.sin(at / 37) * Math.cos(at / (widthPx * 5));
  return { widthPx, heightPx, rgb };
}

/** What the weights say, in double precision, before it is rounded. */
function expectedAt(
  { rgb, widthPx }: Picture,
  columns: AxisWeights,
  rows: AxisWeights,
  x: number,
  y: number,
  c: number,
) {
  let sum = 0;
  for (let j = 0; j < rows.count[y]!; j += 1)
    for (let i = 0; i < columns.count[x]!; i += 1)
      sum +=
        rows.weights[y * rows.stride + j]! *
        columns.weights[x * columns.stride + i]! *
        rgb[((rows.first[y]! + j) * widthPx + columns.first[x]! + i) * 3 + c]!;
  return sum;
}

describe('stills scaled in WebAssembly', () => {
  it.each([
    ['a little smaller', [720, 576], [0, 0, 720, 576], [640, 512]],
    ['two and a half times smaller', [903, 405], [1, 1, 900, 400], [360, 160]],
    ['three and a half times smaller', [903, 405], [1, 1, 900, 400], [257, 114]],
    ['a part at an odd place, enlarged', [301, 203], [51, 33, 97, 41], [160, 68]],
    ['far smaller, more rows than one strip takes', [2600, 900], [3, 5, 2590, 890], [160, 55]],
    ['so wide that a strip is less than a row of the target', [9000, 40], [0, 0, 9000, 40], [32, 2]],
  ] as const)(
    'are what their weights say: %s',
    (_name, [widthPx, heightPx], [left, top, width, height], [across, down]) => {
      const picture = drawn(widthPx, heightPx);
      const columns = axisWeights(left, width, widthPx, across, 'area');
      const rows = axisWeights(top, height, heightPx, down, 'area');
      const out = new Uint8Array(across * down * 3);
      const { scale } = createStillWork();
      // Twice: what lay in its memory before says nothing.
      for (let turn = 0; turn < 2; turn += 1) {
        out.fill(7);
        scale(picture, [left, width], columns, rows, (fromRow, strip) => out.set(strip, fromRow * across * 3));
      }
      let worst = 0;
      for (let y = 0; y < down; y += 1)
        for (let x = 0; x < across; x += 1)
          for (let c = 0; c < 3; c += 1)
            worst = Math.max(
              worst,
              Math.abs(out[(y * across + x) * 3 + c]! - expectedAt(picture, columns, rows, x, y, c)),
            );
      // Rounded to the nearest, but for what the last bit of a float decides.
      expect(worst).toBeLessThan(0.501);
    },
  );

  it.each([
    ['a whole', [64, 48], [0, 0, 64, 48]],
    ['a part of odd size at an odd place', [301, 203], [51, 33, 97, 41]],
    ['more rows than one strip takes', [2600, 900], [3, 5, 2590, 890]],
    ['two pixels', [5, 5], [3, 3, 2, 2]],
  ] as const)('are at half their size the means of two by two, rounded: %s', (_name, [widthPx, heightPx], region) => {
    const picture = drawn(widthPx, heightPx);
    const [left, top, width, height] = region;
    const [columns, rows] = [width >> 1, height >> 1];
    const out = new Uint8Array(columns * rows * 3);
    const { halve } = createStillWork();
    for (let turn = 0; turn < 2; turn += 1) halve(picture, region, out.fill(7));
    const expected = out.map((_value, index) => {
      const c = index % 3;
      const [x, y] = [left + 2 * (Math.floor(index / 3) % columns), top + 2 * Math.floor(index / 3 / columns)];
      const at = (dx: number, dy: number): number => picture.rgb[((y + dy) * widthPx + x + dx) * 3 + c]!;
      return (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) >> 2;
    });
    expect(Buffer.compare(out, expected)).toBe(0);
  });
});
