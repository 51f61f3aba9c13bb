import type { Alert, DeadlineKind } from '../domain/alert.ts';
import type { EpochMs } from '../lib/clock.ts';
import { after, followed, followUpOf, spanOf, withDeadline, type LifeSettings } from './follow-up.ts';
import { countNewsDue, gatewayActor, newsOf, note, take, type LifeStep } from './life.ts';

/** In the order in which they are told when several are due at once: what is most urgent first. */
const byUrgency: readonly DeadlineKind[] = ['acknowledge', 'deliver', 'progress', 'outcome', 'feedback', 'revisit'];

const whyMissed: Readonly<Record<DeadlineKind, string>> = {
  deliver: 'nobody has received it in time',
  acknowledge: 'nobody has acknowledged in time',
  progress: 'no progress note in time, and nobody has said that it is steady',
  outcome: 'no outcome in time',
  feedback: 'not every side has answered in time',
  revisit: 'no revisit in time',
};

/**
 * What the passing of time does to an open alert; null: nothing now. At most one thing a call, the most urgent first;
 * deadlines that have passed by the same look are one.
 * `due` are the deadlines that have passed (`deadline-watch.ts`), `top` the highest level its circle has.
 *
 * A missed deadline escalates by one level, and each level is told once. Below the top the deadline is set anew from now
 * (not from the missed moment: a gateway that was off for a day asks once, not once for every deadline of that day).
 */
export function passTime(
  alert: Alert,
  settings: LifeSettings,
  nowMs: EpochMs,
  due: ReadonlySet<DeadlineKind>,
  top: number,
): LifeStep | null {
  const { options, policies } = settings;
  const policy = policies[alert.tier];
  const quiet: LifeStep = { alert, transitions: [], news: null, change: 'updated', audience: 'all' };
  const asksFirst = due.has('revisit') && followUpOf(alert).revisitAskedAt === null;
  const kinds = byUrgency.filter((each) => due.has(each) && !(each === 'revisit' && asksFirst));
  if (kinds.length > 0) return escalate(alert, kinds, settings, nowMs, Math.min(top, options.maxEscalations));
  if (asksFirst) {
    const asked = followed(alert, { revisitAskedAt: nowMs, revisitBy: after(nowMs, options.revisitAfter) });
    return {
      ...quiet,
      alert: asked,
      news: newsOf('revisit-asked', nowMs, 'a revisit is due before this alert closes'),
    };
  }
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

function escalate(
  alert: Alert,
  kinds: readonly DeadlineKind[],
  settings: LifeSettings,
  nowMs: EpochMs,
  top: number,
): LifeStep {
  const escalation = Math.min(alert.escalation + 1, Math.max(top, alert.escalation));
  const rises = escalation > alert.escalation;
  let changed: Alert = { ...alert, escalation };
  for (const kind of kinds) {
    const spanMs = spanOf(alert, kind, settings);
    // A revisit is asked for until it is done; all else ends with the highest level, which knows by then.
    const again = spanMs !== null && (escalation < top || kind === 'revisit') ? after(nowMs, spanMs) : null;
    changed = withDeadline(changed, kind, again);
  }
  const { missed } = followUpOf(alert);
  const fresh = kinds.filter((kind) => !missed.includes(kind));
  changed = followed(changed, { missed: [...missed, ...fresh] });
  const quiet: LifeStep = { alert: changed, transitions: [], news: null, change: 'updated', audience: 'all' };
  // Each level is told once. At the top it is told of each sort of deadline once more, and of a revisit until it is done.
  if (!rises && fresh.length === 0) {
    if (!kinds.includes('revisit')) return quiet;
    return { ...quiet, news: newsOf('revisit-asked', nowMs, whyMissed.revisit) };
  }
  const why = kinds.map((kind) => whyMissed[kind]).join('; ');
  const noted = note(changed, 'escalate', { by: gatewayActor, why, nowMs });
  return { ...quiet, ...noted, news: newsOf('escalated', nowMs, why), change: 'escalated' };
}
