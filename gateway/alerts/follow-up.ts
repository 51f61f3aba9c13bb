import type { Alert, AlertFollowUp, AlertTransition, DeadlineKind } from '../domain/alert.ts';
import type { TierPolicies } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { AlertsOptions } from './options.ts';

export interface LifeSettings {
  readonly policies: TierPolicies;
  readonly options: AlertsOptions;
}

export const after = (at: EpochMs, ms: number): EpochMs => (at + ms) as EpochMs;
export const within = (at: EpochMs, ms: number | null | undefined): EpochMs | null =>
  ms === null || ms === undefined ? null : after(at, ms);

/** Steps that go along with what is escalated: the first (who raised it) and the latest. */
const maxHistory = 24;

type Whole = { readonly [Key in keyof AlertFollowUp]-?: Exclude<AlertFollowUp[Key], undefined> };

/** Everything that is known of an alert's follow-up; what older rows do not have reads as "not yet". */
export function followUpOf({ followUp, state, acknowledgedAt }: Alert): Whole {
  return {
    deliverBy: null,
    progressBy: null,
    feedbackBy: null,
    // Rows from before these were written down: it was delivered if it is past that, when is not known.
    deliveredAt: null,
    firstAcknowledgedAt: acknowledgedAt,
    firstResolvedAt: followUp.resolvedAt,
    revisitAskedAt: null,
    revisitedAt: null,
    steadyAt: null,
    missed: [],
    transfers: [],
    reopened: 0,
    told: [],
    history: [],
    ...followUp,
    ...(state === 'closed' || state === 'false-alarm' ? { deliverBy: null } : {}),
  };
}

/** The alert with these parts of its follow-up changed. */
export const followed = (alert: Alert, changes: Partial<AlertFollowUp>): Alert => ({
  ...alert,
  followUp: { ...alert.followUp, ...changes },
});

/** The alert with these steps at the end of its history. */
export function withHistory(alert: Alert, steps: readonly AlertTransition[]): Alert {
  if (steps.length === 0) return alert;
  const all = [...followUpOf(alert).history, ...steps];
  return followed(alert, {
    history: all.length <= maxHistory ? all : [...all.slice(0, 1), ...all.slice(1 - maxHistory)],
  });
}

/** Red and orange are answered by both sides and revisited before they close; the rest close with their outcome. */
export const needsBothSides = (tier: Alert['tier']): boolean => tier === 'red' || tier === 'orange';

/** Every deadline that runs now, with its moment. Pure; the one place that says which clock runs when. */
export function runningDeadlines(alert: Alert): ReadonlyMap<DeadlineKind, EpochMs> {
  const running = new Map<DeadlineKind, EpochMs>();
  if (alert.closedAt !== null) return running;
  const follow = followUpOf(alert);
  const set = (kind: DeadlineKind, at: EpochMs | null, runs: boolean): void => {
    if (at !== null && runs) running.set(kind, at);
  };
  const resolved = follow.resolvedAt !== null;
  set('deliver', follow.deliverBy, alert.state === 'raised');
  set('acknowledge', alert.acknowledgeBy, !resolved && alert.acknowledgedAt === null);
  set('progress', follow.progressBy, !resolved && alert.acknowledgedAt !== null);
  set('outcome', alert.outcomeBy, !resolved);
  set('feedback', follow.feedbackBy, resolved);
  set('revisit', follow.revisitBy, alert.state === 'resolved');
  return running;
}

/** The alert with one deadline moved (null: it runs no more). */
export function withDeadline(alert: Alert, kind: DeadlineKind, at: EpochMs | null): Alert {
  switch (kind) {
    case 'acknowledge':
      return { ...alert, acknowledgeBy: at };
    case 'outcome':
      return { ...alert, outcomeBy: at };
    case 'deliver':
      return followed(alert, { deliverBy: at });
    case 'progress':
      return followed(alert, { progressBy: at });
    case 'feedback':
      return followed(alert, { feedbackBy: at });
    case 'revisit':
      return followed(alert, { revisitBy: at });
  }
}

/** How long a deadline of this kind is when it is set anew, in ms; null where this tier has none. */
export function spanOf(alert: Alert, kind: DeadlineKind, { policies, options }: LifeSettings): number | null {
  const policy = policies[alert.tier];
  switch (kind) {
    case 'deliver':
      return policy.deliverWithinMs;
    case 'acknowledge':
      return alert.state === 'transferred'
        ? (policy.transferWithinMs ?? policy.acknowledgeWithinMs)
        : policy.acknowledgeWithinMs;
    case 'progress':
      return policy.progressEveryMs ?? null;
    case 'outcome':
      return policy.outcomeWithinMs;
    case 'feedback':
      return options.feedbackWithin;
    case 'revisit':
      return options.revisitAfter;
  }
}

/** The same, at its longest, whatever state the alert is in: no deadline that is set rightly lies further off. */
export function longestSpanOf(alert: Alert, kind: DeadlineKind, settings: LifeSettings): number {
  const policy = settings.policies[alert.tier];
  const spans =
    kind === 'acknowledge' ? [policy.acknowledgeWithinMs, policy.transferWithinMs] : [spanOf(alert, kind, settings)];
  const known = spans.filter((ms) => typeof ms === 'number');
  return known.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...known);
}
