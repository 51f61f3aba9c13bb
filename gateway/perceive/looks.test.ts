import { describe, expect, it } from 'vitest';
import type { BoxPx } from '../domain/plate.ts';
import { plateLooks, stillLooks, type LivePlateLook } from './looks.ts';
import { letterbox } from './resample.ts';

const picture = { widthPx: 1280, heightPx: 720 };
const half: LivePlateLook = { scale: 0.5, maxSidePx: 640, gridPx: 64 };
const scene = (boxes: readonly BoxPx[], expected: readonly { box: BoxPx; settled: boolean }[] = []) => ({
  motion: { boxes, movedIn: () => false },
  net: false,
  expected,
});
const contains = (outer: BoxPx, inner: BoxPx): boolean =>
  outer[0] <= inner[0] &&
  outer[1] <= inner[1] &&
  outer[0] + outer[2] >= inner[0] + inner[2] &&
  outer[1] + outer[3] >= inner[1] + inner[3];

describe('where live pictures are looked at', () => {
  it('is nowhere when nothing moved and every plate is settled', () => {
    expect(plateLooks(picture, scene([], [{ box: [600, 400, 120, 40], settled: true }]), half)).toEqual([]);
  });

  it('is everywhere at the regular look', () => {
    expect(plateLooks(picture, { ...scene([]), net: true }, half)).toEqual([
      { region: [0, 0, 1280, 720], sidePx: 640 },
    ]);
  });

  it('is around what moved and around plates not settled yet, once for what touches', () => {
    const moved: BoxPx = [100, 100, 160, 96];
    const plate: BoxPx = [900, 500, 120, 40];
    const looks = plateLooks(picture, scene([moved, [200, 150, 100, 100]], [{ box: plate, settled: false }]), half);
    expect(looks).toHaveLength(2);
    expect(looks.some(({ region }) => contains(region, moved))).toBe(true);
    expect(looks.some(({ region }) => contains(region, plate))).toBe(true);
  });

  it('fits the finder without padding and at exactly half the size, wherever it moved', () => {
    for (let at = 0; at < 60; at += 1) {
      const box: BoxPx = [(at * 97) % 1100, (at * 61) % 600, 40 + ((at * 31) % 400), 30 + ((at * 17) % 200)];
      for (const { region, sidePx } of plateLooks(picture, scene([box]), half)) {
        const [left, top, width, height] = region;
        expect([left >= 0, top >= 0, left + width <= 1280, top + height <= 720]).toEqual([true, true, true, true]);
        expect([left % 2, top % 2]).toEqual([0, 0]);
        const target = letterbox(region, sidePx);
        expect([target.scaledWidth, target.scaledHeight]).toEqual([width / 2, height / 2]);
        // Only the picture's own height is no multiple of the grid.
        if (height < 720) expect(target).toMatchObject({ width: width / 2, height: height / 2 });
      }
    }
  });
});

describe('where stills are looked at', () => {
  it('is the whole picture at every size the finder asks for', () => {
    const looks = stillLooks(picture, [640, 1280]).plates;
    expect(looks.map(({ sidePx }) => sidePx)).toEqual([640, 1280]);
    expect(looks.every(({ region }) => region[2] === 1280 && region[3] === 720)).toBe(true);
  });
});
