import type { Match } from '../domain/match.ts';
import type { CompiledRule } from './compiled-rule.ts';
import { createMatch, pickTier, type Situation } from './match.ts';
import { tidy, type RuleState, type StateUpdate } from './rule-state.ts';
import type { Surroundings } from './surroundings.ts';

/** What one rule made of one event or moment. */
export interface Outcome {
  readonly match: Match | null;
  readonly update: StateUpdate | null;
}
export const noOutcome: Outcome = { match: null, update: null };

/** A new state without a match. */
export function remember(rule: CompiledRule, key: string, state: Parameters<typeof tidy>[0]): Outcome {
  return { match: null, update: { rule: rule.id, key, state: tidy(state) } };
}

/**
 * The condition holds: picks the tier, keeps repeats back, makes the match. `state` is what the rule is to remember for
 * this key in any case; `changed`: it is not what is stored already.
 */
export function raise(
  rule: CompiledRule,
  key: string,
  { state, changed }: { readonly state: RuleState; readonly changed: boolean },
  situation: Situation,
  around: Surroundings,
): Outcome {
  const unmatched: Outcome = changed ? remember(rule, key, state) : noOutcome;
  const { time } = situation;
  situation.context['state'] = {
    heldS: time.kind === 'for' ? time.heldS : 0,
    count: time.kind === 'count' ? time.count : 1,
    spanS: time.kind === 'together' || time.kind === 'sequence' ? time.spanS : 0,
  };
  const tier = pickTier(rule, situation.context);
  if (!tier) return unmatched;
  const { suppress } = rule;
  const { last } = state;
  if (suppress && last && Math.abs(situation.at - last.at) < suppress.forMs && tier.rank >= last.rank) {
    if (!suppress.extend) {
      around.count(rule.id, 'suppressed');
      return unmatched;
    }
    if (Math.abs(situation.at - last.toldAt) < suppress.atMostMs) {
      around.count(rule.id, 'suppressed');
      return remember(rule, key, { ...state, last: { ...last, at: Math.max(last.at, situation.at) } });
    }
  }
  const silencedBy = around.silencedBy(rule, tier, situation);
  if (silencedBy !== null) {
    around.count(rule.id, 'silenced');
    return unmatched;
  }
  around.count(rule.id, 'matched');
  if (situation.lateByS !== null) around.count(rule.id, 'late');
  const match = createMatch(rule, tier, situation);
  if (!suppress) return { match, update: unmatched.update };
  const told = { at: situation.at, rank: tier.rank, toldAt: situation.at };
  return { match, update: { rule: rule.id, key, state: { ...state, last: told } } };
}
