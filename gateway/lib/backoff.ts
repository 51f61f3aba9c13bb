export interface BackoffPolicy {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** Share of each delay that is random, 0..1, so that many clients do not come back in the same second. */
  readonly jitterRatio: number;
}

/** The delay before try number `attempt` (1 = first repeat), in ms. `random` gives 0..1. Pure. */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  // Past 2^52 the power loses nothing that matters: it is capped anyway.
  const plain = Math.min(policy.maxMs, policy.firstMs * policy.factor ** Math.min(attempt - 1, 52));
  return Math.round(plain * (1 - policy.jitterRatio) + plain * policy.jitterRatio * random());
}
