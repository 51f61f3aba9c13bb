import type { Delivery } from '../domain/alert.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { OutboxOptions } from './options.ts';
import { isUrgent } from './settle.ts';

/** So many tries in a row, of whatever deliveries, without a word from the far side: it is the way that is broken. */
const missesToBreak = 3;
/** At first it is tried this often, since most outages are short; then ever more rarely. Also how often a probe is looked for. */
const firstProbeMs = 250;

/**
 * Whether the way to one far side is there. While it is not, deliveries are not each tried at times of their own, which
 * would be hundreds of vain tries a minute in a long outage and leave the last ones minutes to wait after it: one after
 * another is sent as a probe, and the first that arrives says that all the others may go.
 */
export interface Outage {
  broken(): boolean;
  /** In how many ms to look for a probe; 0: now, and then again in `lookEveryMs`. */
  lookInMs(): number;
  /** The delivery to try the way with, of these heads (most urgent first, repeats among them that still wait); null: not yet. */
  probe(heads: readonly Delivery[]): Delivery | null;
  /** A try came to nothing. `afterMs`: as long as the far side asks to wait. */
  missed(delivery: Delivery, afterMs: number | null): void;
  /** The far side took one, or refused one: it is there. True: it was not until now. */
  answered(): boolean;
}

export function createOutage(given: {
  readonly options: OutboxOptions;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly random: Pick<Random, 'unit'>;
}): Outage {
  const { options, clock, random } = given;
  let misses = 0;
  let probes = 0;
  let lastProbeMs = -Infinity;
  let lastLookMs = -Infinity;
  /** What Retry-After asked for. One that a lesser delivery was given does not hold up an urgent one. */
  let notBeforeMs = { urgent: -Infinity, lesser: -Infinity };

  const lookEveryMs = Math.min(firstProbeMs, options.probe.urgentEvery);
  const waitMs = (maxMs: number): number =>
    backoffMs({ firstMs: lookEveryMs, maxMs, factor: 2, jitterRatio: 0.3 }, Math.max(1, probes), () => random.unit());

  const mayTry = ({ tier }: Delivery): boolean =>
    clock.monotonic() >= (isUrgent(tier) ? notBeforeMs.urgent : notBeforeMs.lesser);

  return {
    broken: () => misses >= missesToBreak,
    lookInMs: () => {
      const nowMs = clock.monotonic();
      if (nowMs - lastLookMs < lookEveryMs) return lookEveryMs - (nowMs - lastLookMs);
      lastLookMs = nowMs;
      return 0;
    },
    probe: (heads) => {
      const allowed = heads.filter(mayTry);
      const first = allowed[0];
      const { urgentEvery, every } = options.probe;
      // At the pace of the most urgent one, whoever's turn it is: any of them that arrives frees all.
      if (!first || clock.monotonic() - lastProbeMs < waitMs(isUrgent(first.tier) ? urgentEvery : every)) return null;
      // By turns the most urgent and the one least tried: one that the far side always fails on must not hide that it takes others.
      const leastTried = allowed.reduce((least, head) => (head.attempts < least.attempts ? head : least), first);
      const chosen = probes % 2 === 0 ? first : leastTried;
      probes += 1;
      lastProbeMs = clock.monotonic();
      return chosen;
    },
    missed: (delivery, afterMs) => {
      misses += 1;
      if (misses === missesToBreak) {
        probes = 0;
        lastProbeMs = clock.monotonic();
      }
      if (afterMs === null) return;
      const untilMs = clock.monotonic() + Math.min(afterMs, options.longestRetryAfter);
      notBeforeMs = {
        urgent: isUrgent(delivery.tier) ? Math.max(notBeforeMs.urgent, untilMs) : notBeforeMs.urgent,
        lesser: Math.max(notBeforeMs.lesser, untilMs),
      };
    },
    answered: () => {
      const was = misses >= missesToBreak;
      misses = 0;
      probes = 0;
      notBeforeMs = { urgent: -Infinity, lesser: -Infinity };
      return was;
    },
  };
}
