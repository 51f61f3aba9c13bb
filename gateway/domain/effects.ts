import type { EpochMs } from '../lib/clock.ts';
import type { Alert } from './alert.ts';
import type { Change } from './change.ts';
import type { AlertId, AreaId } from './ids.ts';

/** What is to happen once the changes of an alert are on disk. Nothing is lost with an effect: the store can name it again. */
export type AlertEffect =
  | {
      readonly kind: 'evidence-wanted';
      readonly alertId: AlertId;
      /** Whose cameras are asked; null: none can be. */
      readonly area: AreaId | null;
      readonly at: EpochMs;
    }
  /** The outbox has something to send now. */
  | { readonly kind: 'deliveries-due' }
  | { readonly kind: 'alert-changed'; readonly alert: Alert };

/** What a pure step answers: what to write, and what to do when it is written. */
export interface Outcome {
  readonly changes: readonly Change[];
  readonly effects: readonly AlertEffect[];
}
