import { z } from 'zod';

/** A notice or digest that the far side gave a receipt for. */
export interface Receipt {
  readonly id: string;
  /** Higher than that of every receipt of this channel before it. A delivery that is sent again gets a new one. */
  readonly number: number;
}

/** The receipts of one channel, as the store has them. */
export interface Receipts {
  /** Those with a higher number, the lowest first. */
  after(number: number, limit: number): readonly Receipt[];
  /** Those with this number or a lower one, the highest first. */
  upTo(number: number, limit: number): readonly Receipt[];
  /** The far side had everything up to this number when it was last asked. Null: it never was. */
  confirmed(): number | null;
  confirm(number: number): Promise<void>;
  /** The far side does not have these any more: they are to be sent again, under the same ids. */
  lost(ids: readonly string[]): Promise<void>;
}

/** Asked about in one poll; a URL of some 2 kB. */
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
 * for. Every receipt is asked about once after it came, together with the last one before it that was asked about: what
 * is lost is a stretch of receipts in the order in which they came, and either it reaches back to that one or it lies behind
 * it. If it does reach back, all before it are gone through until the far side has all of a whole page.
 */
export function createReceiptCheck(receipts: Receipts) {
  /** Those that the next answer is about. */
  let asking: readonly Receipt[] = [];
  /** Going back, from this number on, for so many. */
  let back: { readonly from: number; readonly walked: number } | null = null;

  return {
    /** What to ask about in the next poll. */
    next: (): readonly string[] => {
      const confirmed = receipts.confirmed();
      if (!back && confirmed === null) back = { from: Number.MAX_SAFE_INTEGER, walked: 0 };
      asking = back
        ? receipts.upTo(back.from, askedAtOnce)
        : [...receipts.upTo(confirmed ?? 0, 1), ...receipts.after(confirmed ?? 0, askedAtOnce - 1)];
      return asking.map(({ id }) => id);
    },
    /** Whether there is more to ask about than fits in one poll. */
    walking: (): boolean =>
      back !== null || receipts.after(receipts.confirmed() ?? 0, askedAtOnce).length === askedAtOnce,
    /** What the far side lacks of what was asked. Rejects when that cannot be stored; then it is asked about again. */
    heard: async (missing: readonly string[]): Promise<void> => {
      const lacking = asking.filter(({ id }) => missing.includes(id));
      const numbers = asking.map(({ number }) => number);
      if (lacking.length > 0) await receipts.lost(lacking.map(({ id }) => id));
      const confirmed = receipts.confirmed();
      if (numbers.length > 0 && Math.max(...numbers) > (confirmed ?? 0)) await receipts.confirm(Math.max(...numbers));
      if (!back) {
        if (lacking.length > 0) back = { from: confirmed ?? 0, walked: 0 };
        return;
      }
      const walked = back.walked + askedAtOnce;
      const ended = lacking.length === 0 || asking.length < askedAtOnce || walked >= longestWalk;
      back = ended ? null : { from: Math.min(...numbers) - 1, walked };
    },
  };
}
