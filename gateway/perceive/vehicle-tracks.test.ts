import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../lib/clock.ts';
import type { Frame } from './frame-source.ts';
import { cornersOfBox } from './geometry.ts';
import type { SeenPlate } from './perceive.ts';
import { createVehicleTracks } from './vehicle-tracks.ts';

const widthPx = 640;
const heightPx = 360;
const frameAt = (ms: number): Frame => ({
  ...{ widthPx, heightPx, rgb: new Uint8Array(widthPx * heightPx * 3) },
  capturedAt: ms as EpochMs,
  mediaMs: ms,
});

/** A crisp read of a plate that comes nearer; `by`: one reader's word, or that of both. */
function plateAt(ms: number, text: string, { ratio = 0.97, widthPx: plateWidth = 100, both = false } = {}): SeenPlate {
  const box = [200, 100 + ms / 50, plateWidth + ms / 100, 30] as const;
  return {
    box,
    corners: cornersOfBox(box),
    characters: Array.from(text).map((character) => ({ character, ratio, candidates: [[character, ratio] as const] })),
    reading: {
      text,
      confidenceRatio: ratio,
      characterConfidenceRatios: Array.from(text, () => ratio),
      kind: 'small',
      color: 'blue',
      accepted: ratio >= 0.8,
    },
    rejected: ratio >= 0.8 ? null : 'low-confidence',
    sharpness: 25,
    widthPx: box[2],
    foundRatio: 0.9,
    rows: 1,
    secondOpinion: both,
  };
}

const tracks = () => createVehicleTracks({ goneAfterMs: 4000, tellAfterMs: null, ebikePatterns: [] });

describe('the second reader', () => {
  it('is asked about small plates of two rows only where e-bikes have a form of their own', () => {
    const far = { ...plateAt(0, '宁波A12345', { ratio: 0.5, widthPx: 48 }), rows: 2 };
    expect(tracks().wantsSecond(far, 0 as EpochMs)).toBe(false);
    const ebikePatterns = [/^宁波[A-Z]\d{5}$/u];
    const vehicles = createVehicleTracks({ goneAfterMs: 4000, tellAfterMs: null, ebikePatterns });
    expect(vehicles.wantsSecond(far, 0 as EpochMs)).toBe(true);
    expect(vehicles.wantsSecond({ ...far, rows: 1 }, 0 as EpochMs)).toBe(false);
  });

  it('is asked about a vehicle seen for the first time, however sure the first is', () => {
    const vehicles = tracks();
    expect(vehicles.wantsSecond(plateAt(0, '黑A98G44'), 0 as EpochMs)).toBe(true);
  });

  it('is not asked about a plate too far away to be read well', () => {
    const vehicles = tracks();
    expect(vehicles.wantsSecond(plateAt(0, '黑A98G44', { widthPx: 40 }), 0 as EpochMs)).toBe(false);
  });

  it('is asked again, but not twice at once, until two reads of both say the same', () => {
    const vehicles = tracks();
    vehicles.update(frameAt(0), [plateAt(0, '皖A98G44')], []);
    expect(vehicles.wantsSecond(plateAt(300, '皖A98G44'), 300 as EpochMs)).toBe(true);
    expect(vehicles.wantsSecond(plateAt(400, '皖A98G44'), 400 as EpochMs)).toBe(false);
    vehicles.update(frameAt(300), [plateAt(300, '皖A98G44', { both: true })], []);
    expect(vehicles.wantsSecond(plateAt(700, '皖A98G44'), 700 as EpochMs)).toBe(true);
    vehicles.update(frameAt(700), [plateAt(700, '皖A98G44', { both: true })], []);
    expect(vehicles.wantsSecond(plateAt(1100, '皖A98G44'), 1100 as EpochMs)).toBe(false);
    expect(vehicles.wantsSecond(plateAt(1100, '皖A98G4A'), 1100 as EpochMs)).toBe(true);
  });

  it('is asked of one vehicle no more than a score of times', () => {
    const vehicles = tracks();
    let asked = 0;
    for (let ms = 0; ms < 30_000; ms += 400) {
      const text = `皖A98G4${ms % 800 === 0 ? '4' : 'A'}`;
      const plate = plateAt(0, text, { ratio: 0.5 });
      if (vehicles.wantsSecond(plate, ms as EpochMs)) asked += 1;
      vehicles.update(frameAt(ms), [plate], []);
    }
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThanOrEqual(20);
  });

  it('outweighs frames that one reader alone misread', () => {
    const vehicles = tracks();
    for (const ms of [0, 400, 800, 1200]) vehicles.update(frameAt(ms), [plateAt(ms, '皖A98G44', { ratio: 0.82 })], []);
    for (const ms of [1600, 2000]) vehicles.update(frameAt(ms), [plateAt(ms, '黑A98G44', { both: true })], []);
    expect(vehicles.present()[0]?.text).toBe('黑A98G44');
  });
});

