import { beforeAll, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../gateway/lib/clock.ts';
import type { Picture } from '../../gateway/perceive/picture.ts';
import { createViewWatch, type ViewChange } from '../../gateway/perceive/view-watch.ts';
import { behindLorry, blurred, covered, createRandom, drawView, infrared, lit, noisy, rainy } from './drawn-view.ts';

const blindAfterMs = 120_000;
const everyMs = 5000;
const noon = Date.UTC(2026, 10, 22, 4);
const minute = 60_000;
const random = createRandom(11);

/** The same gate by day and by night, and another place altogether. */
const scene = { day: null as Picture | null, night: null as Picture | null, elsewhere: null as Picture | null };
beforeAll(async () => {
  scene.day = await (await drawView(3)).at(0);
  scene.night = await (await drawView(3, { light: 'night' })).at(0);
  const other = await (await drawView(9, { light: 'day' })).at(0);
  // Turned by a quarter and to the side: the same sky, other things.
  scene.elsewhere = turned(other);
}, 60_000);

function turned(picture: Picture): Picture {
  const { widthPx, heightPx } = picture;
  const rgb = new Uint8Array(picture.rgb.length);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) {
      const from = ((heightPx - 1 - y) * widthPx + ((x * 2 + 137) % widthPx)) * 3;
      rgb.set(picture.rgb.subarray(from, from + 3), (y * widthPx + x) * 3);
    }
  }
  return { widthPx, heightPx, rgb };
}

/** Shows pictures for so long, one every 5 s, each with noise of its own. */
function begin(isDay = true) {
  const watch = createViewWatch({ blindAfterMs, isDay: () => isDay });
  const told: (Pick<ViewChange, 'change' | 'reason'> & { afterS: number })[] = [];
  let atMs = noon;
  let shownMs = noon;
  const show = (picture: (share: number) => Picture, forMs: number, noise = 4): void => {
    shownMs = atMs;
    // A look more or less says nothing new in a long hour.
    const stepMs = forMs > 10 * minute ? everyMs * 3 : everyMs;
    for (const until = atMs + forMs; atMs < until; atMs += stepMs) {
      const change = watch.look(noisy(picture((atMs - shownMs) / forMs), random, noise), atMs as EpochMs);
      if (change) told.push({ change: change.change, reason: change.reason, afterS: (change.at - shownMs) / 1000 });
    }
  };
  return { show, told, watch };
}
const day = (): Picture => scene.day!;
const night = (): Picture => scene.night!;

describe('a camera that sees nothing', () => {
  it.each([
    ['a bag is over it', /covered/, () => covered(day(), 110, random)],
    ['it is painted black', /covered|black/, () => covered(day(), 6, random)],
    ['it is out of focus', /out of focus/, () => blurred(day(), 5)],
    ['it is black by day', /black/, () => lit(day(), 0)],
  ])('is blind after two minutes when %s, and sees again at once', { timeout: 60_000 }, (_what, reason, picture) => {
    const { show, told } = begin();
    show(day, 3 * minute);
    const bad = picture();
    show(() => bad, 4 * minute);
    expect(told).toEqual([{ change: 'blind', reason: expect.stringMatching(reason) as string, afterS: 120 }]);
    show(day, minute);
    expect(told.slice(1)).toEqual([{ change: 'seeing', reason: null, afterS: everyMs / 1000 }]);
  });

  it('is blind after six minutes when it is turned away, as a van may stand there as long', { timeout: 60_000 }, () => {
    const { show, told } = begin();
    show(day, 3 * minute);
    show(() => scene.elsewhere!, 8 * minute);
    expect(told).toEqual([{ change: 'blind', reason: expect.stringMatching(/another view/) as string, afterS: 360 }]);
    show(day, minute);
    expect(told.map(({ change }) => change)).toEqual(['blind', 'seeing']);
  });

  it('is known from the start where there is nothing to be seen at all', { timeout: 60_000 }, () => {
    const { show, told } = begin();
    const bag = covered(day(), 90, random);
    show(() => bag, 3 * minute);
    expect(told).toMatchObject([{ change: 'blind' }]);
  });

  it('is blind by night too, when the light goes from one look to the next', { timeout: 60_000 }, () => {
    const { show, told } = begin(false);
    show(night, 3 * minute, 8);
    show(() => lit(night(), 0), 3 * minute, 1);
    expect(told).toMatchObject([{ change: 'blind', reason: expect.stringMatching(/black/) as string }]);
  });

  it('is told of again after a new connection', { timeout: 60_000 }, () => {
    const { show, told, watch } = begin();
    show(day, minute);
    const bag = covered(day(), 90, random);
    show(() => bag, 3 * minute);
    watch.tellAgain();
    show(() => bag, minute);
    expect(told.map(({ change }) => change)).toEqual(['blind', 'blind']);
  });
});

describe('a camera that sees', () => {
  it.each([
    ['a lorry stands before all of it for a minute', () => [[() => behindLorry(day(), 1), 1]] as const],
    ['a lorry hides two thirds of it for a quarter of an hour', () => [[() => behindLorry(day(), 0.66), 15]] as const],
    ['it rains for a quarter of an hour', () => [[() => rainy(day(), random), 15]] as const],
    [
      'dusk falls, and it is night',
      () =>
        [
          [(share: number) => mix(day(), night(), share), 20],
          [night, 12],
        ] as const,
    ],
    [
      'it switches to infrared from one picture to the next, and back',
      () =>
        [
          [() => infrared(day()), 12],
          [day, 10],
          [() => infrared(day()), 10],
        ] as const,
    ],
    ['clouds take half of the light', () => [[() => lit(day(), 0.5), 10]] as const],
    ['it is night and noisy', () => [[night, 12]] as const],
  ])('is not called blind when %s', { timeout: 120_000 }, (_what, steps) => {
    const { show, told } = begin();
    show(day, 3 * minute);
    for (const [picture, minutes] of steps()) {
      // Whatever is drawn once stays drawn; noise is new in every picture.
      const still = picture.length === 0 ? picture(0) : null;
      show(still ? () => still : picture, minutes * minute, 6);
    }
    expect(told).toEqual([]);
  });

  it('is not called blind by night where there never is any light', { timeout: 60_000 }, () => {
    const { show, told } = begin(false);
    show((share) => lit(night(), 1 - share), 20 * minute, 2);
    show(() => lit(night(), 0), 12 * minute, 2);
    expect(told).toEqual([]);
  });

  it('is believed about a lamp that goes off every night', { timeout: 60_000 }, () => {
    const { show, told } = begin(false);
    for (let times = 0; times < 5; times += 1) {
      show(night, 2 * minute, 4);
      show(() => lit(night(), 0), 4 * minute, 1);
    }
    expect(told.filter(({ change }) => change === 'blind')).toHaveLength(3);
  });

  it('is known by its new view when somebody has set it anew', { timeout: 60_000 }, () => {
    const { show, told } = begin();
    show(day, 3 * minute);
    show(() => scene.elsewhere!, 150 * minute);
    expect(told.map(({ change }) => change)).toEqual(['blind', 'seeing']);
    // And by the old one, when it is turned back.
    show(day, 10 * minute);
    expect(told).toHaveLength(2);
  });
});

function mix(from: Picture, to: Picture, share: number): Picture {
  const rgb = new Uint8Array(from.rgb.length);
  const [a, b] = [Math.round((1 - share) * 1024), Math.round(share * 1024)];
  for (let at = 0; at < rgb.length; at += 1) rgb[at] = (from.rgb[at]! * a + to.rgb[at]! * b) >> 10;
  return { ...from, rgb };
}
