import type { AlertState, AlertStep } from '../domain/alert.ts';

/** Steps that move an alert from one state to another (design section 5). */
export type Step = Exclude<AlertStep, 'raise' | NotedStep>;

/** Steps that are written into the alert's life and leave its state as it is. */
export const notedSteps = ['escalate', 'hand-over', 'steady'] as const;
export type NotedStep = (typeof notedSteps)[number];

const unanswered = ['raised', 'delivered'] as const;
const inHand = ['acknowledged', 'in-progress'] as const;

/**
 * The whole life of an alert. A step that is not listed for a state is no transition: what people say is still kept as
 * feedback, but the state stays. Nothing leads out of `closed` and `false-alarm`.
 */
export const transitionTable: Readonly<
  Record<Step, { readonly from: readonly AlertState[]; readonly to: AlertState }>
> = {
  deliver: { from: ['raised'], to: 'delivered' },
  acknowledge: { from: [...unanswered, 'transferred'], to: 'acknowledged' },
  progress: { from: [...unanswered, 'transferred', 'acknowledged'], to: 'in-progress' },
  resolve: { from: [...unanswered, 'transferred', ...inHand], to: 'resolved' },
  dismiss: { from: [...unanswered, 'transferred', ...inHand, 'resolved', 'revisited'], to: 'false-alarm' },
  revisit: { from: ['resolved'], to: 'revisited' },
  transfer: { from: [...unanswered, ...inHand], to: 'transferred' },
  // The matter got worse, came back after its outcome, or a revisit found it unsolved: somebody has to acknowledge again.
  reopen: { from: [...inHand, 'transferred', 'resolved', 'revisited'], to: 'raised' },
  close: { from: ['resolved', 'revisited'], to: 'closed' },
  // Only for tiers that nobody has to answer.
  expire: { from: [...unanswered, 'transferred', ...inHand], to: 'closed' },
};

/** The state after `step`, or null where the table does not allow it. Pure. */
export function stateAfter(state: AlertState, step: Step): AlertState | null {
  const { from, to } = transitionTable[step];
  return from.includes(state) ? to : null;
}
