import type { Clock, Timer } from '../../lib/clock.ts';

/** The right to run one decoder. */
export interface DecoderLease {
  /** The decoder has ended. May be called twice. */
  release(): void;
}

export interface DecoderSlots {
  /**
   * Calls `start` as soon as a decoder may run, at once if one is free; whoever waited longest is next. `yieldSoon` is
   * called when others wait and this one had its share: it ends its decoder, releases, and may ask again.
   * Returns how to give up waiting.
   */
  ask(start: (lease: DecoderLease) => void, yieldSoon: () => void): () => void;
  report(): { readonly running: number; readonly waiting: number; readonly capacity: number };
}

interface Waiting {
  readonly start: (lease: DecoderLease) => void;
  readonly yieldSoon: () => void;
}

interface Running {
  readonly since: number;
  readonly yieldSoon: () => void;
  asked: boolean;
}

/** At most `capacity` decoders at once, fair between cameras: with more at work than places, each has its turn of `turnMs`. */
export function createDecoderSlots(options: {
  readonly capacity: number;
  /** A passage takes 5 to 10 s; starting a decoder costs an eighth of a second of CPU. */
  readonly turnMs: number;
  readonly clock: Clock;
}): DecoderSlots {
  const { capacity, turnMs, clock } = options;
  const running = new Set<Running>();
  let waiting: Waiting[] = [];
  let timer: Timer | null = null;

  const fill = (): void => {
    while (running.size < capacity) {
      const next = waiting.shift();
      if (!next) break;
      const entry: Running = { since: clock.monotonic(), yieldSoon: next.yieldSoon, asked: false };
      running.add(entry);
      next.start({
        release: () => {
          if (running.delete(entry)) fill();
        },
      });
    }
    watch();
  };

  /** While somebody waits, the one who has run longest is asked to yield when its turn is over. */
  const watch = (): void => {
    timer?.cancel();
    timer = null;
    const askable = [...running].filter(({ asked }) => !asked).sort((a, b) => a.since - b.since);
    // One place for each who waits: those already asked to yield will make theirs.
    if (waiting.length <= running.size - askable.length) return;
    const oldest = askable[0];
    if (!oldest) return;
    const leftMs = oldest.since + turnMs - clock.monotonic();
    timer = clock.after(Math.max(leftMs, 0), () => {
      timer = null;
      oldest.asked = true;
      oldest.yieldSoon();
      watch();
    });
  };

  return {
    ask: (start, yieldSoon) => {
      const entry = { start, yieldSoon };
      waiting.push(entry);
      fill();
      return () => {
        waiting = waiting.filter((other) => other !== entry);
        watch();
      };
    },
    report: () => ({ running: running.size, waiting: waiting.length, capacity }),
  };
}
