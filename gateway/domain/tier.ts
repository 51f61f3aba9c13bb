/** How fast an alert must be delivered, acknowledged, answered; worst first. */
export const tiers = ['red', 'orange', 'yellow', 'blue'] as const;
export type Tier = (typeof tiers)[number];

/** 0 for red … 3 for blue: lower goes first. */
export function tierRank(tier: Tier): number {
  return tiers.indexOf(tier);
}

export function worseTier(a: Tier, b: Tier): Tier {
  return tierRank(a) <= tierRank(b) ? a : b;
}

/** Deadlines of one tier, from the moment the alert is raised; null where none is set. */
export interface TierPolicy {
  readonly deliverWithinMs: number | null;
  readonly acknowledgeWithinMs: number | null;
  readonly outcomeWithinMs: number | null;
  /** How soon the next progress note is due while it is in hand and not steady. Absent or null: none is asked for. */
  readonly progressEveryMs?: number | null;
  /** How soon whom it was transferred to must have acknowledged. Absent: as `acknowledgeWithinMs`. */
  readonly transferWithinMs?: number | null;
}
export type TierPolicies = Readonly<Record<Tier, TierPolicy>>;
