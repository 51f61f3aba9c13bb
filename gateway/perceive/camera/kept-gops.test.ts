import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../lib/clock.ts';
import type { Fragment } from './fragment.ts';
import { createKeptGops } from './kept-gops.ts';

/** One picture every 500 ms of 100 bytes, a key frame every 2 s. */
const fragment = (index: number): Fragment => ({
  ...{ stream: 1, sequence: index, key: index % 4 === 0, bytes: new Uint8Array(100), sizeBytes: 100 },
  ...{
    memory: null,
    sampleSizesBytes: [92],
    mediaTimeMs: index * 500,
    durationMs: 500,
    capturedAtMs: index as EpochMs,
  },
});
const times = (fragments: readonly Fragment[]): number[] => fragments.map(({ mediaTimeMs }) => mediaTimeMs);

function filled(mostBytes: number, from: number, until: number) {
  let drops = 0;
  const kept = createKeptGops(mostBytes, () => (drops += 1));
  for (let index = from; index < until; index += 1) kept.add(fragment(index));
  return { kept, drops: () => drops };
}

describe('kept GOPs', () => {
  it('begin with a key frame', () => {
    expect(times(filled(10_000, 2, 6).kept.from(0))).toEqual([2000, 2500]);
  });

  it('are given from the key frame at or before a time, all where that is older than they are', () => {
    const { kept } = filled(10_000, 4, 14);
    expect(times(kept.from(5100))).toEqual([4000, 4500, 5000, 5500, 6000, 6500]);
    expect(times(kept.from(1000))[0]).toBe(2000);
  });

  it('are let go whole, the newest never', () => {
    const { kept } = filled(10_000, 0, 14);
    kept.forgetBefore(4900);
    expect(kept.oldestMs()).toBe(4000);
    kept.forgetBefore(Infinity);
    expect(times(kept.from(0))).toEqual([6000, 6500]);
  });

  it('never take more than is allowed, and say what they let go', () => {
    const { kept, drops } = filled(900, 0, 16);
    expect(times(kept.from(0))).toEqual([4000, 4500, 5000, 5500, 6000, 6500, 7000, 7500]);
    expect(drops()).toBe(2);
    const alone = filled(250, 0, 3);
    expect(alone.kept.oldestMs()).toBeNull();
    expect(alone.drops()).toBe(1);
  });
});
