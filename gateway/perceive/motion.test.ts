import { describe, expect, it } from 'vitest';
import { createMotionGate } from './motion.ts';
import type { Picture, YuvPicture } from './picture.ts';

const widthPx = 640;
const heightPx = 352;
/** A grey picture with noise, and a brighter square. */
function scene(options: { square?: readonly [number, number, number]; level?: number; seed: number }): Picture {
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  let state = options.seed;
  for (let at = 0; at < widthPx * heightPx; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [left, top, side] = options.square ?? [0, 0, 0];
    const x = at % widthPx;
    const y = Math.floor(at / widthPx);
    const inside = x >= left && x < left + side && y >= top && y < top + side;
    // Twelve grey levels of sensor noise, as by night.
    const value = (options.level ?? 80) + (inside ? 60 : 0) + ((state >>> 24) % 25) - 12;
    rgb.fill(value, at * 3, at * 3 + 3);
  }
  return { widthPx, heightPx, rgb };
}

describe('the motion gate', () => {
  it('takes the first picture as moving all over', () => {
    const { boxes } = createMotionGate()(scene({ seed: 1 }));
    expect(boxes).toEqual([[0, 0, widthPx, heightPx]]);
  });

  it('stays shut for sensor noise and for a change of the light', () => {
    const gate = createMotionGate();
    gate(scene({ seed: 1 }));
    expect(gate(scene({ seed: 2 })).boxes).toEqual([]);
    expect(gate(scene({ seed: 3, level: 95 })).boxes).toEqual([]);
  });

  it('opens where something moves, once for each thing', () => {
    const gate = createMotionGate();
    gate(scene({ seed: 1 }));
    const motion = gate(scene({ seed: 2, square: [320, 160, 80] }));
    expect(motion.boxes).toHaveLength(1);
    const [left, top, width, height] = motion.boxes[0] ?? [0, 0, 0, 0];
    expect(left).toBeLessThanOrEqual(320);
    expect(top).toBeLessThanOrEqual(160);
    expect(left + width).toBeGreaterThanOrEqual(400);
    expect(top + height).toBeGreaterThanOrEqual(240);
    expect(motion.movedIn([340, 180, 20, 10])).toBe(true);
    expect(motion.movedIn([20, 20, 40, 20])).toBe(false);
  });

  it.each([
    [640, 352],
    [636, 358],
  ])('sees the same in decoded video of %i × %i', (columns, rows) => {
    const grey = (square: boolean): Picture & { readonly luma: Uint8Array } => {
      const luma = Uint8Array.from({ length: columns * rows }, (_value, at) => {
        const [x, y] = [at % columns, Math.floor(at / columns)];
        return 60 + ((x * 7 + y * 3) % 40) + (square && x >= 300 && x < 360 && y >= 200 && y < 260 ? 70 : 0);
      });
      const rgb = new Uint8Array(columns * rows * 3).map((_value, at) => luma[Math.floor(at / 3)] as number);
      return { widthPx: columns, heightPx: rows, rgb, luma };
    };
    const decoded = ({ luma }: ReturnType<typeof grey>, offset: number): YuvPicture => {
      const yuv = new Uint8Array(new ArrayBuffer((columns * rows * 3) / 2 + offset), offset).fill(128);
      yuv.set(luma);
      return { widthPx: columns, heightPx: rows, yuv };
    };
    const [before, after] = [grey(false), grey(true)];
    const still = createMotionGate();
    still(before);
    const expected = still(after).boxes;
    expect(expected).toHaveLength(1);
    for (const offset of [0, 1]) {
      const gate = createMotionGate();
      gate(decoded(before, offset));
      expect(gate(decoded(after, offset)).boxes).toEqual(expected);
      expect(gate(decoded(after, offset)).boxes).toEqual([]);
    }
  });

  it('begins anew when the camera changes its resolution', () => {
    const gate = createMotionGate();
    gate(scene({ seed: 1 }));
    const small = { widthPx: 320, heightPx: 160, rgb: new Uint8Array(320 * 160 * 3) };
    expect(gate(small).boxes).toHaveLength(1);
  });
});
