import { describe, expect, it } from 'vitest';
import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { continueTrail, matchTrails, motionOf, startTrail, type Trail } from './track.ts';

const at = (ms: number): EpochMs => ms as EpochMs;

function trailOf(boxes: readonly BoxPx[], text: string | null = null): Trail {
  const [first = [0, 0, 1, 1] as const, ...rest] = boxes;
  const trail = startTrail(at(0), { box: first, text });
  rest.forEach((box, index) => continueTrail(trail, at((index + 1) * 333), box));
  return trail;
}

describe('trails', () => {
  it('follow a plate that moves two of its widths between looks', () => {
    const trail = trailOf([[100, 100, 60, 20]]);
    expect(matchTrails([trail], at(333), [{ box: [220, 140, 66, 22], text: null }])).toEqual([0]);
  });

  it('do not take another plate for their own, however near', () => {
    const trail = trailOf([[100, 100, 60, 20]], '浙B12345');
    expect(matchTrails([trail], at(333), [{ box: [104, 101, 60, 20], text: '沪A88888' }])).toEqual([null]);
  });

  it('take a misread for their own where it stands exactly where they should be, and not a moment later or elsewhere', () => {
    const trail = trailOf(
      [
        [100, 100, 60, 20],
        [110, 110, 64, 21],
      ],
      '浙B12345',
    );
    const misread = (box: BoxPx) => ({ box, text: '浙B84D45' });
    expect(matchTrails([trail], at(666), [misread([120, 120, 68, 22])])).toEqual([0]);
    expect(matchTrails([trail], at(666), [misread([240, 120, 68, 22])])).toEqual([null]);
    expect(matchTrails([trail], at(2400), [misread([120, 120, 68, 22])])).toEqual([null]);
  });

  it('find their own plate again anywhere in the picture', () => {
    const trail = trailOf([[100, 100, 60, 20]], '浙B12345');
    expect(matchTrails([trail], at(1500), [{ box: [700, 400, 100, 33], text: '浙B12345' }])).toEqual([0]);
  });

  it('share two cars side by side out rightly, whatever the order', () => {
    const left = trailOf([
      [100, 100, 60, 20],
      [100, 120, 66, 22],
    ]);
    const right = trailOf([
      [300, 100, 60, 20],
      [300, 120, 66, 22],
    ]);
    const seen = [
      { box: [300, 142, 72, 24] as BoxPx, text: null },
      { box: [100, 142, 72, 24] as BoxPx, text: null },
    ];
    expect(matchTrails([left, right], at(666), seen)).toEqual([1, 0]);
  });

  it('tell coming nearer, going away and standing still', () => {
    const nearer = Array.from({ length: 12 }, (_, step): BoxPx => [200, 100 + step * 10, 60 + step * 6, 20 + step * 2]);
    expect(motionOf(trailOf(nearer))).toBe('nearer');
    expect(motionOf(trailOf([...nearer].reverse()))).toBe('away');
    expect(motionOf(trailOf(nearer.map(() => [200, 100, 60, 20])))).toBe('still');
  });

  it('tell a car that came and went back from one that came, whatever one wrong box says', () => {
    const nearer = Array.from({ length: 8 }, (_, step): BoxPx => [200, 100 + step * 10, 60 + step * 9, 20 + step * 3]);
    expect(motionOf(trailOf([...nearer, ...[...nearer].reverse()]))).toBe('turned');
    expect(motionOf(trailOf([...nearer.slice(0, 4), [200, 130, 200, 60], ...nearer.slice(4)]))).toBe('nearer');
  });

  it('do not take what can hardly be read for their own where half of it differs', () => {
    const trail = trailOf([[100, 100, 60, 20]], '浙B12345');
    const other = { box: [104, 101, 60, 20] as BoxPx, text: null, guess: '沪A88X88' };
    expect(matchTrails([trail], at(333), [other])).toEqual([null]);
    expect(matchTrails([trail], at(333), [{ ...other, guess: '浙BI2S45' }])).toEqual([0]);
  });

  it('remember where they began, however long they last', () => {
    const trail = startTrail(at(0), { box: [0, 0, 40, 13], text: null });
    for (let step = 1; step < 5000; step += 1) continueTrail(trail, at(step * 333), [300, 300, 120, 40]);
    expect(trail.places[0]?.box).toEqual([0, 0, 40, 13]);
    expect(trail.places.length).toBeLessThan(100);
    expect(motionOf(trail)).toBe('nearer');
  });
});
