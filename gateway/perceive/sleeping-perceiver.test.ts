import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../lib/fake-clock.ts';
import type { Perceived, Perceiver } from './perceive.ts';
import type { Picture } from './picture.ts';
import { createSleepingPerceiver } from './sleeping-perceiver.ts';

const picture: Picture = { widthPx: 1, heightPx: 1, rgb: new Uint8Array(3) };
const nothing: Perceived = { plates: [], unread: [], faces: [], rejected: [], timingsMs: { detect: 0, read: 0 } };
const request = { plates: [], faces: [] };

/** Models that tell when they are opened, used and let go; `settle` ends the oldest look. */
function models() {
  const told: string[] = [];
  const looks: (() => void)[] = [];
  let opened = 0;
  const state = { broken: false };
  const open = (): Promise<Perceiver> => {
    if (state.broken) return Promise.reject(new Error('no model'));
    const number = (opened += 1);
    told.push(`open ${number}`);
    return Promise.resolve({
      stillSidesPx: [640],
      livePlateLook: { sidePx: () => 384 } as unknown as Perceiver['livePlateLook'],
      perceive: () => {
        told.push(`look ${number}`);
        return new Promise((resolve) => looks.push(() => resolve(nothing)));
      },
      release: () => {
        told.push(`release ${number}`);
        return Promise.resolve();
      },
    });
  };
  return { told, open, state, settle: () => looks.shift()?.() };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('models that sleep', () => {
  it('are let go after a quiet while, never under a picture, and come back with the next one', async () => {
    const clock = createFakeClock();
    const { told, open, settle } = models();
    const perceiver = await createSleepingPerceiver({ open, clock, sleepAfterMs: 60_000 });
    expect(perceiver.stillSidesPx).toEqual([640]);
    await clock.advance(50_000);
    const look = perceiver.perceive(picture, request);
    await turn();
    await clock.advance(120_000);
    expect(told).toEqual(['open 1', 'look 1']);
    settle();
    expect(await look).toBe(nothing);
    await clock.advance(59_000);
    expect(perceiver.asleep()).toBe(false);
    await clock.advance(2000);
    expect(perceiver.asleep()).toBe(true);
    expect(told).toEqual(['open 1', 'look 1', 'release 1']);
    const next = perceiver.perceive(picture, request);
    await turn();
    settle();
    await next;
    await perceiver.release();
    await clock.advance(120_000);
    expect(told).toEqual(['open 1', 'look 1', 'release 1', 'open 2', 'look 2', 'release 2']);
  });

  it('that are missing show at the start, and when they come back too', async () => {
    const clock = createFakeClock();
    const { open, state, settle } = models();
    state.broken = true;
    await expect(createSleepingPerceiver({ open, clock, sleepAfterMs: 1000 })).rejects.toThrow('no model');
    state.broken = false;
    const perceiver = await createSleepingPerceiver({ open, clock, sleepAfterMs: 1000 });
    await clock.advance(2000);
    state.broken = true;
    await expect(perceiver.perceive(picture, request)).rejects.toThrow('no model');
    state.broken = false;
    const look = perceiver.perceive(picture, request);
    await turn();
    settle();
    expect(await look).toBe(nothing);
    await perceiver.release();
  });
});
