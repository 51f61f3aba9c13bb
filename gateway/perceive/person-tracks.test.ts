import { describe, expect, it } from 'vitest';
import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { FoundFace } from './face-finder.ts';
import type { Frame } from './frame-source.ts';
import { createPersonTracks, type Movement, type PersonSighting } from './person-tracks.ts';

const widthPx = 640;
const heightPx = 360;
const still: Movement = { movedIn: () => false };
/** Something moves wherever one looks, but not in the picture's corners: people, and no light switched on. */
const busy: Movement = {
  movedIn: ([left, top, width, height]) =>
    !(left < 1 || left + width > widthPx - 1) || !(top < 1 || top + height > heightPx - 1),
};
const everythingMoves: Movement = { movedIn: () => true };

/** Fine stripes are sharp, and a plain picture is not. */
const striped = new Uint8Array(widthPx * heightPx * 3).map((_value, at) => (Math.floor(at / 3) % 4 < 2 ? 60 : 200));
const plain = new Uint8Array(widthPx * heightPx * 3).fill(128);

const frameAt = (ms: number, rgb = striped): Frame => ({
  ...{ widthPx, heightPx, rgb },
  capturedAt: ms as EpochMs,
  mediaMs: ms,
});

/** A face looking at the camera, or aside with its nose beside the eyes. */
function face([left, top, width, height]: BoxPx, aside = 0): FoundFace {
  const at = (x: number, y: number): [number, number] => [left + width * x, top + height * y];
  const points = {
    rightEye: at(0.3, 0.4),
    leftEye: at(0.7, 0.4),
    nose: at(0.5 + aside, 0.6),
    mouth: at(0.5, 0.76),
    ears: null,
  };
  return { box: [left, top, width, height], confidence: 0.9, points };
}

const options = { goneAfterMs: 4000, sameVisitMs: 20_000, tellAfterMs: 30_000 };
const stepMs = 667;

/** Shows faces for a while, one picture every two thirds of a second as a live camera does, and collects what is told. */
function show(
  persons: ReturnType<typeof createPersonTracks>,
  fromMs: number,
  untilMs: number,
  faces: (ms: number) => readonly FoundFace[],
  movement: Movement = busy,
): PersonSighting[] {
  const told: PersonSighting[] = [];
  for (let ms = fromMs; ms < untilMs; ms += stepMs) {
    persons.update(frameAt(ms), faces(ms), [], movement);
    persons.hold(ms as EpochMs, movement);
    told.push(...persons.take(ms as EpochMs, false));
  }
  return told;
}
const finish = (persons: ReturnType<typeof createPersonTracks>, ms: number): PersonSighting[] =>
  persons.take(ms as EpochMs, true);

