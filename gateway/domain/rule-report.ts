import type { AlertState } from './alert.ts';
import type { EventKind } from './event.ts';
import type { Department } from './match.ts';
import type { Bilingual } from './text.ts';
import type { Tier } from './tier.ts';

// What people are shown of rules: by the API, the command line and the pages alike.

/** What is counted for a rule since the start. */
export interface RuleCounts {
  readonly evaluated: number;
  readonly matched: number;
  /** Repeats kept back by the rule's `suppress`. */
  readonly suppressed: number;
  /** Kept back by a window of the site's `rules.suppressions`. */
  readonly silenced: number;
  /** A field that the condition needs was not there: the condition did not hold. */
  readonly absent: number;
  readonly failed: number;
  /** Matches marked as coming from an event that came too late to be put in its place. */
  readonly late: number;
  /** Events that came too late for a condition of time that could only be judged in order. */
  readonly tooLate: number;
  /** Matches that an event which came out of order would have prevented. */
  readonly disproved: number;
}

/** A rule as people are shown it. */
export interface RuleInfo {
  readonly id: string;
  readonly version: string;
  readonly file: string;
  readonly title: Bilingual;
  readonly kind: string;
  readonly tiers: readonly Tier[];
  readonly to: readonly string[];
  /** Whose matter it is; null where the rule says nothing. */
  readonly department: Department | null;
  readonly reason: string;
  readonly source: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  /** Kinds of event that it listens to. */
  readonly listensTo: readonly EventKind[];
  /** Its condition of time: `at-once`, `for`, `count`, `together`, `sequence`, `absent`. */
  readonly pattern: string;
  readonly enabled: boolean;
  /** Ports, devices, … that the rule remembers now. */
  readonly keys: number;
  readonly counters: RuleCounts;
  /** The document, as its file has it. */
  readonly text: string;
}

/** One thing wrong in a rule, said so that its author can mend it. The same form as the configuration's faults. */
export interface RuleFault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `tier[1].if`; empty for the whole document. */
  readonly path: string;
  /** What stands there, shortened; null where nothing stands there. */
  readonly value: string | null;
  readonly message: string;
  /** What may stand there; null where the message says it. */
  readonly allowed: string | null;
}

/** What came of reading the rules anew. */
export interface RulesReload {
  /** False: the set was refused whole, and the one before stays in force. */
  readonly loaded: boolean;
  readonly version: string;
  readonly rules: number;
  readonly faults: readonly RuleFault[];
}

/** One cause: what the rules would have made of it, and what was made of it. At least one of the two is there. */
export interface BacktestLine {
  readonly rule: string;
  readonly key: string;
  /** Would be raised then, at this tier at worst, with so many matches joined in it. */
  readonly would: {
    readonly at: number;
    readonly lastAt: number;
    readonly tier: Tier;
    readonly matches: number;
    readonly message: Bilingual;
  } | null;
  /** Was raised then. */
  readonly was: {
    readonly alertId: string;
    readonly rule: string;
    readonly at: number;
    readonly tier: Tier;
    readonly state: AlertState;
    readonly matches: number;
  } | null;
}

export interface BacktestSummary {
  readonly rule: string;
  readonly wouldRaise: number;
  readonly wasRaised: number;
  readonly both: number;
  readonly onlyWould: number;
  readonly onlyWas: number;
  readonly matches: number;
  readonly suppressed: number;
  readonly silenced: number;
  readonly absent: number;
  readonly failed: number;
}

/** What rules would have raised on the record, against what was raised. */
export interface BacktestReport {
  readonly fromMs: number;
  readonly toMs: number;
  /** Recorded events that the rules were run on. */
  readonly events: number;
  readonly elapsedMs: number;
  readonly rules: readonly BacktestSummary[];
  /** By time. */
  readonly lines: readonly BacktestLine[];
}
