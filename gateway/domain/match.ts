import type { EpochMs } from '../lib/clock.ts';
import type { EventKind } from './event.ts';
import type { AreaId, EventId, RuleId } from './ids.ts';
import type { Bilingual } from './text.ts';
import type { Tier } from './tier.ts';

/** A fact shown to people and sent along: number with its unit in the name, text or yes/no. */
export type FactValue = string | number | boolean | null;

/** Who is to be told: by role, or by the grid's responsible person. */
export type Addressee = 'station' | 'department' | 'community' | 'grid';

/** Whose matter it is: not everything is the police's (design section 5). */
export const departments = ['police', 'fire', 'property', 'housing'] as const;
export type Department = (typeof departments)[number];

/** One CEL condition that held, with every value that it named. */
export interface ExplainedCondition {
  /** Where it stands in the rule: `if`, `smoke.if`, `tier`, `facts`. */
  readonly of: string;
  readonly expression: string;
  readonly values: readonly (readonly [name: string, value: FactValue])[];
}

/** How the rule's condition of time came to hold. */
export type ExplainedTime =
  | { readonly kind: 'at-once' }
  | { readonly kind: 'for'; readonly askedS: number; readonly heldS: number; readonly since: EpochMs }
  | { readonly kind: 'count'; readonly withinS: number; readonly atLeast: number; readonly count: number }
  | { readonly kind: 'together' | 'sequence'; readonly withinS: number; readonly spanS: number }
  | { readonly kind: 'absent'; readonly withinS: number; readonly since: EpochMs };

/** Why a match came to be: which version of which rule, what it compared, and why this tier. */
export interface MatchExplanation {
  readonly rule: RuleId;
  readonly version: string;
  readonly conditions: readonly ExplainedCondition[];
  readonly time: ExplainedTime;
  /** `condition` null: the rule's only tier, or the one that is left when no other holds. */
  readonly tier: { readonly tier: Tier; readonly condition: ExplainedCondition | null; readonly passedOver: number };
  readonly events: readonly {
    readonly id: EventId;
    readonly kind: EventKind;
    readonly at: EpochMs;
    readonly source: string;
    /** The event's name in the rule: `event`, or a side's or a step's. */
    readonly as: string;
  }[];
  /** Seconds by which the newest event came too late to be put in its place among the others; null where it did not. */
  readonly lateByS: number | null;
}

/** A rule's condition held, with the events that made it hold and why this tier. */
export interface Match {
  readonly rule: RuleId;
  /** SHA-256 of the rule's document, first 12 hex digits. */
  readonly ruleVersion: string;
  readonly tier: Tier;
  /** What sort of matter: `fire.smoke`, `charging.over-temperature`, `gate.unknown-vehicle`, `device.silent`. */
  readonly kind: string;
  readonly title: Bilingual;
  readonly message: Bilingual;
  /** Matches with the same key are the same cause: they join the open alert. */
  readonly key: string;
  readonly at: EpochMs;
  readonly area: AreaId | null;
  /** The device or camera that is named to people; null for a whole area. */
  readonly source: string | null;
  readonly facts: Readonly<Record<string, FactValue>>;
  readonly events: readonly EventId[];
  readonly to: readonly Addressee[];
  /** Whose matter the rule says it is; absent where it says nothing. */
  readonly department?: Department;
  /** Which of several matches of one event gives a joined alert its title: the highest. */
  readonly weight: number;
  /** Why it came to be; absent in what was matched before there was the field. */
  readonly why?: MatchExplanation;
}
