import type { Clock } from '../../lib/clock.ts';

/**
 * Keeps below a robot's limit per minute, since a robot that is over it is silenced for minutes, red or not. A share of the
 * places is for urgent ones only. `take` answers 0 and counts, or how many ms to wait.
 */
export function createRate(clock: Pick<Clock, 'monotonic'>, perMinute: number) {
  const reserved = Math.max(1, Math.floor(perMinute / 5));
  let taken: number[] = [];
  return {
    take: (urgent: boolean): number => {
      const nowMs = clock.monotonic();
      taken = taken.filter((at) => nowMs - at < 60_000);
      const places = urgent ? perMinute : perMinute - reserved;
      if (taken.length < places) {
        taken.push(nowMs);
        return 0;
      }
      // The oldest of those that stand in the way has to leave the minute.
      const oldest = taken[taken.length - places] ?? nowMs;
      return Math.max(1, Math.ceil(60_000 - (nowMs - oldest)));
    },
    /** The far side says that it is over its limit: nothing more for that long. */
    full: (): void => {
      const nowMs = clock.monotonic();
      taken = Array<number>(perMinute).fill(nowMs);
    },
  };
}
