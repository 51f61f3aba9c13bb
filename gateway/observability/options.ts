import { z } from 'zod';
import { durationMs } from '../lib/quantities.ts';

/** Options of the watchdog. Where to report (`NOTIFY_SOCKET`) comes from systemd, not from the configuration. */
export const watchdogOptions = z.strictObject({
  period: durationMs({
    default: '10s',
    min: '1s',
    max: '5m',
    describe: 'How often systemd is told that the gateway is well; at most half of WatchdogSec in the unit',
  }),
});
export type WatchdogOptions = z.output<typeof watchdogOptions>;
