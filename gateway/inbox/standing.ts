import { endedAlertStates, type AlertState, type FeedbackKind, type FeedbackMark } from '../domain/alert.ts';
import type { NewsKind } from '../domain/notice.ts';
import type { EpochMs } from '../lib/clock.ts';

/** How a matter stands: what people see of its life. */
export interface Standing {
  readonly state: AlertState;
  /** Who acknowledged first; null while nobody has, and after a transfer. */
  readonly owner: string | null;
  /** Null as well where a reopened alert waits for a new acknowledgement. */
  readonly acknowledgedAt: EpochMs | null;
  readonly endedAt: EpochMs | null;
}

export type Outcome = 'true' | 'false-alarm' | 'drill';

/** An answer given at this desk, and how far it has come. */
export interface OwnAnswer {
  readonly kind: FeedbackKind;
  readonly outcome: Outcome | null;
  readonly mark: FeedbackMark | null;
  /** With `handed-over` the new owner, with `transferred` whom it went to. */
  readonly to: string | null;
  readonly by: string;
  readonly at: EpochMs;
  /** First handed to the gateway. */
  readonly sentAt: EpochMs | null;
  /** Known to be stored by the gateway. */
  readonly receivedAt: EpochMs | null;
}

/** The newest version that the gateway has told. `at` is when it was made there. */
export interface Told {
  readonly standing: Standing;
  readonly at: EpochMs;
  readonly news: NewsKind;
}

const unanswered: readonly AlertState[] = ['raised', 'delivered', 'transferred'];
const inHand: readonly AlertState[] = ['acknowledged', 'in-progress'];

/** Where an answer leads; null where it changes no state. The gateway decides by the same steps (a test compares them). */
export function stateAfterAnswer(state: AlertState, kind: FeedbackKind, outcome: Outcome | null): AlertState | null {
  const from = (...states: readonly AlertState[]): boolean => states.includes(state);
  switch (kind) {
    case 'acknowledged':
      return from(...unanswered) ? 'acknowledged' : null;
    case 'progress':
      return from(...unanswered, 'acknowledged') ? 'in-progress' : null;
    case 'transferred':
      return from('raised', 'delivered', ...inHand) ? 'transferred' : null;
    case 'revisit':
      return from('resolved') ? 'revisited' : null;
    case 'outcome':
      if (outcome === 'false-alarm') {
        return from(...unanswered, ...inHand, 'resolved', 'revisited') ? 'false-alarm' : null;
      }
      return from(...unanswered, ...inHand) ? 'resolved' : null;
  }
}

function standingAfter(
  before: Standing,
  answer: Pick<OwnAnswer, 'kind' | 'outcome' | 'mark' | 'to' | 'by' | 'at'>,
): Standing {
  if (answer.mark === 'handed-over' && answer.to !== null) {
    const taken = standingAfter(before, { ...answer, mark: null });
    return inHand.includes(taken.state) ? { ...taken, owner: answer.to } : taken;
  }
  const state = stateAfterAnswer(before.state, answer.kind, answer.outcome);
  if (state === null) return before;
  if (answer.kind === 'transferred') return { ...before, state, owner: null, acknowledgedAt: null };
  if (answer.kind === 'revisit') return { ...before, state };
  return {
    state,
    owner: before.owner ?? answer.by,
    acknowledgedAt: before.acknowledgedAt ?? answer.at,
    endedAt: endedAlertStates.includes(state) ? answer.at : before.endedAt,
  };
}

/** News after which earlier answers no longer stand. */
const reopening: readonly NewsKind[] = ['reopened', 'tier-raised'];

/**
 * Whether the told version was made by a gateway that had this answer already. Between handing over and hearing that it
 * was stored (mostly below a second) nobody here can know; taking an answer twice changes nothing, so the doubt goes
 * that way, except after a reopening, which an answer from before it must not undo.
 */
function includes(told: Told, answer: OwnAnswer): boolean {
  if (answer.receivedAt !== null && told.at > answer.receivedAt) return true;
  return answer.sentAt !== null && told.at >= answer.sentAt && reopening.includes(told.news);
}

/** What people see: the newest version told, and on top of it the answers given here that it does not know of yet. */
export function shownStanding(told: Told, answers: readonly OwnAnswer[]): Standing {
  return answers.filter((answer) => !includes(told, answer)).reduce(standingAfter, told.standing);
}

/** The same of an alert that this desk raised itself: nobody has to revisit it, so an outcome ends it. */
export function shownOwnStanding(told: Told, answers: readonly OwnAnswer[]): Standing {
  const standing = shownStanding(told, answers);
  if (standing.state !== 'resolved') return standing;
  return { ...standing, state: 'closed', endedAt: answers.at(-1)?.at ?? told.at };
}

/** Why this answer cannot be given now, for the officer; null if it can. */
export function whyNotNow(standing: Standing, kind: FeedbackKind, outcome: Outcome | null, by: string): string | null {
  const { state, owner, acknowledgedAt } = standing;
  if (endedAlertStates.includes(state)) return `the alert has ended (${state})`;
  if (kind === 'acknowledged' && acknowledgedAt !== null) {
    return owner === by ? 'already taken by you' : `already taken by ${owner ?? 'someone else'}`;
  }
  // A note is always welcome while the matter is open, and so is a second revisit.
  if (kind === 'progress' || (kind === 'revisit' && state === 'revisited')) return null;
  if (stateAfterAnswer(state, kind, outcome) !== null) return null;
  if (kind === 'revisit') return 'a revisit comes after the outcome; give the outcome first';
  if (kind === 'transferred' && state === 'transferred') return 'already transferred; it waits for who it went to';
  return `the outcome has been given already (${state})`;
}

/** How many of the two answers with a deadline, acknowledgement and outcome, are still due. */
export function answersDue(standing: Standing): 0 | 1 | 2 {
  if (['resolved', 'revisited', ...endedAlertStates].includes(standing.state)) return 0;
  return standing.acknowledgedAt === null ? 2 : 1;
}
