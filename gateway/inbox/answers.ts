import type { Clock } from '../lib/clock.ts';
import type { Database } from '../lib/database/index.ts';
import type { AlertQueries } from './alert-queries.ts';
import { answersTo, findAlert, standingColumns, toldByRow, toOwnAnswer } from './alert-row.ts';
import type { AnswerRequest, DeskAlertDetail } from './shapes.ts';
import { shownStanding, whyNotNow, type OwnAnswer } from './standing.ts';

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
  readonly database: Database;
  readonly queries: AlertQueries;
  readonly clock: Clock;
  /** Called when an answer is on disk. */
  readonly onGiven: (gateway: string, alertId: string) => void;
}): Answers {
  const { database, queries, clock, onGiven } = options;

  const given = (id: string): { readonly alert_id: string; readonly gateway: string } | undefined =>
    database.get('SELECT alert_id, gateway FROM feedback WHERE id = ?', id);

  /** Null when it was written, or when the alert changed meanwhile; else why it cannot be. */
  async function tryOnce(alertId: string, by: string, request: AnswerRequest): Promise<AnswerResult | null> {
    const row = findAlert(database, alertId);
    if (!row) return { kind: 'unknown-alert' };
    const outcome = request.kind === 'outcome' ? (request.outcome ?? 'true') : null;
    const earlier = answersTo(database, alertId).map(toOwnAnswer);
    const told = toldByRow(row);
    const message = whyNotNow(shownStanding(told, earlier), request.kind, outcome, by);
    if (message !== null) return { kind: 'not-allowed', message };
    const answer: OwnAnswer = { kind: request.kind, outcome, by, at: clock.now(), sentAt: null, receivedAt: null };
    await database.write([
      {
        sql: `INSERT INTO feedback (id, gateway, alert_id, kind, by_name, at, text, outcome, mark, to_name)
              SELECT ?, gateway, id, ?, ?, ?, ?, ?, ?, ? FROM alert WHERE id = ? AND revision = ?
              ON CONFLICT (id) DO NOTHING`,
        params: [
          ...[request.id, answer.kind, by, answer.at, request.text, outcome],
          ...[request.mark ?? null, request.to ?? null, alertId, row.revision],
        ],
      },
      {
        // changes() is 1 only if the answer was taken just now.
        sql: `UPDATE alert SET revision = revision + 1, state = ?, owner = ?, acknowledged_at = ?, ended_at = ?, open = ?
              WHERE id = ? AND changes() = 1`,
        params: [...standingColumns(shownStanding(told, [...earlier, answer])), alertId],
      },
    ]);
    return null;
  }

  return {
    give: async (alertId, by, request) => {
      for (;;) {
        const taken = given(request.id);
        if (taken) {
          if (taken.alert_id !== alertId) return { kind: 'id-taken' };
          onGiven(taken.gateway, alertId);
          const alert = queries.detail(alertId);
          return alert ? { kind: 'given', alert } : { kind: 'unknown-alert' };
        }
        const refused = await tryOnce(alertId, by, request);
        if (refused) return refused;
      }
    },
  };
}
