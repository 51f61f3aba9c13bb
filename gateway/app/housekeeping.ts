import { repeat, type Clock, type EpochMs, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';

const tickMs = 1000;
const sweepMs = 60_000;
/** A sweep with much to do goes on for so many bites before it lets a minute pass. */
const bitesAtOnce = 20;

/** What has to be done again and again: time for the line every second, the deletion of what is too old every minute. */
export function createHousekeeping(given: {
  readonly tick: () => Promise<void>;
  readonly sweep: (nowMs: EpochMs) => Promise<{ readonly done: boolean; readonly evidencePaths: readonly string[] }>;
  readonly removeEvidence: (paths: readonly string[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}): Component {
  const { clock } = given;
  const fault = createRepeatedFault(clock, (what, count, facts) =>
    given.logger.error({ ...facts, what, count }, 'housekeeping failed'),
  );
  let timers: Timer[] = [];
  let working: Promise<unknown> = Promise.resolve();
  const guarded = (what: string, work: () => Promise<void>) => (): Promise<void> => {
    const run = work().catch((error: unknown) => fault(what, { reason: messageOf(error) }));
    // Undefined in the end: a result that holds the one before it would grow by one link a second.
    working = Promise.all([working, run]).then(() => undefined);
    return run;
  };
  const sweepAll = async (): Promise<void> => {
    for (let bite = 0; bite < bitesAtOnce; bite += 1) {
      const { done, evidencePaths } = await given.sweep(clock.now());
      await given.removeEvidence(evidencePaths);
      if (done) return;
    }
  };
  return {
    name: 'housekeeping',
    start: () => {
      timers = [repeat(clock, tickMs, guarded('tick', given.tick)), repeat(clock, sweepMs, guarded('sweep', sweepAll))];
      return Promise.resolve();
    },
    stop: async () => {
      for (const timer of timers) timer.cancel();
      timers = [];
      await working;
    },
  };
}
