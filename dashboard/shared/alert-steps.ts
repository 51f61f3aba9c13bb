import type { AlertState, AlertSummary, Tier } from './types.ts';

/** Nobody has taken it on, or nobody any more. */
export const unanswered = (state: AlertState): boolean =>
  state === 'raised' || state === 'delivered' || state === 'transferred';

/** Somebody has to answer it; blue is seen in routine work and asks for nothing. */
export const needsAnswer = (alert: Pick<AlertSummary, 'state' | 'tier'>): boolean =>
  unanswered(alert.state) && alert.tier !== 'blue';

export const ended = (state: AlertState): boolean => state === 'closed' || state === 'false-alarm';

const tierOrder: readonly Tier[] = ['red', 'orange', 'yellow', 'blue'];

/** Worst first; of one tier what waits for an answer, then the oldest. */
export function byUrgency(a: AlertSummary, b: AlertSummary): number {
  return (
    tierOrder.indexOf(a.tier) - tierOrder.indexOf(b.tier) ||
    Number(needsAnswer(b)) - Number(needsAnswer(a)) ||
    Date.parse(a.raisedAt) - Date.parse(b.raisedAt)
  );
}
