import type { Alert } from '../domain/alert.ts';
import type { EpochMs } from '../lib/clock.ts';
import { after, countNewsDue, gatewayActor, newsOf, take, type LifeSettings, type LifeStep } from './life.ts';

function missed(by: EpochMs | null, nowMs: EpochMs): boolean {
  return by !== null && by <= nowMs;
}

/**
 * What the passing of time does to an open alert; null: nothing now. At most one thing a call, the most urgent first.
 *
 * A missed deadline escalates by one and, up to `maxEscalations`, is set anew from now (not from the missed moment: a
 * gateway that was off for a day asks once, not once for every deadline of that day).
 */
export function passTime(alert: Alert, settings: LifeSettings, nowMs: EpochMs): LifeStep | null {
  const { options, policies } = settings;
  const { followUp } = alert;
  const policy = policies[alert.tier];
  const quiet: LifeStep = { alert, transitions: [], news: null, change: 'updated', audience: 'all' };
  const renewed = (ms: number | null): EpochMs | null =>
    ms !== null && alert.escalation + 1 < options.maxEscalations ? after(nowMs, ms) : null;
  const escalated = (changed: Partial<Alert>, text: string): LifeStep => {
    const escalation = Math.min(alert.escalation + 1, options.maxEscalations);
    return {
      ...quiet,
      alert: { ...alert, ...changed, escalation },
      news: newsOf('escalated', nowMs, text),
      change: 'escalated',
    };
  };

  if (alert.acknowledgedAt === null && missed(alert.acknowledgeBy, nowMs))
    return escalated({ acknowledgeBy: renewed(policy.acknowledgeWithinMs) }, 'nobody has acknowledged in time');
  if (followUp.resolvedAt === null && missed(alert.outcomeBy, nowMs))
    return escalated({ outcomeBy: renewed(policy.outcomeWithinMs) }, 'no outcome in time');
  if (alert.state === 'resolved' && missed(followUp.revisitBy, nowMs))
    return {
      ...quiet,
      alert: { ...alert, followUp: { ...followUp, revisitBy: after(nowMs, options.revisitAfter) } },
      news: newsOf('revisit-asked', nowMs, 'a revisit is due before this alert closes'),
    };
  const unasked = policy.acknowledgeWithinMs === null && policy.outcomeWithinMs === null;
  if (unasked && nowMs - Math.max(alert.lastAt, alert.raisedAt) >= options.closeQuietAfter) {
    const why = 'no repeat, and nobody has to answer this tier';
    const taken = take(alert, 'expire', { by: gatewayActor, why, nowMs });
    if (taken.transitions.length > 0)
      return {
        ...quiet,
        alert: { ...taken.alert, closedAt: nowMs },
        transitions: taken.transitions,
        news: newsOf('closed', nowMs, why),
        change: 'closed',
      };
  }
  return countNewsDue(alert, options, nowMs) ? { ...quiet, news: newsOf('repeated', nowMs, `${alert.count}`) } : null;
}