describe('an unsure vehicle that was read often', () => {
  /** When it is told of, ms after it was seen last, so far down in the picture. */
  const toldAfter = (lastTop: number, ratio: number): number => {
    const vehicles = tracks();
    for (let ms = 0; ms <= 3000; ms += 300) {
      const read = plateAt(ms, '藏L6N08W', { ratio });
      const [left, , width, height] = read.box;
      const box = [left, 50 + (lastTop - 50) * (ms / 3000), width, height] as const;
      vehicles.update(frameAt(ms), [{ ...read, box, corners: cornersOfBox(box) }], []);
    }
    for (let ms = 3100; ms < 9000; ms += 100) {
      vehicles.hold(ms as EpochMs, () => true);
      if (vehicles.take(ms as EpochMs, false).length > 0) return ms - 3000;
    }
    return Infinity;
  };

  it('is told of as soon as it has driven out of the picture, like a sure one', () => {
    expect(toldAfter(heightPx - 40, 0.5)).toBe(toldAfter(heightPx - 40, 0.97));
    expect(toldAfter(heightPx - 40, 0.5)).toBeLessThan(1000);
    // In the middle of the picture it may be hidden.
    expect(toldAfter(200, 0.5)).toBe(4000);
  });
});

describe('a plate that moves fast', () => {
  /** A crisp read of a plate 200 px wide, at this place. */
  const near = (text: string, left: number): SeenPlate => {
    const box = [left, 100, 200, 60] as const;
    return { ...plateAt(0, text, { both: true }), box, corners: cornersOfBox(box), widthPx: 200 };
  };

  it('is smeared where it is near, and those reads count less: also the first of one that leaves', () => {
    const vehicles = tracks();
    // 500 px in a fifth of a second, then 20 px: more than twelve of its widths a second, and half of one.
    vehicles.update(frameAt(0), [near('沪S65998', 0)], []);
    vehicles.update(frameAt(200), [near('沪S65998', 500)], []);
    expect(vehicles.present()[0]?.text).toBe('沪S65998');
    vehicles.update(frameAt(400), [near('藏S65998', 520)], []);
    expect(vehicles.present()[0]?.text).toBe('藏S65998');
  });
});

describe('a plate is settled', () => {
  /** After how many reads alike it is; the plate has so many px, and two more with every read. */
  const readsUntilSettled = (widthPx: number): number => {
    const vehicles = tracks();
    for (let count = 1; count <= 24; count += 1) {
      const ms = count * 200;
      vehicles.update(frameAt(ms), [plateAt(ms, '津A98G44', { ratio: 0.97, widthPx })], []);
      if (vehicles.expected(ms as EpochMs)[0]?.settled === true) return count;
    }
    return Infinity;
  };

  it('by four reads alike where it was seen from near', () => {
    expect(readsUntilSettled(100)).toBe(4);
  });

  it('by ten where it was only ever seen from afar, since there every frame may read the same wrong province', () => {
    expect(readsUntilSettled(40)).toBe(10);
  });

  it('as soon as it has come near, whatever was read before', () => {
    const vehicles = tracks();
    const settled = (): boolean | undefined => vehicles.expected(2000 as EpochMs)[0]?.settled;
    for (const ms of [0, 200, 400, 600, 800])
      vehicles.update(frameAt(ms), [plateAt(ms, '津A98G44', { widthPx: 50 })], []);
    expect(settled()).toBe(false);
    vehicles.update(frameAt(1000), [plateAt(1000, '津A98G44', { widthPx: 60 })], []);
    expect(settled()).toBe(true);
  });
});
