/** Why a file is not read on, for now. */
export type HoldReason = 'queue' | 'owed' | 'net' | 'ahead';

/** Joins several reasons to hold up the reading of a file into one: read on when none is left. */
export function createReadingHold(hold: (on: boolean) => void): (reason: HoldReason, on: boolean) => void {
  const reasons = new Set<HoldReason>();
  return (reason, on) => {
    const held = reasons.size > 0;
    if (on) reasons.add(reason);
    else reasons.delete(reason);
    if (reasons.size > 0 !== held) hold(!held);
  };
}
