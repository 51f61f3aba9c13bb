import { describe, expect, it, onTestFinished } from 'vitest';
import { createFakeClock } from '../../lib/fake-clock.ts';
import { someDelivery } from '../contract.ts';
import { openWebhookBench } from './webhook-bench.ts';

describe('a long poll', () => {
  it('that failed again and again is tried as soon as a notice gets through', async () => {
    const clock = createFakeClock(Date.now());
    const bench = await openWebhookBench({ clock });
    const ending = new AbortController();
    onTestFinished(() => {
      ending.abort();
      return bench.close();
    });
    /** How much time it takes, in ms of the fake clock, until so many polls have come. */
    const untilPolls = async (count: number): Promise<number> => {
      let tookMs = 0;
      await expect
        .poll(
          async () => {
            if (bench.far.polls.length < count) await clock.advance((tookMs += 250) && 250);
            return bench.far.polls.length;
          },
          { timeout: 20_000 },
        )
        .toBe(count);
      return tookMs;
    };
    bench.far.forgeNext('replayed');
    void bench.channel.listen(() => Promise.resolve(), ending.signal);
    for (const times of [1, 2, 3, 4, 5]) {
      await untilPolls(times);
      bench.far.forgeNext('replayed');
    }
    // The sixth is due in 11 to 16 s.
    expect((await bench.channel.send(someDelivery(), ending.signal)).kind).toBe('delivered');
    expect(await untilPolls(6)).toBeLessThan(8000);
  });
});
