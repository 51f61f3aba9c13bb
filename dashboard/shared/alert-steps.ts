import type { AlertState, AlertSummary, FeedbackKind, Tier } from './types.ts';

/** Nobody has taken it on, or nobody any more. */
export const unanswered = (state: AlertState): boolean =>
  state === 'raised' || state === 'delivered' || state === 'transferred';

/** Somebody has to answer it; blue is seen in routine work and asks for nothing. */
export const needsAnswer = (alert: Pick<AlertSummary, 'state' | 'tier'>): boolean =>
  unanswered(alert.state) && alert.tier !== 'blue';

export const ended = (state: AlertState): boolean => state === 'closed' || state === 'false-alarm';

/** Answers that make sense now, the likeliest first. The gateway has the last word. */
export function stepsFrom(state: AlertState): readonly FeedbackKind[] {
  switch (state) {
    case 'raised':
    case 'delivered':
      return ['acknowledged', 'outcome', 'transferred'];
    case 'transferred':
      return ['acknowledged', 'outcome'];
    case 'acknowledged':
    case 'in-progress':
      return ['progress', 'outcome', 'transferred'];
    case 'resolved':
      return ['revisit'];
    case 'revisited':
    case 'closed':
    case 'false-alarm':
      return [];
  }
}

const tierOrder: readonly Tier[] = ['red', 'orange', 'yellow', 'blue'];

/** Worst first; of one tier what waits for an answer, then the oldest. */
export function byUrgency(a: AlertSummary, b: AlertSummary): number {
  return (
    tierOrder.indexOf(a.tier) - tierOrder.indexOf(b.tier) ||
    Number(needsAnswer(b)) - Number(needsAnswer(a)) ||
    Date.parse(a.raisedAt) - Date.parse(b.raisedAt)
  );
}