describe('persons', () => {
  it('are one row each when two walk side by side across the picture, a step of one to the place of the other', () => {
    const persons = createPersonTracks(options);
    const told = show(persons, 0, 6000, (ms) => [
      face([40 + (ms / stepMs) * 60, 150, 40, 52]),
      face([100 + (ms / stepMs) * 60, 152, 40, 52]),
    ]);
    told.push(...finish(persons, 6000));
    expect(told).toHaveLength(2);
    expect(told.map(({ startedAt }) => startedAt)).toEqual([0, 0]);
  });

  it('are one row each when two come towards the camera shoulder to shoulder', () => {
    const persons = createPersonTracks(options);
    const told = show(persons, 0, 5000, (ms) => {
      const grown = 1 + ms / 5000;
      return [
        face([280 - 30 * grown, 100 + ms / 60, 30 * grown, 39 * grown]),
        face([290 + 10 * grown, 98 + ms / 60, 30 * grown, 39 * grown]),
      ];
    });
    told.push(...finish(persons, 5000));
    expect(told.map(({ motion }) => motion)).toEqual(['nearer', 'nearer']);
  });

  it('are one row each when their ways cross', () => {
    const persons = createPersonTracks(options);
    const told = show(persons, 0, 6700, (ms) => {
      const step = ms / stepMs;
      return [face([100 + step * 40, 120, 40, 52]), face([500 - step * 40, 170, 40, 52])];
    });
    told.push(...finish(persons, 6700));
    expect(told).toHaveLength(2);
  });

  it('who wait are told of once, after half a minute, however long they stay', () => {
    const persons = createPersonTracks(options);
    const told = show(persons, 0, 600_000, (ms) => [face([300 + (ms % 5), 150 + (ms % 3), 50, 65])]);
    expect(told).toHaveLength(1);
    expect(told[0]?.endedAt).toBeGreaterThanOrEqual(30_000);
    expect(told[0]?.endedAt).toBeLessThan(32_000);
    expect(finish(persons, 600_000)).toEqual([]);
  });

  it('who stand still while nobody looks are still there', () => {
    const persons = createPersonTracks(options);
    show(persons, 0, 3000, () => [face([300, 150, 50, 65])]);
    for (let ms = 3000; ms < 20_000; ms += 1000) {
      persons.hold(ms as EpochMs, still);
      expect(persons.take(ms as EpochMs, false)).toEqual([]);
    }
    expect(persons.count()).toBe(1);
  });

  it('who left between two looks have left, though nothing moves any more', () => {
    const persons = createPersonTracks(options);
    show(persons, 0, 3000, () => [face([300, 150, 50, 65])]);
    persons.hold(3000 as EpochMs, busy);
    expect(show(persons, 3333, 9000, () => [], still)).toHaveLength(1);
    expect(persons.count()).toBe(0);
  });

  it('who turn away and back are the same person, and not told of again however long they then stay', () => {
    const persons = createPersonTracks(options);
    const told = show(persons, 0, 8000, () => [face([300, 150, 50, 65])]);
    told.push(...show(persons, 8000, 20_000, () => []));
    told.push(...show(persons, 20_000, 90_000, () => [face([318, 154, 52, 68])]));
    told.push(...show(persons, 90_000, 100_000, () => []));
    told.push(...show(persons, 100_000, 110_000, () => [face([310, 150, 50, 65])]));
    told.push(...finish(persons, 110_000));
    expect(told).toHaveLength(1);
  });

  it('who come where another has walked out of the picture are another', () => {
    const persons = createPersonTracks(options);
    const towards = (ms: number): FoundFace[] => [face([300, 60 + ms / 20, 40 + ms / 200, 52 + ms / 150])];
    const told = show(persons, 0, 4700, towards);
    told.push(...show(persons, 4700, 10_000, () => []));
    told.push(...show(persons, 10_000, 14_700, (ms) => towards(14_700 - ms)));
    told.push(...finish(persons, 14_700));
    expect(told.map(({ motion }) => motion)).toEqual(['nearer', 'away']);
  });

  it('are none where a face was there from the start and nothing ever moved about it: a poster', () => {
    const persons = createPersonTracks(options);
    const poster = [face([300, 150, 50, 65])];
    persons.update(frameAt(0), poster, [], everythingMoves);
    expect(show(persons, stepMs, 60_000, () => poster, still)).toEqual([]);
    persons.update(frameAt(60_000), poster, [], everythingMoves);
    expect(finish(persons, 61_000)).toEqual([]);
  });

  it('are told of once a day where a face on a wall was taken for one by a passing shadow', () => {
    const persons = createPersonTracks(options);
    const poster = [face([300, 150, 50, 65])];
    const told = show(persons, 0, 200_000, () => poster);
    // A van hides it for two minutes, again and again.
    for (let ms = 200_000; ms < 2_000_000; ms += 240_000) {
      told.push(...show(persons, ms, ms + 120_000, () => []));
      told.push(...show(persons, ms + 120_000, ms + 240_000, () => poster));
    }
    expect(told).toHaveLength(1);
  });

  it('are none for one sight of a face, and none behind a windscreen', () => {
    const persons = createPersonTracks(options);
    persons.update(frameAt(0), [face([300, 150, 50, 65])], [], busy);
    expect(show(persons, stepMs, 6000, () => [])).toEqual([]);
    const plate: BoxPx = [280, 300, 100, 30];
    for (let ms = 10_000; ms < 13_000; ms += stepMs)
      persons.update(frameAt(ms), [face([300, 150, 50, 65])], [plate], busy);
    expect(finish(persons, 13_000)).toEqual([]);
  });

  it('are shown by the frame in which the face is largest, sharpest and most towards the camera', () => {
    const bestOf = (frames: readonly { rgb?: Uint8Array<ArrayBuffer>; width: number; aside: number }[]): number => {
      const persons = createPersonTracks(options);
      frames.forEach(({ rgb, width, aside }, index) => {
        const seen = face([300 - width / 2, 150, width, width * 1.3], aside);
        persons.update(frameAt(index * stepMs, rgb), [seen], [], busy);
      });
      const [told] = finish(persons, frames.length * stepMs);
      return (told?.evidence.capturedAt ?? -stepMs) / stepMs;
    };
    const usual = { width: 40, aside: 0 };
    expect(bestOf([usual, usual, { ...usual, width: 60 }, usual])).toBe(2);
    expect(bestOf([{ ...usual, rgb: plain }, usual, { ...usual, rgb: plain }])).toBe(1);
    expect(bestOf([{ ...usual, aside: 0.2 }, { ...usual, aside: -0.2 }, { ...usual, aside: 0.18 }, usual])).toBe(3);
  });

  it('carry the quality of the face that is shown, between 0 and 1', () => {
    const persons = createPersonTracks(options);
    show(persons, 0, 3000, () => [face([300, 150, 50, 65])]);
    const [told] = finish(persons, 3000);
    expect(told?.qualityRatio).toBeGreaterThan(0.1);
    expect(told?.qualityRatio).toBeLessThanOrEqual(1);
  });
});
