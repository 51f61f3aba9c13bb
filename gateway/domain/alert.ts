import type { EpochMs } from '../lib/clock.ts';
import type { AlertId, AreaId, DeliveryId, EventId, EvidenceId, NoticeId, RecipientId, RuleId } from './ids.ts';
import type { Addressee, Department, FactValue, MatchExplanation } from './match.ts';
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

/** What happened in a step of an alert's life. `escalate`, `hand-over` and `steady` leave the state as it is. */
export const alertSteps = [
  'raise',
  'deliver',
  'acknowledge',
  'progress',
  'steady',
  'hand-over',
  'transfer',
  'escalate',
  'resolve',
  'dismiss',
  'revisit',
  'reopen',
  'close',
  'expire',
] as const;
export type AlertStep = (typeof alertSteps)[number];

/** One step of an alert's life: who, when, why. */
export interface AlertTransition {
  readonly at: EpochMs;
  readonly from: AlertState | null;
  readonly to: AlertState;
  readonly by: string;
  readonly why: string;
  /** Absent in rows of versions before it was written down. */
  readonly step?: AlertStep;
}

/** What somebody has to do by a certain time (design section 5); a missed one escalates. */
export const deadlineKinds = ['deliver', 'acknowledge', 'progress', 'outcome', 'feedback', 'revisit'] as const;
export type DeadlineKind = (typeof deadlineKinds)[number];

/** One hand-over to another department (分流), followed to its end. */
export interface AlertTransfer {
  readonly at: EpochMs;
  readonly by: string;
  /** Who is to have it, as it was said. */
  readonly to: string;
  /** The configured recipient of that id or name; null where it is none of ours. */
  readonly recipient: RecipientId | null;
  readonly why: string;
  readonly acceptedAt: EpochMs | null;
  readonly endedAt: EpochMs | null;
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
  /** The rest came with later versions: absent in rows that are older. */
  readonly deliverBy?: EpochMs | null;
  /** When the next progress note is due; null once the station has said that it is steady. */
  readonly progressBy?: EpochMs | null;
  /** By when every side must have answered, after the outcome. */
  readonly feedbackBy?: EpochMs | null;
  /** First times of each step, for the figures; a reopening does not take them back. */
  readonly deliveredAt?: EpochMs | null;
  readonly firstAcknowledgedAt?: EpochMs | null;
  readonly firstResolvedAt?: EpochMs | null;
  readonly revisitAskedAt?: EpochMs | null;
  readonly revisitedAt?: EpochMs | null;
  readonly steadyAt?: EpochMs | null;
  /** Which deadlines were ever missed. */
  readonly missed?: readonly DeadlineKind[];
  readonly transfers?: readonly AlertTransfer[];
  readonly reopened?: number;
  /** Who has been told so far. */
  readonly told?: readonly RecipientId[];
  /** The latest steps, to be attached to what is escalated. */
  readonly history?: readonly AlertTransition[];
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
  /** Why the match that gave the title came to be. */
  readonly why?: MatchExplanation;
  readonly events: readonly EventId[];
  readonly to: readonly Addressee[];
  /** Whose matter the rule says it is, before any transfer. */
  readonly department?: Department;
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

/**
 * What an answer says beyond its kind: with `progress` that the matter is steady, that somebody else (`to`) has it from
 * now on, or that it asks those on the spot something; with `revisit` that it is not solved, which opens the alert again.
 */
export const feedbackMarks = ['steady', 'handed-over', 'asked', 'unsolved'] as const;
export type FeedbackMark = (typeof feedbackMarks)[number];

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
  readonly mark?: FeedbackMark | null;
  /** With `transferred` the recipient (id or name) who is to have it, with `handed-over` the new owner's name. */
  readonly to?: string | null;
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

/** A blue notice that waits to be told with the others of its day. */
export interface DigestItem {
  readonly notice: Notice;
  readonly tier: Tier;
  readonly channel: string;
  readonly dueAt: EpochMs;
  /** `NoticeEvent` without what only the sending knows: type and data of the notice. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const deliveryStates = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** The sending of one item to one recipient over one channel. */
export interface Delivery {
  readonly id: DeliveryId;
  readonly item: 'notice' | 'digest' | 'canary' | 'passage' | 'device';
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
