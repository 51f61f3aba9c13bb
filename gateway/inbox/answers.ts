import type { NoticeData } from '../domain/notice.ts';
import type { Clock } from '../lib/clock.ts';
import type { AlertQueries } from './alert-queries.ts';
import {
  answersTo,
  findAlert,
  resolvedIn,
  runningDeadline,
  standingColumns,
  toldByRow,
  toOwnAnswer,
} from './alert-row.ts';
import { auditStatement } from './audit.ts';
import type { DeskData } from './data/desk-data.ts';
import { noteStatements } from './search-entries.ts';
import type { AnswerRequest, DeskAlertDetail } from './shapes.ts';
import { shownOwnStanding, shownStanding, whyNotNow, type OwnAnswer } from './standing.ts';

export type AnswerResult =
  | { readonly kind: 'given'; readonly alert: DeskAlertDetail }
  | { readonly kind: 'unknown-alert' }
  /** `message` is for the officer. */
  | { readonly kind: 'not-allowed'; readonly message: string }
  /** The id was used for another alert's answer. */
  | { readonly kind: 'id-taken' };

export interface Answers {
  /** Gives one answer in the name of `by`. A repeat of the request's id changes nothing. */
  give(alertId: string, by: string, request: AnswerRequest): Promise<AnswerResult>;
}

/**
 * Takes what officers answer. An answer is written only if the alert is still as it was read, in one transaction; else
 * it is looked at anew. So of two officers who acknowledge at once exactly one gets it, even in two processes.
 */
export function createAnswers(options: {
  readonly data: DeskData;
  readonly queries: AlertQueries;
  readonly clock: Clock;
  /** Called when an answer is on disk. */
  readonly onGiven: (gateway: string, alertId: string) => void;
}): Answers {
  const { data, queries, clock, onGiven } = options;

  const given = (id: string): Promise<{ readonly alert_id: string; readonly gateway: string } | undefined> =>
    data.get('SELECT alert_id, gateway FROM feedback WHERE id = ?', id);

  /** Null when it was written, or when the alert changed meanwhile; else why it cannot be. */
  async function tryOnce(alertId: string, by: string, request: AnswerRequest): Promise<AnswerResult | null> {
    const row = await findAlert(data, alertId);
    if (!row) return { kind: 'unknown-alert' };
    const outcome = request.kind === 'outcome' ? (request.outcome ?? 'true') : null;
    const earlier = (await answersTo(data, alertId)).map(toOwnAnswer);
    const told = toldByRow(row);
    const stands = row.own === 1 ? shownOwnStanding : shownStanding;
    const message = whyNotNow(stands(told, earlier), request.kind, outcome, by);
    if (message !== null) return { kind: 'not-allowed', message };
    const now = clock.now();
    const answer: OwnAnswer = {
      ...{ kind: request.kind, outcome, mark: request.mark ?? null, to: request.to ?? null, by, at: now },
      // The desk is its own alerts' gateway.
      ...(row.own === 1 ? { sentAt: now, receivedAt: now } : { sentAt: null, receivedAt: null }),
    };
    const after = stands(told, [...earlier, answer]);
    const { deadline } = JSON.parse(row.data) as NoticeData;
    await data.write([
      // First of all, while it can be seen whether the rest will be written.
      auditStatement(
        { at: now, by, action: `alert.${request.kind}`, subject: `${alertId} ${request.id}` },
        {
          sql: `EXISTS (SELECT 1 FROM alert WHERE id = ? AND revision = ?)
                AND NOT EXISTS (SELECT 1 FROM feedback WHERE id = ?)`,
          params: [alertId, row.revision, request.id],
        },
      ),
      {
        sql: `INSERT INTO feedback (id, gateway, alert_id, kind, by_name, at, text, outcome, mark, to_name, sent_at,
                received_at)
              SELECT ?, gateway, id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM alert WHERE id = ? AND revision = ?
              ON CONFLICT (id) DO NOTHING`,
        params: [
          ...[request.id, answer.kind, by, now, request.text, outcome, answer.mark, answer.to],
          ...[answer.sentAt, answer.receivedAt, alertId, row.revision],
        ],
      },
      {
        // Writers never overlap: the answer is there with this revision only if it was taken just now.
        sql: `UPDATE alert SET revision = revision + 1, state = ?, owner = ?, acknowledged_at = ?, ended_at = ?, open = ?,
                deadline = ?, first_acknowledged_at = coalesce(first_acknowledged_at, ?),
                first_resolved_at = coalesce(first_resolved_at, ?), outcome = coalesce(?, outcome),
                transferred_to = coalesce(?, transferred_to)
              WHERE id = ? AND revision = ? AND EXISTS (SELECT 1 FROM feedback WHERE id = ? AND alert_id = ?)`,
        params: [
          ...standingColumns(after),
          runningDeadline(told, after, deadline),
          after.acknowledgedAt,
          resolvedIn(after, now),
          outcome,
          request.kind === 'transferred' ? (request.to ?? request.text) : null,
          ...[alertId, row.revision, request.id, alertId],
        ],
      },
      ...noteStatements(data.dialect, {
        ...{ ref: request.id, gateway: row.gateway, alertId, by, text: request.text, at: now },
        // Only where the answer was written.
        guard: { sql: 'EXISTS (SELECT 1 FROM feedback WHERE id = ? AND alert_id = ?)', params: [request.id, alertId] },
      }),
    ]);
    return null;
  }

  return {
    give: async (alertId, by, request) => {
      for (;;) {
        const taken = await given(request.id);
        if (taken) {
          if (taken.alert_id !== alertId) return { kind: 'id-taken' };
          onGiven(taken.gateway, alertId);
          const alert = await queries.detail(alertId);
          return alert ? { kind: 'given', alert } : { kind: 'unknown-alert' };
        }
        const refused = await tryOnce(alertId, by, request);
        if (refused) return refused;
      }
    },
  };
}
