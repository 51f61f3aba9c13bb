import type { EpochMs } from '../lib/clock.ts';
import type { Tier } from './tier.ts';

/** How long something took, over those alerts in which it happened. */
export interface Spread {
  readonly n: number;
  readonly meanMs: number | null;
  /** Nearest rank: nine of ten took no longer. */
  readonly p90Ms: number | null;
}

/** One group of alerts raised in a month. */
export interface FigureLine {
  readonly raised: number;
  readonly byTier: Readonly<Record<Tier, number>>;
  /** Outcome told (or closed) with no deadline missed. */
  readonly inTime: number;
  /** At least one deadline missed. */
  readonly late: number;
  /** Neither yet. */
  readonly pending: number;
  readonly escalated: number;
  readonly transferred: number;
  /** Of those transferred, how many were taken up by whom they went to. */
  readonly transfersAccepted: number;
  readonly falseAlarms: number;
  readonly reopened: number;
  readonly closed: number;
  readonly revisitsAsked: number;
  readonly revisitsDone: number;
  readonly delivered: Spread;
  readonly acknowledged: Spread;
  readonly resolved: Spread;
}

/** A group, against the same group in the month before. */
export interface FigureGroup {
  readonly key: string;
  readonly name: string;
  readonly now: FigureLine;
  readonly before: FigureLine;
}

export interface MonthFigures {
  /** `2026-11`, local. */
  readonly month: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** False while the month still runs. */
  readonly whole: boolean;
  readonly total: FigureGroup;
  readonly byTier: readonly FigureGroup[];
  readonly byGrid: readonly FigureGroup[];
  readonly byRule: readonly FigureGroup[];
  readonly byDepartment: readonly FigureGroup[];
}
