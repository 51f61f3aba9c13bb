import { ended, unanswered } from './alert-steps.ts';
import type { AlertState, Answer } from './types.ts';

/** Everything a person may do with an alert, one press each. */
export const moveNames = [
  'acknowledge',
  'arrived',
  'steady',
  'note',
  'ask',
  'hand-over',
  'transfer',
  'true',
  'false-alarm',
  'drill',
  'revisit',
  'unsolved',
] as const;
export type MoveName = (typeof moveNames)[number];

export interface Move {
  readonly name: MoveName;
  readonly key: string;
  readonly group: 'take' | 'word' | 'pass-on' | 'outcome' | 'end';
  readonly answer: Omit<Answer, 'id' | 'text' | 'to'>;
  /** What must be said with it: nothing (a standard phrase serves), own words, or whom and why. */
  readonly needs: 'nothing' | 'words' | 'person';
  /** Ends the matter: pressed twice, so that a slip of the finger ends no fire. */
  readonly twice: boolean;
}

const plain = { outcome: null } as const;
const moves: Readonly<Record<MoveName, Omit<Move, 'name'>>> = {
  acknowledge: {
    ...{ key: 'a', group: 'take', needs: 'nothing', twice: false },
    answer: { ...plain, kind: 'acknowledged' },
  },
  arrived: { ...{ key: 'v', group: 'word', needs: 'nothing', twice: false }, answer: { ...plain, kind: 'progress' } },
  steady: {
    ...{ key: 's', group: 'word', needs: 'nothing', twice: false },
    answer: { ...plain, kind: 'progress', mark: 'steady' },
  },
  note: { ...{ key: 'n', group: 'word', needs: 'words', twice: false }, answer: { ...plain, kind: 'progress' } },
  ask: {
    ...{ key: 'q', group: 'word', needs: 'words', twice: false },
    answer: { ...plain, kind: 'progress', mark: 'asked' },
  },
  'hand-over': {
    ...{ key: 'h', group: 'pass-on', needs: 'person', twice: false },
    answer: { ...plain, kind: 'progress', mark: 'handed-over' },
  },
  transfer: {
    ...{ key: 't', group: 'pass-on', needs: 'person', twice: false },
    answer: { ...plain, kind: 'transferred' },
  },
  true: {
    ...{ key: 'y', group: 'outcome', needs: 'nothing', twice: false },
    answer: { kind: 'outcome', outcome: 'true' },
  },
  'false-alarm': {
    ...{ key: 'x', group: 'outcome', needs: 'nothing', twice: true },
    answer: { kind: 'outcome', outcome: 'false-alarm' },
  },
  drill: {
    ...{ key: 'd', group: 'outcome', needs: 'nothing', twice: false },
    answer: { kind: 'outcome', outcome: 'drill' },
  },
  revisit: { ...{ key: 'r', group: 'end', needs: 'nothing', twice: false }, answer: { ...plain, kind: 'revisit' } },
  unsolved: {
    ...{ key: 'u', group: 'end', needs: 'words', twice: false },
    answer: { ...plain, kind: 'revisit', mark: 'unsolved' },
  },
};

const has = (names: readonly MoveName[]): readonly Move[] => names.map((name) => ({ name, ...moves[name] }));

/** What makes sense now, the likeliest first. The gateway has the last word. */
export function movesFrom(state: AlertState): readonly Move[] {
  if (ended(state)) return [];
  if (state === 'transferred') return has(['acknowledge', 'note', 'ask', 'true', 'false-alarm', 'drill']);
  if (unanswered(state)) {
    return has(['acknowledge', 'note', 'ask', 'transfer', 'true', 'false-alarm', 'drill']);
  }
  if (state === 'resolved') return has(['revisit', 'unsolved', 'note', 'ask', 'false-alarm']);
  if (state === 'revisited') return has(['revisit', 'unsolved', 'note', 'ask']);
  return has([
    ...(['arrived', 'steady', 'note', 'ask'] as const),
    ...(['hand-over', 'transfer', 'true', 'false-alarm', 'drill'] as const),
  ]);
}
