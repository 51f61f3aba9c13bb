import type { Clock, Timer } from '../lib/clock.ts';
import type { Perceiver } from './perceive.ts';

/**
 * A perceiver whose models are let go while nobody shows it anything: a night without movement needs no 110 MB of them.
 * The first picture after that waits until they are there again, about half a second. They are opened once at once, so that
 * what is wrong with them shows at the start. One picture at a time, as with any perceiver.
 */
export async function createSleepingPerceiver(given: {
  readonly open: () => Promise<Perceiver>;
  readonly sleepAfterMs: number;
  readonly clock: Clock;
}): Promise<Perceiver & { asleep(): boolean }> {
  const first = await given.open();
  const { stillSidesPx, livePlateLook } = first;
  let awake: Promise<Perceiver> | null = Promise.resolve(first);
  let looking = 0;
  let timer: Timer = { cancel: () => undefined };

  const sleep = (): void => {
    const open = awake;
    awake = null;
    // Who comes meanwhile opens anew; the two do not meet.
    void open?.then((perceiver) => perceiver.release()).catch(() => undefined);
  };
  const rest = (): void => {
    timer.cancel();
    timer = given.clock.after(given.sleepAfterMs, sleep);
  };
  rest();

  return {
    stillSidesPx,
    livePlateLook,
    asleep: () => awake === null,
    perceive: async (picture, request) => {
      looking += 1;
      timer.cancel();
      const perceiver = (awake ??= given.open());
      try {
        return await (await perceiver).perceive(picture, request);
      } catch (error) {
        // Not to be met again by the next picture, if it was the opening that failed.
        await perceiver.catch(() => (awake = null));
        throw error;
      } finally {
        looking -= 1;
        if (looking === 0) rest();
      }
    },
    release: async () => {
      timer.cancel();
      const open = awake;
      awake = null;
      await (await open)?.release();
    },
  };
}
