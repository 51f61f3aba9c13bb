import { repeat, type Clock, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import type { WatchdogOptions } from './options.ts';

/** Sends state to the service manager: `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…`. */
export type Notify = (state: readonly string[]) => Promise<void>;

/**
 * Tells systemd that the gateway is ready, then every `period` that it lives, as long as `healthy` says so. When the
 * event loop hangs or the gateway is not well the word stays away, and systemd restarts it after `WatchdogSec`
 * (sd_notify(3), systemd.service(5)). Without a socket it does nothing: the gateway was not started by systemd.
 */
export function createWatchdog(given: {
  readonly options: WatchdogOptions;
  /** `NOTIFY_SOCKET` of the unit; null elsewhere. */
  readonly socket: string | null;
  readonly healthy: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notify: Notify;
}): Component {
  const { options, socket, healthy, clock, logger, notify } = given;
  const fault = createRepeatedFault(clock, (error, count) =>
    logger.warn({ error, count }, 'service manager cannot be told'),
  );
  let timer: Timer | null = null;
  const tell = (...state: string[]): Promise<void> => notify(state).catch((error: unknown) => fault(messageOf(error)));
  const beat = async (): Promise<void> => {
    if (healthy()) await tell('WATCHDOG=1');
    else await tell('STATUS=unhealthy: see /health');
  };
  return {
    name: 'watchdog',
    start: async () => {
      if (socket === null) return;
      await tell('READY=1', 'STATUS=running');
      timer = repeat(clock, options.period, beat);
    },
    stop: async () => {
      if (!timer) return;
      timer.cancel();
      timer = null;
      await tell('STOPPING=1');
    },
  };
}
