import type { Tier } from '../domain/tier.ts';

/** What is counted of one alert. */
export interface FigureAlert extends FigureTimes {
  readonly gateway: string;
  readonly grid_id: string | null;
  readonly grid_name: string | null;
}

/** What is counted of it where nobody asks whose it was. */
export interface FigureTimes {
  readonly tier: Tier;
  readonly raised_at: number;
  readonly acknowledge_by: number | null;
  readonly outcome_by: number | null;
  readonly first_acknowledged_at: number | null;
  readonly first_resolved_at: number | null;
  readonly outcome: string | null;
  readonly transferred_to: string | null;
  readonly escalation: number;
  readonly open: number;
}

/** Whether it is done, and which of its two deadlines were missed: answered after it, or not yet though it has passed. */
export function answersOver(row: FigureTimes, now: number) {
  const missed = (by: number | null, at: number | null): boolean => by !== null && (at ?? now) > by;
  const done = row.first_resolved_at !== null || row.open === 0;
  return {
    done,
    acknowledgedLate: missed(row.acknowledge_by, row.first_acknowledged_at ?? (done ? row.first_resolved_at : null)),
    outcomeLate: missed(row.outcome_by, row.first_resolved_at),
  };
}
