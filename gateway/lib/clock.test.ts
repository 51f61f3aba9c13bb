import { describe, expect, it } from 'vitest';
import { repeat } from './clock.ts';
import { createFakeClock } from './fake-clock.ts';

describe('what is done again and again', () => {
  it('every few seconds is done on whole seconds, by everybody together, whenever they began', async () => {
    const clock = createFakeClock();
    const moments: number[] = [];
    const timers = [];
    for (const [startsAt, periodMs] of [
      [0, 1000],
      [130, 1000],
      [270, 2000],
      [300, 1000],
      [620, 5000],
    ] as const) {
      await clock.advance(startsAt - clock.monotonic());
      timers.push(repeat(clock, periodMs, () => void moments.push(clock.monotonic())));
    }
    await clock.advance(10_000);
    for (const timer of timers) timer.cancel();
    expect(moments.length).toBeGreaterThan(30);
    expect(moments.filter((at) => at % 1000 !== 0)).toEqual([]);
  });

  it('keeps any other period as it is, counted from the end of the work before', async () => {
    const clock = createFakeClock();
    const moments: number[] = [];
    await clock.advance(70);
    const timer = repeat(clock, 250, () => void moments.push(clock.monotonic()));
    await clock.advance(1000);
    timer.cancel();
    await clock.advance(1000);
    expect(moments).toEqual([320, 570, 820, 1070]);
  });
});
