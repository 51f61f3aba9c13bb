import type { EpochMs } from '../lib/clock.ts';
import type { AlertId, AreaId, DeliveryId, EventId, EvidenceId, NoticeId, RecipientId, RuleId } from './ids.ts';
import type { Addressee, FactValue } from './match.ts';
import type { Bilingual } from './text.ts';
import type { Tier } from './tier.ts';

/** design section 5: the line, then the side exits. */
export const alertStates = [
  'raised',
  'delivered',
  'acknowledged',
  'in-progress',
  'resolved',
  'revisited',
  'closed',
  'false-alarm',
  'transferred',
] as const;
export type AlertState = (typeof alertStates)[number];
/** States in which a repeat of the same cause opens a new alert. */
export const endedAlertStates: readonly AlertState[] = ['closed', 'false-alarm'];

export interface EvidenceRef {
  readonly id: EvidenceId;
  readonly kind: 'picture' | 'clip';
  readonly sha256: string;
  readonly capturedAt: EpochMs;
  readonly camera: string;
}

/** One step of an alert's life: who, when, why. */
export interface AlertTransition {
  readonly at: EpochMs;
  readonly from: AlertState | null;
  readonly to: AlertState;
  readonly by: string;
  readonly why: string;
}

/** What `alerts/` must know again after a restart to go on where it was; people are shown none of it. */
export interface AlertFollowUp {
  /** Weight of the match that gave the title. */
  readonly titleWeight: number;
  /** When recipients were last told, and of which count. */
  readonly toldAt: EpochMs;
  readonly toldCount: number;
  /** Which of the two sides have answered (双反馈). */
  readonly answered: readonly Notice['form'][];
  readonly resolvedAt: EpochMs | null;
  /** When a revisit is asked for; null before the outcome, after the revisit and where none is wanted. */
  readonly revisitBy: EpochMs | null;
}

export interface Alert {
  readonly id: AlertId;
  readonly rule: RuleId;
  readonly ruleVersion: string;
  readonly key: string;
  readonly tier: Tier;
  readonly kind: string;
  readonly title: Bilingual;
  readonly message: Bilingual;
  readonly state: AlertState;
  readonly occurredAt: EpochMs;
  readonly raisedAt: EpochMs;
  readonly lastAt: EpochMs;
  /** How often the same cause was seen. */
  readonly count: number;
  readonly area: AreaId | null;
  readonly source: string | null;
  readonly facts: Readonly<Record<string, FactValue>>;
  readonly events: readonly EventId[];
  readonly to: readonly Addressee[];
  readonly evidence: readonly EvidenceRef[];
  /** The first answerer; null while nobody has acknowledged. */
  readonly owner: string | null;
  readonly acknowledgedAt: EpochMs | null;
  readonly closedAt: EpochMs | null;
  readonly acknowledgeBy: EpochMs | null;
  readonly outcomeBy: EpochMs | null;
  /** 0 = not escalated; one more for each missed deadline. */
  readonly escalation: number;
  /** Counts every change that recipients are told of. */
  readonly version: number;
  readonly followUp: AlertFollowUp;
}

export const feedbackKinds = ['acknowledged', 'progress', 'outcome', 'transferred', 'revisit'] as const;
export type FeedbackKind = (typeof feedbackKinds)[number];

/** What a recipient answers (interfaces.md). `id` makes a repeat harmless. */
export interface Feedback {
  readonly id: string;
  readonly alertId: AlertId;
  readonly kind: FeedbackKind;
  readonly by: string;
  readonly at: EpochMs;
  readonly text: string;
  /** For `outcome`: what it turned out to be. */
  readonly outcome: 'true' | 'false-alarm' | 'drill' | null;
  /** Who passed it on; null when it was given at the gateway itself. */
  readonly recipient: RecipientId | null;
}

export type NoticeChange = 'raised' | 'updated' | 'escalated' | 'closed';

/** One alert told to one recipient, in one version. */
export interface Notice {
  readonly id: NoticeId;
  readonly alertId: AlertId;
  readonly alertVersion: number;
  readonly recipient: RecipientId;
  readonly form: 'report' | 'notification';
  readonly change: NoticeChange;
  readonly createdAt: EpochMs;
}

export const deliveryStates = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** The sending of one item to one recipient over one channel. */
export interface Delivery {
  readonly id: DeliveryId;
  readonly item: 'notice' | 'canary' | 'passage' | 'device';
  /** Present where `item` is `notice`. */
  readonly notice: NoticeId | null;
  readonly alertId: AlertId | null;
  readonly recipient: RecipientId;
  readonly channel: string;
  readonly tier: Tier;
  /** Rises with every delivery: order within one alert and recipient. */
  readonly sequence: number;
  /** CloudEvents 1.0 `type` and `data`; the envelope is the channel's. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: EpochMs;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: EpochMs;
  readonly lastError: string | null;
  readonly deliveredAt: EpochMs | null;
}
