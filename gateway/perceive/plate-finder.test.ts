import { describe, expect, it } from 'vitest';
import { cornersOfBox } from './geometry.ts';
import { legibleWidthPx } from './plate-finder.ts';

describe('how wide a plate has to be', () => {
  it('is measured by its characters: of two rows they are larger than of one, at the same width', () => {
    expect(legibleWidthPx(cornersOfBox([0, 0, 44, 14]), 1)).toBeCloseTo(44, 6);
    // 440 × 220 mm, and an e-bike's 220 × 140 mm.
    expect(legibleWidthPx(cornersOfBox([0, 0, 44, 22]), 2)).toBeCloseTo(50.6, 6);
    expect(legibleWidthPx(cornersOfBox([0, 0, 44, 28]), 2)).toBeCloseTo(64.4, 6);
  });

  it('is never less than the plate is wide', () => {
    expect(legibleWidthPx(cornersOfBox([0, 0, 100, 20]), 2)).toBeCloseTo(100, 6);
  });
});
