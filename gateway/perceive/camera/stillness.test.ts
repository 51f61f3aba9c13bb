import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../test/support/simulators/random.ts';
import { cellsOf, createStillness } from './stillness.ts';

/** A grey picture with sensor noise, and a brighter square whose left edge lies at `leftPx`. */
function scene(options: {
  readonly widthPx?: number;
  readonly level?: number;
  readonly noise?: number;
  readonly leftPx?: number;
  readonly sidePx?: number;
  readonly seed: number;
  readonly mediaMs: number;
}) {
  const { widthPx = 640, level = 80, noise = 6, leftPx = 0, sidePx = 0, seed, mediaMs } = options;
  const heightPx = (widthPx * 9) / 16;
  const random = createRandom(seed);
  const yuv = new Uint8Array((widthPx * heightPx * 3) / 2).fill(128);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) {
      const inside = y >= 100 && y < 100 + sidePx && x >= leftPx && x < leftPx + sidePx;
      yuv[y * widthPx + x] = level + (inside ? 40 : 0) + random.integer(-noise, noise);
    }
  }
  return { widthPx, heightPx, yuv, mediaMs, release: () => undefined };
}

/** Since when each picture says that nothing has changed, a picture every third of a second. */
function course(pictures: number, at: (index: number) => Partial<Parameters<typeof scene>[0]>): number[] {
  const stillness = createStillness();
  return Array.from(
    { length: pictures },
    (_, index) => stillness.take(scene({ seed: index + 1, mediaMs: index * 333, ...at(index) })).stillSinceMs,
  );
}

describe('stillness', () => {
  it('lasts through sensor noise and through light that changes everywhere', () => {
    expect(new Set(course(12, (index) => ({ noise: 12, level: 80 + index * 3 })))).toEqual(new Set([0]));
  });

  it('ends with whatever moves, and begins anew when that stands', () => {
    const since = course(12, (index) => ({ sidePx: 48, leftPx: index < 3 ? 100 : Math.min(index * 40, 300) }));
    expect(since.slice(0, 3)).toEqual([0, 0, 0]);
    expect(since[7]).toBe(7 * 333);
    // Stands from the eighth on: x no longer changes.
    expect(since.at(-1)).toBe(8 * 333);
  });

  it('notices what creeps, though no picture differs from the one before', () => {
    const since = course(30, (index) => ({ sidePx: 80, leftPx: 100 + index }));
    expect(since.at(-1)).toBeGreaterThan(0);
  });

  it('counts pictures of any size in the same cells, and another size as another scene', () => {
    const shapes = [320, 640, 1280].map((widthPx) => cellsOf(scene({ widthPx, seed: 1, mediaMs: 0 })));
    expect(shapes.map(({ columns, rows }) => [columns, rows])).toEqual(Array(3).fill([40, 23]));
    const stillness = createStillness();
    stillness.take(scene({ seed: 1, mediaMs: 0 }));
    const turned = { ...scene({ seed: 2, mediaMs: 333 }), widthPx: 360, heightPx: 640 };
    expect(stillness.take(turned).stillSinceMs).toBe(333);
  });

  it('knows nothing of what was before it was begun anew', () => {
    const stillness = createStillness();
    stillness.take(scene({ seed: 1, mediaMs: 0 }));
    stillness.restart();
    expect(stillness.take(scene({ seed: 1, mediaMs: 9000 }))).toEqual({ stillSinceMs: 9000, moved: false });
  });
});
