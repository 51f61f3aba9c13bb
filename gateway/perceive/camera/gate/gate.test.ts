import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../test/support/simulators/random.ts';
import {
  calmGate,
  newGate,
  openGate,
  watchPicture,
  type GateDecision,
  type GateInput,
  type GateState,
} from './gate.ts';
import type { Sensitivity } from './tuning.ts';

/** A camera that codes 12.5 pictures a second with a key picture every 2 s, unless told otherwise. */
interface Course {
  readonly seconds: number;
  readonly gop?: number;
  /** Bytes of a picture between key pictures at this second. */
  readonly bytes: (atS: number, sinceKey: number) => number;
  readonly quantiser?: (atS: number) => number;
  readonly keyBytes?: (atS: number) => number;
  /** Share by which sizes vary at random. */
  readonly noise?: number;
}

const periodMs = 80;

function* pictures(course: Course, fromS = 0, seed = 1): Generator<GateInput> {
  const random = createRandom(seed);
  const { gop = 25, noise = 0.05, keyBytes = () => 20_000, quantiser = () => 28 } = course;
  for (let index = 0; index < (course.seconds * 1000) / periodMs; index += 1) {
    const atS = fromS + (index * periodMs) / 1000;
    const sinceKey = index % gop;
    const plain = sinceKey === 0 ? keyBytes(atS) : course.bytes(atS, sinceKey);
    const spread = sinceKey === 0 ? noise / 10 : noise;
    yield {
      key: sinceKey === 0,
      sizeBytes: Math.round(plain * (1 + random.between(-spread, spread))),
      quantiser: quantiser(atS),
      mediaTimeMs: atS * 1000,
    };
  }
}

function watch(
  inputs: Iterable<GateInput>,
  from: GateState = newGate('normal'),
): { state: GateState; seen: { atS: number; decision: GateDecision }[] } {
  let state = from;
  const seen = [];
  for (const input of inputs) {
    const next = watchPicture(state, input);
    state = next.state;
    seen.push({ atS: input.mediaTimeMs / 1000, decision: next.decision });
  }
  return { state, seen };
}

/** Seconds in which the gate was open at some time, without the first ones in which it learns. */
function openSeconds(course: Course, sensitivity: Sensitivity = 'normal'): number[] {
  const { seen } = watch(pictures(course), newGate(sensitivity));
  return [...new Set(seen.filter(({ decision }) => decision.open).map(({ atS }) => Math.floor(atS)))].filter(
    (s) => s > 11,
  );
}

const during = (fromS: number, untilS: number, atS: number): boolean => atS >= fromS && atS < untilS;

