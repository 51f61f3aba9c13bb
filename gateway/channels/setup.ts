import type { Delivery } from '../domain/alert.ts';
import type { Channel } from '../domain/delivery.ts';
import type { EvidenceId, RecipientId } from '../domain/ids.ts';
import type { NoticeEvidence, NoticeReceipt } from '../domain/notice.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { SharedEvidence } from './shared-evidence.ts';
import type { Receipts } from './webhook/lost.ts';
import type { WatchList } from './watch-list.ts';

export interface ChannelCamera {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
}

/** What every kind of channel is given, whatever it speaks. */
export interface ChannelSetup {
  readonly id: string;
  /** Folder that file names in the options are relative to. */
  readonly baseDir: string;
  /** CloudEvents `source`: `/community/<site>/gateway/<gateway>`. */
  readonly source: string;
  /** IANA zone of the times that are written. */
  readonly timeZone: string;
  /** Whose answers come back over this channel when they do not say so themselves: its first recipient. */
  readonly recipient: RecipientId | null;
  readonly evidence: {
    /** The picture with its faces blurred; null where there is none any more. */
    read(id: EvidenceId): Promise<{ readonly jpeg: Uint8Array } | null>;
    /** Signed links to it for a delivery's recipient; null where the gateway has no address that others can reach. */
    share?(
      piece: Pick<NoticeEvidence, 'id' | 'kind'>,
      delivery: Pick<Delivery, 'recipient' | 'createdAt'>,
    ): Promise<SharedEvidence | null>;
    /** How much may stand in a delivery to this recipient; null: as the channel has it. */
    inlineUpToBytes?(recipient: RecipientId): number | null;
    /** Everybody who has been told of the alert, and whether it has arrived; what is being sent counts as arrived. */
    told?(delivery: Pick<Delivery, 'id' | 'alertId'>): readonly NoticeReceipt[];
    /** The picture as the camera saw it; written into the audit log with `why`. Null where there is none any more. */
    readOpen?(id: EvidenceId, why: string): Promise<{ readonly jpeg: Uint8Array } | null>;
  };
  /** Folder for what the far side has ordered (never for what is to be sent); made when first needed. */
  readonly stateDir?: string;
  /** The cameras as they stand now, for far sides that list them. */
  cameras?(): readonly ChannelCamera[];
  /** Plates that far sides order to be watched for. */
  readonly watchList?: Pick<WatchList, 'replace'>;
  /** Something came back over this channel that was not taken: counted, and in the audit log. Never throws, never waits. */
  refused?(channel: string, reason: string, subject: string): void;
  /** What was received over a channel, for far sides that can say what they have lost. */
  receipts?(channel: string): Receipts;
  /** A line in the audit log. */
  audit?(action: string, subject: string): Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface OpenChannel {
  readonly channel: Channel;
  /** Lets go of connections and files; nothing is sent afterwards. */
  close(): void;
}
