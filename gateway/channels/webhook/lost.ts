import { z } from 'zod';

/** The receipts of one channel, as the store has them. */
export interface Receipts {
  /** Ids of notices and digests that were received, the newest first. */
  latest(limit: number): readonly string[];
  /** The far side does not have these any more: they are to be sent again, under the same ids. */
  lost(ids: readonly string[]): Promise<void>;
}

/** Asked about in every poll; what was received since the last one, in ordinary times. */
const askedEachTime = 20;
/** Asked about in one poll while the extent of a loss is looked for; a URL of some 2 kB. */
const askedAtOnce = 50;
/** How far back a loss is followed at most: years of alerts. */
const longestWalk = 5000;

const replySchema = z.object({ missing: z.array(z.string().max(200)).max(1000) });

/** What the far side says it lacks; nothing where it says nothing of it. */
export function readMissing(body: Uint8Array): readonly string[] {
  try {
    const reply = replySchema.safeParse(JSON.parse(new TextDecoder().decode(body)));
    return reply.success ? reply.data.missing : [];
  } catch {
    return [];
  }
}

/**
 * Finds out whether a far side that was put back to an older state (a backup, a disk that lied) has lost what it gave a receipt
 * for. Every poll names the newest delivery that the far side is known to have had; if that is missing, all receipts are gone
 * through from the newest on, until it has all of a whole page.
 */
export function createReceiptCheck(receipts: Receipts) {
  /** The far side had it when it was last asked. */
  let anchor: string | null = null;
  let walk: { readonly ids: readonly string[]; readonly anchorAt: number; at: number } | null = null;

  return {
    /** What to ask about in the next poll. */
    next: (): readonly string[] => {
      if (walk) return walk.ids.slice(walk.at, walk.at + askedAtOnce);
      const latest = receipts.latest(askedEachTime);
      return anchor === null || latest.includes(anchor) ? latest : [...latest, anchor];
    },
    walking: (): boolean => walk !== null,
    /** What the far side lacks of what was asked. Rejects when that cannot be stored; then it is asked about again. */
    heard: async (asked: readonly string[], missing: readonly string[]): Promise<void> => {
      const lacking = asked.filter((id) => missing.includes(id));
      // Before anything is pending again and leaves the list.
      const ids = walk || lacking.length === 0 ? [] : receipts.latest(longestWalk);
      if (lacking.length > 0) await receipts.lost(lacking);
      if (!walk) {
        if (lacking.length === 0) anchor = asked[0] ?? anchor;
        else walk = { ids, anchorAt: Math.max(0, ids.indexOf(lacking.at(-1) ?? '')), at: 0 };
        return;
      }
      walk.at += askedAtOnce;
      const whole = lacking.length === 0 && walk.at > walk.anchorAt;
      if (!whole && walk.at < walk.ids.length) return;
      walk = null;
      anchor = null;
    },
  };
}