describe('gate', () => {
  it('is open until two GOPs have passed, however long they are, then shuts; but not for longer than two minutes', () => {
    const learnsUntil = (gop: number): number =>
      Math.max(
        ...watch(pictures({ seconds: 200, gop, bytes: () => 1000 }))
          .seen.filter(({ decision }) => decision.open && decision.reason === 'learning')
          .map(({ atS }) => Math.ceil(atS)),
      );
    expect([25, 375, 5000].map(learnsUntil)).toEqual([10, 60, 120]);
  });

  it('is open while it learns, then shuts before a scene with nothing but noise', () => {
    const { seen } = watch(pictures({ seconds: 60, bytes: () => 2000 }));
    expect(seen[0]?.decision).toMatchObject({ open: true, reason: 'learning' });
    expect(seen.filter(({ atS, decision }) => atS > 13 && decision.open)).toEqual([]);
    expect(seen.at(-1)?.decision).toEqual({ open: false, reason: 'quiet', doubtful: false });
  });

  it('opens within half a second of a rise, holds, and shuts again', () => {
    const { seen } = watch(pictures({ seconds: 60, bytes: (s) => (during(40, 45, s) ? 3600 : 2000) }));
    const open = seen.filter(({ atS, decision }) => atS > 13 && decision.open).map(({ atS }) => atS);
    expect(open[0]).toBeGreaterThan(39.9);
    expect(open[0]).toBeLessThan(40.5);
    expect(open.at(-1)).toBeGreaterThan(45);
    expect(open.at(-1)).toBeLessThan(49);
  });

  it('sees a rise of a tenth where noise is small, as heavy noise all over the picture makes it', () => {
    const open = openSeconds({ seconds: 60, noise: 0.02, bytes: (s) => (during(40, 45, s) ? 2200 : 2000) });
    expect(open).toContain(42);
    expect(open.filter((s) => s < 40 || s > 48)).toEqual([]);
  });

  it('sees motion that a constant bit rate pays for with quality instead of bits', () => {
    const course = { seconds: 60, bytes: () => 2000, quantiser: (s: number) => (during(40, 45, s) ? 30 : 28) };
    expect(openSeconds(course)).toContain(42);
    expect(openSeconds({ ...course, quantiser: () => 28 })).toEqual([]);
  });

  it('lets a rate control swing: more bits at a finer quantiser are the same scene', () => {
    const swing = (s: number): number => Math.round(2 * Math.sin(s / 3));
    const open = openSeconds({
      seconds: 90,
      bytes: (s) => 2000 * 2 ** (-swing(s) / 4),
      keyBytes: (s) => 20_000 * 2 ** (-swing(s) / 4),
      quantiser: (s) => 28 + swing(s),
    });
    expect(open.filter((s) => s > 20).length).toBeLessThan(8);
  });

  it('learns the usual course between key pictures', () => {
    const pulse = (_s: number, sinceKey: number): number => 2000 + 3000 / sinceKey;
    expect(openSeconds({ seconds: 90, bytes: pulse }).filter((s) => s > 30)).toEqual([]);
  });

  it('measures B pictures by themselves', () => {
    const b = (index: number): boolean => index % 4 !== 1;
    const inputs = [...pictures({ seconds: 60, bytes: (_s, sinceKey) => (b(sinceKey) ? 300 : 4000) })].map(
      (input, index) => ({ ...input, bidirectional: !input.key && b(index % 25) }),
    );
    const { seen } = watch(inputs);
    expect(seen.filter(({ atS, decision }) => atS > 30 && decision.open)).toEqual([]);
  });

  it('shuts by itself after the level has risen for good, as when the infrared lamp comes on', () => {
    const open = openSeconds({ seconds: 120, bytes: (s) => (s < 40 ? 2000 : 6000) });
    expect(open).toContain(41);
    // Chance may open it for a moment.
    expect(open.filter((s) => s > 65).length).toBeLessThan(6);
  });

  it('is not blind after the level has fallen', () => {
    // Quiet at 6000 bytes until 40 s, then at 2000; at 46 s a car that makes 2600.
    const open = openSeconds({ seconds: 60, bytes: (s) => (s < 40 ? 6000 : during(46, 49, s) ? 2600 : 2000) });
    expect(open).toContain(47);
  });

  it('finds the quiet level although something moves for half of the time', () => {
    const busy = (s: number): number => (s % 20 < 10 ? 3000 + 1500 * Math.sin(s * 1.7) : 2000);
    const open = openSeconds({ seconds: 200, bytes: (s) => (during(190, 193, s) ? 2700 : busy(s)) });
    expect(open).toContain(191);
    expect(open.filter((s) => s > 100 && s < 190 && s % 20 > 15)).toEqual([]);
  });

  it('wants the key picture looked at that is of another size: a car may stand there that was not in the one before', () => {
    const course = { seconds: 60, bytes: () => 2000, keyBytes: (s: number) => (s < 40 ? 20_000 : 26_000) };
    const { seen } = watch(pictures(course));
    const doubts = seen.filter(({ atS, decision }) => atS > 11 && decision.doubtful).map(({ atS }) => atS);
    expect(doubts[0]).toBe(40);
    // That alone decodes nothing.
    expect(seen.find(({ atS }) => atS === 40)?.decision.open).toBe(false);
  });

  it('wants a key picture looked at that comes before its time', () => {
    const inputs = [...pictures({ seconds: 60, bytes: () => 2000 })].map((input) =>
      input.mediaTimeMs === 40_800 ? { ...input, key: true, sizeBytes: 20_000 } : input,
    );
    const { seen } = watch(inputs);
    expect(seen.find(({ atS }) => atS === 40.8)?.decision).toEqual({
      open: false,
      reason: 'quiet',
      doubtful: true,
    });
    expect(seen.find(({ atS }) => atS > 40.8)?.decision.doubtful).toBe(false);
  });

  it('notices a sparing camera that begins to send every picture', () => {
    const inputs = [...pictures({ seconds: 60, gop: 1000, bytes: () => 2000 })].filter(
      ({ mediaTimeMs }, index) => index % 4 === 0 || during(40, 45, mediaTimeMs / 1000),
    );
    const { seen } = watch(inputs);
    expect(seen.some(({ atS, decision }) => during(40, 42, atS) && decision.open)).toBe(true);
  });

  it('judges a stream of key pictures alone by them', () => {
    const open = openSeconds({
      seconds: 60,
      gop: 1,
      bytes: () => 0,
      keyBytes: (s) => (during(40, 45, s) ? 25_000 : 20_000),
    });
    expect(open).toContain(42);
    expect(open.filter((s) => s < 40)).toEqual([]);
  });

  it('looks harder where key pictures are rare, and stays open where there are none to look at', () => {
    const openShare = (gop: number, recovery: boolean): number => {
      // A rise of 1.5 %: below the least limit, above that where key pictures are rare.
      const course = { seconds: 100, gop, noise: 0.01, bytes: (s: number) => (during(80, 86, s) ? 2030 : 2000) };
      const inputs = [...pictures(course)].map((input, index) => ({
        ...input,
        recovery: recovery && index % 40 === 39,
      }));
      const late = watch(inputs).seen.filter(({ atS }) => during(80, 86, atS));
      return late.filter(({ decision }) => decision.open).length / late.length;
    };
    expect(openShare(25, false)).toBe(0);
    expect(openShare(5000, false)).toBeGreaterThan(0.5);
    expect(openShare(5000, true)).toBe(1);
  });

  it('says that it doubts where sizes jump about', () => {
    const { state } = watch(pictures({ seconds: 60, noise: 0.9, bytes: (s) => 2000 * (1 + 0.8 * Math.sin(s * 0.9)) }));
    expect(state.doubtful).toBe(true);
  });

  it.each([
    ['forwards', 3_600_000],
    ['backwards', -30_000],
  ])('opens when the clock jumps %s and goes on with what it knows', (_way, jumpMs) => {
    const before = watch(pictures({ seconds: 60, bytes: () => 2000 }));
    const after = [...pictures({ seconds: 30, bytes: () => 2000 }, 60)].map((input) => ({
      ...input,
      mediaTimeMs: input.mediaTimeMs + jumpMs,
    }));
    const { seen } = watch(after, before.state);
    expect(seen[0]?.decision).toMatchObject({ open: true, reason: 'break' });
    expect(seen.slice(-250).some(({ decision }) => decision.open)).toBe(false);
  });

  describe('told by decoded pictures that nothing moved', () => {
    const level = (s: number): number =>
      during(40, 46, s) || during(50, 55, s) ? 2700 : during(80, 83, s) ? 4500 : 2000;
    /** The same course, and from 41 s on pictures that say up to a second ago nothing has moved, until `untilS`. */
    const told = (untilS: number, bytes = level): number[] => {
      let state = newGate('normal');
      const open: number[] = [];
      for (const input of pictures({ seconds: 400, bytes })) {
        const next = watchPicture(state, input);
        const atS = input.mediaTimeMs / 1000;
        if (next.decision.open) open.push(atS);
        const calm = next.decision.open && atS > 11 && atS < untilS;
        state = calm ? calmGate(next.state, input.mediaTimeMs - 1500, input.mediaTimeMs - 200) : next.state;
      }
      return open.filter((s) => s > 11);
    };

    it('shuts at once and stays shut for no more than that, and opens for more', () => {
      const open = told(48);
      expect(open.filter((s) => during(40, 48, s)).length * periodMs).toBeLessThan(2000);
      expect(open.filter((s) => during(48, 78, s))).toEqual([]);
      expect(open.some((s) => during(80, 83, s))).toBe(true);
      // A gate that nobody tells is open both times for as long as it lasts.
      expect(told(0).filter((s) => during(40, 48, s)).length * periodMs).toBeGreaterThan(5000);
    });

    it('forgets it after some minutes', () => {
      const again = (s: number): number => (during(340, 345, s) ? 2700 : level(s));
      expect(told(50, again).some((s) => during(340, 345, s))).toBe(true);
    });

    it('looks at every key picture meanwhile, as a car may cost no more', () => {
      const { state } = watch(pictures({ seconds: 45, noise: 0.02, bytes: (s) => (s < 40 ? 2000 : 2700) }));
      expect(state.doubtful).toBe(false);
      const { seen } = watch(
        pictures({ seconds: 5, noise: 0.02, bytes: () => 2700 }, 45),
        calmGate(state, 40_000, 45_000),
      );
      expect(seen.at(-1)?.decision).toMatchObject({ open: false, doubtful: true });
    });

    it('stays open while it learns, and for what came since', () => {
      const learning = watch(pictures({ seconds: 8, bytes: () => 2000 })).state;
      expect(calmGate(learning, 0, 8000).openUntilMs).toBe(learning.openUntilMs);
      const { state } = watch(pictures({ seconds: 46, bytes: (s) => (s < 44 ? 2000 : 4000) }));
      expect(calmGate(state, 40_000, 43_500).openUntilMs).toBe(state.openUntilMs);
      expect(calmGate(state, 40_000, 46_000).openUntilMs).toBe(state.lastMs);
    });
  });

  it('can be opened from outside for a while, and kept open for good', () => {
    const { state } = watch(pictures({ seconds: 60, bytes: () => 2000 }));
    const { seen } = watch(pictures({ seconds: 10, bytes: () => 2000 }, 60), openGate(state, 3000));
    expect(seen[10]?.decision).toMatchObject({ open: true, reason: 'asked' });
    expect(seen.at(-1)?.decision.open).toBe(false);
    const always = watch(pictures({ seconds: 60, bytes: () => 2000 }), newGate('always'));
    expect(always.seen.every(({ decision }) => decision.open)).toBe(true);
  });

  it('opens for less when it is more sensitive', () => {
    const course = { seconds: 60, noise: 0.02, bytes: (s: number) => (during(40, 45, s) ? 2060 : 2000) };
    const [low, high] = [openSeconds(course, 'low'), openSeconds(course, 'high')];
    expect(high).toContain(42);
    expect(low.length).toBeLessThan(high.length);
  });

  it('changes nothing that it was given', () => {
    const freeze = <T>(value: T): T => {
      if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
      return value;
    };
    let state = freeze(newGate('normal'));
    for (const input of pictures({ seconds: 20, bytes: () => 2000 }))
      state = freeze(watchPicture(state, freeze(input)).state);
    expect(state.pictures).toBe(250);
  });

  it('goes on in the same way from a state that went through JSON', () => {
    const before = watch(pictures({ seconds: 50, bytes: () => 2000 })).state;
    const after = { seconds: 50, bytes: (s: number) => (during(70, 75, s) ? 3000 : 2000) };
    const copy = JSON.parse(JSON.stringify(before)) as GateState;
    expect(copy).toEqual(before);
    expect(watch(pictures(after, 50), copy)).toEqual(watch(pictures(after, 50), before));
  });

  it.each([1, 2, 3, 4, 5, 6])('stays small and finite whatever it is given (seed %i)', (seed) => {
    const random = createRandom(seed);
    let state = newGate('normal');
    let atMs = 0;
    let largest = 0;
    for (let index = 0; index < 20_000; index += 1) {
      atMs += random.pick([
        0,
        1,
        40,
        40,
        40,
        40,
        80,
        500,
        random.next() < 0.01 ? 100_000 : 40,
        random.next() < 0.01 ? -90_000 : 0,
      ]);
      state = watchPicture(state, {
        key: random.next() < 0.05,
        sizeBytes: random.pick([0, 1, 30, random.integer(0, 5000), random.integer(0, 4_000_000)]),
        quantiser: random.pick([null, -12, 0, 51, random.integer(10, 45)]),
        mediaTimeMs: atMs,
        bidirectional: random.next() < 0.3,
      }).state;
      if (index % 1000 === 999) largest = Math.max(largest, JSON.stringify(state).length);
    }
    // Four lists of 300 numbers of some 18 digits.
    expect(largest).toBeLessThan(30_000);
    // JSON writes what is not finite as null.
    expect(JSON.stringify(state)).not.toContain('null');
  });
});
