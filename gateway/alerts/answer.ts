/** What an answer does to an alert: pure functions (alert, answer) → what became of it. */
import type { Alert, AlertTransfer, AlertTransition, DeadlineKind, Feedback, Notice } from '../domain/alert.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { EpochMs } from '../lib/clock.ts';
import {
  after,
  followed,
  followUpOf,
  needsBothSides,
  runningDeadlines,
  within,
  type LifeSettings,
} from './follow-up.ts';
import { newsOf, note, reopened, take, type LifeStep } from './life.ts';
import type { Step } from './transitions.ts';

export interface AnswerContext {
  /** On which side the one who answers stands. */
  readonly side: Notice['form'];
  /** Sides that have a recipient at all. */
  readonly sides: ReadonlySet<Notice['form']>;
  /** The recipient that `feedback.to` names by id or name; null where it is none of ours. */
  readonly target: Recipient | null;
}

type Who = Parameters<typeof take>[2];

interface Moved {
  readonly alert: Alert;
  readonly transitions: readonly AlertTransition[];
}

/** Whoever takes the matter up after a transfer has accepted it. */
function accepted(alert: Alert, at: EpochMs): Alert {
  const { transfers } = followUpOf(alert);
  return transfers.some(({ acceptedAt }) => acceptedAt === null)
    ? followed(alert, {
        transfers: transfers.map((transfer) =>
          transfer.acceptedAt === null ? { ...transfer, acceptedAt: at } : transfer,
        ),
      })
    : alert;
}

function ended(alert: Alert, at: EpochMs): Alert {
  const { transfers } = followUpOf(alert);
  const closed: Alert = { ...alert, closedAt: at };
  return transfers.length === 0
    ? closed
    : followed(closed, {
        transfers: transfers.map((transfer) => (transfer.endedAt === null ? { ...transfer, endedAt: at } : transfer)),
      });
}

/** The alert as it is once the one who answers has it in hand: an owner, an acknowledgement, the next progress note's clock. */
function inHand(alert: Alert, by: string, at: EpochMs, { policies }: LifeSettings): Alert {
  const follow = followUpOf(alert);
  const held: Alert = { ...alert, owner: alert.owner ?? by, acknowledgedAt: alert.acknowledgedAt ?? at };
  const progressBy = follow.steadyAt === null ? within(at, policies[alert.tier].progressEveryMs) : null;
  return accepted(
    followed(held, { firstAcknowledgedAt: follow.firstAcknowledgedAt ?? at, progressBy, deliverBy: null }),
    at,
  );
}

/** Deadlines that had passed when this was answered, though no tick had come to say so (the gateway was off). */
function lateAnswers(alert: Alert, kinds: readonly DeadlineKind[], meantAt: EpochMs): DeadlineKind[] {
  const running = runningDeadlines(alert);
  return kinds.filter((kind) => (running.get(kind) ?? Number.POSITIVE_INFINITY) < meantAt);
}

const missedWith = (alert: Alert, late: readonly DeadlineKind[]): Alert =>
  late.length === 0 ? alert : followed(alert, { missed: [...new Set([...followUpOf(alert).missed, ...late])] });

