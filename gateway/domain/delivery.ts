import type { Delivery, Feedback } from './alert.ts';
import type { PassageEvent } from './event.ts';
import type { RecipientId } from './ids.ts';
import type { Department } from './match.ts';

/** What came of one try. What may well happen is a value, not an exception. */
export type DeliveryResult =
  | {
      readonly kind: 'delivered';
      readonly receipt: string;
      readonly feedback: readonly Feedback[];
      /** Called once receipt and answers are on disk: the channel may tell the far side that it can forget them. */
      readonly stored?: () => void;
    }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'rejected'; readonly reason: string };

/** One configured way out. Each kind of channel is a folder in `channels/`; all run one contract suite. */
export interface Channel {
  readonly id: string;
  readonly kind: string;
  /** Sends one item once. Never throws for what the far side does; aborts with the signal. */
  send(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult>;
  /** Holds the way back open until the signal ends it, if the channel has one; calls `onFeedback` for each answer and waits for it. */
  listen(onFeedback: (feedback: Feedback) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** What is wrong with the connection itself while nothing is sent (a missed keep-alive), in one line; null where all is well. */
  fault?(): string | null;
  /** Whether the far side has any use for this passage; asked before it is queued. Absent: yes. */
  wants?(passage: Pick<PassageEvent, 'camera' | 'subject' | 'at'>): boolean;
}

/** How pictures and clips reach a recipient. */
export interface RecipientEvidence {
  /** Pictures of one delivery up to this size altogether stand in it; null: as the channel has it. */
  readonly inlineUpToBytes: number | null;
  /** How long a link to a picture or clip is good. */
  readonly linkForMs: number;
  /** Under which law, order or agreement he may be shown faces; null: he may not. */
  readonly legalBasis: string | null;
}
export const defaultRecipientEvidence: RecipientEvidence = {
  inlineUpToBytes: null,
  linkForMs: 7 * 86_400_000,
  legalBasis: null,
};

/** Someone who is told: from the configuration. */
export interface Recipient {
  readonly id: RecipientId;
  readonly name: string;
  readonly role: 'station' | 'department' | 'community' | 'grid';
  /** Only alerts of this grid; null for all. */
  readonly grid: string | null;
  /** With role `department`: which one, so that it gets its own matters only. Absent or null: all. */
  readonly department?: Department | null;
  readonly channel: string;
  /** False: told of no alert; he gets passages, or only what he asks for over his own protocol. Absent: true. */
  readonly alerts?: boolean;
  /** Also gets each vehicle's passage, as `kanmen.passage.v1`. Absent: false. */
  readonly passages?: boolean;
  /** Also gets each person's passage. Absent: false. */
  readonly personPassages?: boolean;
  /** 0 is told at once; n only once an alert has been escalated n levels beyond those of the same role. Absent: 0. */
  readonly level?: number;
  /** Id of the duty calendar; absent: at all hours. */
  readonly duty?: string | null;
  /** The most that he is sent in a minute, red and orange apart; null or absent: no limit. */
  readonly perMinute?: number | null;
  /** How pictures and clips reach him. Absent: as the channel has it, links for a week, no faces. */
  readonly evidence?: RecipientEvidence;
  /** Local days (`2026-10-01`) on which he is away, both ends included. */
  readonly away?: readonly { readonly from: string; readonly to: string }[];
  /** Who is told in his place while he is off duty or away: the first of them who is there. */
  readonly standIns?: readonly RecipientId[];
}
