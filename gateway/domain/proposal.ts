import type { EpochMs } from '../lib/clock.ts';
import type { AlertId, RuleId } from './ids.ts';
import type { Bilingual } from './text.ts';

/** What the changed rule would have done on recorded history, against what it did. */
export interface ProposalEffect {
  readonly since: EpochMs;
  readonly until: EpochMs;
  /** Matches of the rule as it is, and as proposed. */
  readonly before: number;
  readonly after: number;
  /** Alerts of this rule in that time: judged false, and of those how many would not have been raised. */
  readonly falseAlarms: number;
  readonly falseAlarmsSpared: number;
  /** Alerts that turned out to be true (or are undecided) and would be missed: read these before anything is changed. */
  readonly missed: readonly AlertId[];
}

/** A change of a rule's settings that a false-alarm verdict suggests. Never applied by itself: a person does it, or nobody. */
export interface RuleProposal {
  readonly id: string;
  readonly alertId: AlertId;
  readonly rule: RuleId;
  readonly ruleVersion: string;
  readonly madeAt: EpochMs;
  readonly change: {
    /** As in `rules.settings.<rule>`: `params.warnC`, `suppress`, `for`. */
    readonly setting: string;
    readonly from: string | number | null;
    readonly to: string | number;
  };
  readonly reason: Bilingual;
  /** Lines for kanmen.yaml. */
  readonly yaml: string;
  /** Null where recorded history could not be asked; `note` says why. */
  readonly effect: ProposalEffect | null;
  readonly note: string | null;
  /** Who put it in force, and what the rule's version was afterwards; absent where nobody has. */
  readonly applied?: {
    readonly at: EpochMs;
    readonly by: string;
    readonly why: string;
    readonly ruleVersion: string;
  };
}
