import type { BoxPx } from '../domain/plate.ts';
import type { EpochMs } from '../lib/clock.ts';
import { overlapRatio } from './geometry.ts';

/** Read so often without ever being a plate, it is a sign, a time stamp or a grille. */
const timesToKnow = 3;
/** After this long it is read again: a car may have parked in front of the sign. */
const forgetAfterMs = 20_000;
const maxSigns = 40;

/** Remembers places with writing that is no plate, so that the reader's time is not spent on them. */
export function createSignMemory() {
  let signs: { box: BoxPx; times: number; firstAt: EpochMs }[] = [];
  const find = (box: BoxPx) => signs.find((sign) => overlapRatio(sign.box, box) > 0.6);
  return {
    note: (box: BoxPx, at: EpochMs): void => {
      const known = find(box);
      if (known) known.times += 1;
      else signs = [...signs.slice(-maxSigns + 1), { box, times: 1, firstAt: at }];
    },
    knows: (box: BoxPx, at: EpochMs): boolean => {
      signs = signs.filter(({ firstAt }) => at - firstAt < forgetAfterMs);
      return (find(box)?.times ?? 0) >= timesToKnow;
    },
  };
}