/** What somebody answered. Feedback out of order changes nothing but who has answered; it is kept all the same. */
export function answerAlert(
  before: Alert,
  feedback: Feedback,
  context: AnswerContext,
  settings: LifeSettings,
  nowMs: EpochMs,
): LifeStep {
  const { policies, options } = settings;
  const { answered } = before.followUp;
  const who = { by: feedback.by, why: feedback.text === '' ? feedback.kind : feedback.text, nowMs };
  // The moment people meant, as far as it can be true: not before the alert, not after now.
  const meantAt = Math.min(nowMs, Math.max(feedback.at, before.raisedAt)) as EpochMs;
  const marked = followed(before, {
    answered: answered.includes(context.side) ? answered : [...answered, context.side],
  });
  const told = newsOf(feedback.kind, meantAt, feedback.text, feedback.by);

  const go = (how: Step, change: (alert: Alert) => Alert, tellAnyway: boolean): LifeStep => {
    const taken = take(marked, how, who);
    const moved = taken.transitions.length > 0;
    return {
      alert: moved ? change(taken.alert) : marked,
      transitions: taken.transitions,
      news: moved || tellAnyway ? told : null,
      change: 'updated',
      audience: 'others',
    };
  };
  const taken = (alert: Alert): Alert =>
    missedWith(inHand(alert, feedback.by, meantAt, settings), lateAnswers(before, ['acknowledge'], meantAt));

  switch (feedback.kind) {
    case 'acknowledged':
      return finish(go('acknowledge', taken, false), context, who);
    case 'progress':
      return finish(progress(go('progress', taken, true), before, feedback, context, settings, who), context, who);
    case 'transferred': {
      const transfer: AlertTransfer = {
        at: nowMs,
        by: feedback.by,
        to: context.target?.name ?? feedback.to ?? feedback.text,
        recipient: context.target?.id ?? null,
        why: feedback.text,
        acceptedAt: null,
        endedAt: null,
      };
      const policy = policies[before.tier];
      const passOn = (alert: Alert): Alert =>
        followed(
          {
            ...alert,
            owner: null,
            acknowledgedAt: null,
            // Its own clock: the next department gets the whole of its time.
            acknowledgeBy: within(nowMs, policy.transferWithinMs ?? policy.acknowledgeWithinMs),
            outcomeBy: within(nowMs, policy.outcomeWithinMs),
          },
          {
            progressBy: null,
            deliverBy: null,
            // Where it went from one to the next, the one before has done his part.
            transfers: [
              ...followUpOf(alert).transfers.map((earlier) =>
                earlier.endedAt === null ? { ...earlier, endedAt: nowMs } : earlier,
              ),
              transfer,
            ],
          },
        );
      return finish(go('transfer', passOn, true), context, who);
    }
    case 'revisit': {
      if (feedback.mark === 'unsolved') {
        const again = reopened(marked, who, settings, true);
        const moved = again.transitions.length > 0;
        return {
          alert: moved ? again.alert : marked,
          transitions: again.transitions,
          news: moved ? newsOf('reopened', meantAt, feedback.text, feedback.by) : told,
          change: 'updated',
          audience: moved ? 'all' : 'others',
        };
      }
      const late = lateAnswers(before, ['revisit'], meantAt);
      // Being asked is not being late: the first moment only reminds (see passTime).
      const counts = followUpOf(before).revisitAskedAt === null ? [] : late;
      const done = (alert: Alert): Alert =>
        missedWith(followed(alert, { revisitBy: null, revisitedAt: meantAt }), counts);
      return finish(go('revisit', done, false), context, who);
    }
    case 'outcome': {
      if (feedback.outcome === 'false-alarm') {
        const end = (alert: Alert): Alert => ended(inHand(alert, feedback.by, meantAt, settings), nowMs);
        const dismissed = go('dismiss', end, false);
        return dismissed.news === null ? dismissed : { ...dismissed, change: 'closed', audience: 'all' };
      }
      const awaitsRevisit = needsBothSides(before.tier) && feedback.outcome !== 'drill';
      const late = lateAnswers(before, ['acknowledge', 'outcome'], meantAt);
      const resolved = go(
        'resolve',
        (alert) =>
          missedWith(
            followed(inHand(alert, feedback.by, meantAt, settings), {
              resolvedAt: nowMs,
              firstResolvedAt: followUpOf(alert).firstResolvedAt ?? meantAt,
              progressBy: null,
              revisitBy: awaitsRevisit ? after(nowMs, options.revisitAfter) : null,
              feedbackBy: awaitsRevisit ? after(nowMs, options.feedbackWithin) : null,
            }),
            late,
          ),
        true,
      );
      if (resolved.transitions.length > 0 && !awaitsRevisit) return close(resolved, who);
      return finish(resolved, context, who);
    }
  }
}

/** What a progress note says besides: it restarts the clock of the next one, ends it (steady), or names a new owner. */
function progress(
  step: LifeStep,
  before: Alert,
  feedback: Feedback,
  context: AnswerContext,
  { policies }: LifeSettings,
  who: Who,
): LifeStep {
  const { nowMs } = who;
  let moved: Moved = step;
  const held = ['acknowledged', 'in-progress'].includes(step.alert.state);
  if (!held) return step;
  const late = lateAnswers(before, ['progress'], nowMs);
  const again = followUpOf(moved.alert).steadyAt === null ? within(nowMs, policies[before.tier].progressEveryMs) : null;
  moved = { ...moved, alert: missedWith(followed(moved.alert, { progressBy: again }), late) };
  const add = (noted: Moved): void => {
    moved = { alert: noted.alert, transitions: [...moved.transitions, ...noted.transitions] };
  };
  // Only the station's side can say that it is over; where nobody stands there, whoever answers.
  const mayCalm = context.side === 'report' || !context.sides.has('report');
  if (feedback.mark === 'steady' && mayCalm && followUpOf(moved.alert).steadyAt === null)
    add(note(followed(moved.alert, { steadyAt: nowMs, progressBy: null }), 'steady', who));
  const heir = context.target?.name ?? feedback.to ?? null;
  if (feedback.mark === 'handed-over' && heir !== null && heir !== moved.alert.owner) {
    const why = `${moved.alert.owner ?? '–'} → ${heir}${feedback.text === '' ? '' : `: ${feedback.text}`}`;
    add(note({ ...moved.alert, owner: heir }, 'hand-over', { ...who, why }));
  }
  return { ...step, ...moved };
}

function close(step: LifeStep, who: Who): LifeStep {
  const taken = take(step.alert, 'close', who);
  return {
    alert: ended(taken.alert, who.nowMs),
    transitions: [...step.transitions, ...taken.transitions],
    news: step.news ?? newsOf('closed', who.nowMs, who.why, who.by),
    change: 'closed',
    audience: 'all',
  };
}

/** Closes a revisited alert once every side that is told of it has answered (双反馈). */
function finish(step: LifeStep, context: AnswerContext, who: Who): LifeStep {
  const { state, followUp } = step.alert;
  const allAnswered = [...context.sides].every((side) => followUp.answered.includes(side));
  const calmed =
    allAnswered && followUpOf(step.alert).feedbackBy !== null
      ? { ...step, alert: followed(step.alert, { feedbackBy: null }) }
      : step;
  return state === 'revisited' && allAnswered ? close(calmed, who) : calmed;
}
