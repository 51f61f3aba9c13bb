/** Evidence to those outside: by links signed for each recipient, and what of it is refused. */
import { createHash } from 'node:crypto';
import type { SharedLinks } from '../api/index.ts';
import type { SharedEvidence } from '../channels/index.ts';
import type { Delivery } from '../domain/alert.ts';
import type { Commit } from '../domain/change.ts';
import { defaultRecipientEvidence, type Recipient, type RecipientEvidence } from '../domain/delivery.ts';
import type { RecipientId } from '../domain/ids.ts';
import {
  createEvidenceLinks,
  linkUntil,
  type Evidence,
  type EvidenceKey,
  type EvidenceRow,
  type LinkForm,
} from '../evidence/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { createRefusals, type Refusals } from './refusals.ts';

export interface Sharing {
  /** Links for whom the delivery goes to; null where the gateway has no public address or the piece is gone. */
  share(
    row: EvidenceRow | undefined,
    evidence: Pick<Evidence, 'read'>,
    delivery: Pick<Delivery, 'recipient' | 'createdAt'>,
  ): Promise<SharedEvidence | null>;
  inlineUpToBytes(recipient: RecipientId): number | null;
  /** Whether there is anybody who may open a clip. */
  readonly clipsAreShared: boolean;
  readonly api: SharedLinks;
  readonly refusals: Refusals;
}

export function createSharing(given: {
  readonly keys: readonly EvidenceKey[];
  readonly recipients: readonly Recipient[];
  /** Address of this gateway as recipients reach it, without a slash at its end; null: no links are made. */
  readonly publicUrl: string | null;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly logger: Logger;
}): Sharing {
  const { publicUrl, clock } = given;
  // Looked up when asked: a desk may join while the gateway runs.
  const settingsOf = (recipient: RecipientId): RecipientEvidence | undefined => {
    const found = given.recipients.find(({ id }) => id === recipient);
    return found && (found.evidence ?? defaultRecipientEvidence);
  };
  const links = createEvidenceLinks({
    keys: given.keys,
    recipients: () => given.recipients.map(({ id }) => id),
    legalBasisOf: (recipient) => settingsOf(recipient)?.legalBasis,
  });
  const refusals = createRefusals(given);
  return {
    share: async (row, evidence, { recipient, createdAt }) => {
      const own = settingsOf(recipient);
      if (publicUrl === null || !row || !own) return null;
      const until = linkUntil(createdAt, own.linkForMs, clock.now());
      const url = (form: LinkForm): string => `${publicUrl}${links.make({ id: row.id, recipient, until, form })}`;
      const seesFaces = own.legalBasis !== null;
      if (row.mediaKind === 'clip') return { link: seesFaces ? { url: url('as-seen'), until } : null, original: null };
      const sha256 = async (): Promise<string> =>
        createHash('sha256')
          .update(await evidence.read(row, { unblurred: true }))
          .digest('hex');
      return {
        link: { url: url('blurred'), until },
        original: seesFaces ? { url: url('as-seen'), until, sha256: await sha256() } : null,
      };
    },
    inlineUpToBytes: (recipient) => settingsOf(recipient)?.inlineUpToBytes ?? null,
    clipsAreShared:
      publicUrl !== null && given.recipients.some(({ evidence }) => (evidence?.legalBasis ?? null) !== null),
    api: {
      check: (asked, nowMs) => links.check(asked, nowMs),
      refused: (fault, from, subject) => refusals.note('evidence-link', fault, from, subject),
    },
    refusals,
  };
}
