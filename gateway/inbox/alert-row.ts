import type { AlertState, FeedbackMark } from '../domain/alert.ts';
import { endedAlertStates } from '../domain/alert.ts';
import type { NoticeData } from '../domain/notice.ts';
import type { Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { parseRfc3339 } from '../lib/local-time.ts';
import type { DeskReads } from './data/desk-data.ts';
import { answersDue, type Outcome, type OwnAnswer, type Standing, type Told } from './standing.ts';

/** One row of the table `alert`. */
export interface AlertRow {
  readonly id: string;
  readonly gateway: string;
  readonly revision: number;
  readonly version: number;
  readonly told_at: EpochMs;
  readonly data: string;
  readonly told_ended_at: EpochMs | null;
  readonly tier: Tier;
  readonly tier_rank: number;
  readonly kind: string;
  readonly state: AlertState;
  readonly owner: string | null;
  readonly acknowledged_at: EpochMs | null;
  readonly ended_at: EpochMs | null;
  readonly open: number;
  readonly occurred_at: EpochMs;
  readonly raised_at: EpochMs;
  readonly received_at: EpochMs;
  readonly last_at: EpochMs;
  /** 1: raised by this desk, about that gateway; 0: told by the gateway. */
  readonly own: number;
  readonly deadline: EpochMs | null;
  readonly area_id: string | null;
  readonly grid_id: string | null;
  readonly grid_name: string | null;
}

/** One row of the table `feedback`: an answer given here. */
export interface FeedbackRow {
  readonly sequence: number;
  readonly id: string;
  readonly gateway: string;
  readonly alert_id: string;
  readonly kind: OwnAnswer['kind'];
  readonly by_name: string;
  readonly at: EpochMs;
  readonly text: string;
  readonly outcome: Outcome | null;
  readonly sent_at: EpochMs | null;
  readonly received_at: EpochMs | null;
  readonly mark: FeedbackMark | null;
  readonly to_name: string | null;
}

export const findAlert = (reads: DeskReads, id: string): Promise<AlertRow | undefined> =>
  reads.get<AlertRow>('SELECT * FROM alert WHERE id = ?', id);

/** Answers given here to one alert, oldest first. */
export const answersTo = (reads: DeskReads, alertId: string): Promise<FeedbackRow[]> =>
  reads.all<FeedbackRow>('SELECT * FROM feedback WHERE alert_id = ? ORDER BY sequence', alertId);

export const toOwnAnswer = (row: FeedbackRow): OwnAnswer => ({
  kind: row.kind,
  outcome: row.outcome,
  mark: row.mark,
  to: row.to_name,
  by: row.by_name,
  at: row.at,
  sentAt: row.sent_at,
  receivedAt: row.received_at,
});

/** What a version says of how the matter stands. `endedAt` is known from the version that told of the end first. */
export function toldOf(
  data: Pick<NoticeData, 'state' | 'owner' | 'acknowledgedAt' | 'news'>,
  at: EpochMs,
  endedAt: EpochMs | null,
): Told {
  return {
    standing: {
      state: data.state,
      owner: data.owner,
      acknowledgedAt: data.acknowledgedAt === null ? null : parseRfc3339(data.acknowledgedAt),
      endedAt,
    },
    at,
    news: data.news.kind,
  };
}

export const toldByRow = (row: AlertRow): Told =>
  toldOf(JSON.parse(row.data) as NoticeData, row.told_at, row.told_ended_at);

/** Columns of a standing, in this order: state, owner, acknowledged_at, ended_at, open. */
export const standingColumns = (
  standing: Standing,
): readonly [string, string | null, number | null, number | null, number] => [
  standing.state,
  standing.owner,
  standing.acknowledgedAt,
  standing.endedAt,
  endedAlertStates.includes(standing.state) ? 0 : 1,
];

/** The deadline that still runs: the one told, unless an answer given here since then has met it. */
export function runningDeadline(told: Told, shown: Standing, deadline: string | null): EpochMs | null {
  if (deadline === null || answersDue(shown) < answersDue(told.standing)) return null;
  return parseRfc3339(deadline);
}

/** When the outcome was first known, as far as this standing says; null before. */
export const resolvedIn = (standing: Standing, at: EpochMs): EpochMs | null => (answersDue(standing) === 0 ? at : null);
