import type { EpochMs } from '../lib/clock.ts';
import type { Alert } from './alert.ts';
import type { Change } from './change.ts';
import type { AlertId, AreaId } from './ids.ts';

/** What is to be done after the changes that came with it are on disk. */
export type AlertEffect =
  /** A picture of what happened there at `at` is wanted for the alert. */
  | { readonly kind: 'evidence-wanted'; readonly alertId: AlertId; readonly area: AreaId; readonly at: EpochMs }
  /** There is something to send: wake the outbox. */
  | { readonly kind: 'deliveries-due' }
  /** Somebody judged it a false alarm: a change of the rule may be worth proposing. */
  | { readonly kind: 'false-alarm-judged'; readonly alert: Alert }
  /** For the live feed. */
  | { readonly kind: 'alert-changed'; readonly alert: Alert };

/** What a step of the alerts' life comes to: rows to write together, then effects. */
export interface Outcome {
  readonly changes: readonly Change[];
  readonly effects: readonly AlertEffect[];
}
