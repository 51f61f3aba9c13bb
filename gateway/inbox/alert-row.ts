import type { AlertState, FeedbackMark } from '../domain/alert.ts';
import { endedAlertStates } from '../domain/alert.ts';
import type { NoticeData } from '../domain/notice.ts';
import type { Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import { parseRfc3339 } from '../lib/local-time.ts';
import type { Outcome, OwnAnswer, Standing, Told } from './standing.ts';

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

type Reads = Pick<Database, 'all' | 'get'>;

export const findAlert = (database: Reads, id: string): AlertRow | undefined =>
  database.get<AlertRow>('SELECT * FROM alert WHERE id = ?', id);

/** Answers given here to one alert, oldest first. */
export const answersTo = (database: Reads, alertId: string): FeedbackRow[] =>
  database.all<FeedbackRow>('SELECT * FROM feedback WHERE alert_id = ? ORDER BY sequence', alertId);

export const toOwnAnswer = (row: FeedbackRow): OwnAnswer => ({
  kind: row.kind,
  outcome: row.outcome,
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
