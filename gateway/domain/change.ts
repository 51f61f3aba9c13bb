import type { EpochMs } from '../lib/clock.ts';
import type { Alert, AlertTransition, Delivery, DigestItem, Feedback, Notice } from './alert.ts';
import type { ChargingSession, GatewayEvent } from './event.ts';
import type { Device } from './device.ts';
import type { RuleProposal } from './proposal.ts';
import type { User, WebSession } from './user.ts';
import type { DeviceKey, DeliveryId, EvidenceId, NoticeId, RecipientId } from './ids.ts';

/**
 * Everything that is ever written, as data. Rooms return changes; `app.ts` hands those that belong together to
 * `store.commit` in one call, and they exist together or not at all.
 */
export type Change =
  | {
      readonly kind: 'event-recorded';
      readonly event: GatewayEvent;
      /** How a repeat of this message is known; null for events that no device sent. */
      readonly messageKey: string | null;
    }
  | { readonly kind: 'session-saved'; readonly session: ChargingSession }
  | { readonly kind: 'alert-saved'; readonly alert: Alert }
  | { readonly kind: 'alert-transition'; readonly alertId: Alert['id']; readonly transition: AlertTransition }
  | { readonly kind: 'feedback-recorded'; readonly feedback: Feedback; readonly receivedAt: EpochMs }
  | { readonly kind: 'notice-created'; readonly notice: Notice }
  | { readonly kind: 'delivery-created'; readonly delivery: Delivery }
  /** A notice that waits for the daily digest; takes the place of an older one of the same alert and recipient. */
  | { readonly kind: 'digest-owed'; readonly item: DigestItem }
  /** What waited for this recipient at `dueAt` or earlier has gone into a delivery. */
  | {
      readonly kind: 'digest-made';
      readonly recipient: RecipientId;
      readonly notices: readonly NoticeId[];
      readonly delivery: DeliveryId;
    }
  /** What waits for the digest of this alert is told otherwise. */
  | { readonly kind: 'digest-dropped'; readonly alertId: Alert['id'] }
  | { readonly kind: 'proposal-made'; readonly proposal: RuleProposal }
  /** Somebody has a dead letter, or what was received and lost again (`from`), sent once more, under the same id. */
  | {
      readonly kind: 'delivery-resent';
      readonly id: DeliveryId;
      readonly from: 'dead' | 'delivered';
      readonly at: EpochMs;
      readonly by: string;
    }
  /** The delivery goes over another channel from now on. */
  | { readonly kind: 'delivery-rerouted'; readonly id: DeliveryId; readonly channel: string; readonly at: EpochMs }
  /** The way to this channel's far side is there again: repeats that wait for their time need not wait any longer. */
  | { readonly kind: 'deliveries-woken'; readonly channel: string; readonly at: EpochMs }
  /** The far side says that it has lost what it had received: it is sent again, under the same id. */
  | { readonly kind: 'delivery-lost'; readonly id: DeliveryId; readonly at: EpochMs; readonly why: string }
  /** The far side of this channel has been asked, and had everything up to this receipt or will be sent it again. */
  | { readonly kind: 'receipts-confirmed'; readonly channel: string; readonly number: number }
  | {
      readonly kind: 'delivery-tried';
      readonly id: DeliveryId;
      readonly at: EpochMs;
      readonly state: Delivery['state'];
      readonly attempts: number;
      readonly nextAttemptAt: EpochMs;
      readonly result: string;
    }
  | {
      readonly kind: 'rule-state';
      readonly rule: string;
      readonly key: string;
      /** JSON; null removes the row. */
      readonly state: string | null;
    }
  | {
      readonly kind: 'quarantined';
      readonly device: DeviceKey;
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly reason: string;
      readonly at: EpochMs;
    }
  | {
      readonly kind: 'device-heard';
      readonly device: DeviceKey;
      readonly at: EpochMs;
      readonly state: 'online' | 'offline' | 'silent';
      readonly fault: string | null;
    }
  | {
      readonly kind: 'evidence-saved';
      readonly id: EvidenceId;
      readonly alertId: Alert['id'] | null;
      readonly camera: string;
      readonly mediaKind: 'picture' | 'clip';
      readonly capturedAt: EpochMs;
      readonly sha256: string;
      readonly sizeBytes: number;
      readonly path: string;
      readonly faces: readonly (readonly [number, number, number, number])[];
    }
  | { readonly kind: 'device-saved'; readonly device: Device }
  | { readonly kind: 'device-removed'; readonly device: DeviceKey }
  | { readonly kind: 'user-saved'; readonly user: User }
  | { readonly kind: 'user-removed'; readonly name: string }
  /** How far readings have been copied to the time series: number of the last stored event. */
  | { readonly kind: 'series-exported'; readonly position: number }
  | { readonly kind: 'web-session-saved'; readonly session: WebSession }
  | { readonly kind: 'web-session-removed'; readonly tokenSha256: string }
  | {
      readonly kind: 'audited';
      readonly at: EpochMs;
      readonly by: string;
      readonly action: string;
      readonly subject: string;
    };

/** The one way to write. Resolves when the changes are on disk; rejects with none of them written. */
export type Commit = (changes: readonly Change[]) => Promise<void>;
