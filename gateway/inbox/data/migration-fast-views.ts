import type { DeskMigration } from './migrations.ts';

/**
 * What a desk of 100 000 alerts needs so that no view reads more than it shows (`desk-many`), and entries for alerts that
 * were there before there was a search. Their words are cut in JavaScript, so they are written after the start, in batches
 * (search-fill.ts); here they only get their places: below all numbers given so far, the newest highest.
 */
const sql = `
-- The shift: what was answered since the last hand-over.
CREATE INDEX feedback_at ON feedback (at, kind, outcome, gateway, alert_id);
-- A month's figures, without the rows they are of (2 kB each).
CREATE INDEX alert_figures ON alert (raised_at, gateway, tier, grid_id, grid_name, acknowledge_by, outcome_by,
  first_acknowledged_at, first_resolved_at, outcome, transferred_to, escalation, open) WHERE own = 0;
DROP INDEX alert_raised;
-- Everything, newest first, of some of many gateways: which rows, before any row is read.
DROP INDEX alert_received;
CREATE INDEX alert_received ON alert (received_at, id, gateway);
DROP INDEX alert_tier_received;
CREATE INDEX alert_tier_received ON alert (tier, received_at, id, gateway);
CREATE INDEX alert_gateway_tier ON alert (gateway, tier, received_at, id);
-- What else happened there, where there is no area.
CREATE INDEX alert_gateway_occurred ON alert (gateway, occurred_at, id);
-- What can stand on a plan.
CREATE INDEX alert_source ON alert (gateway, source) WHERE source IS NOT NULL;
CREATE INDEX audit_by ON audit (by_name, seq);
CREATE INDEX audit_action ON audit (action, seq);
-- A time in a search narrows the numbers to look through.
DROP INDEX entry_at;
CREATE INDEX entry_at ON entry (at, number);

INSERT INTO entry (number, kind, ref, gateway, alert_id, by_name, text, at)
SELECT lowest.number - row_number() OVER (ORDER BY missing.at DESC, missing.kind DESC, missing.ref DESC),
  missing.kind, missing.ref, missing.gateway, missing.alert_id, missing.by_name, missing.text, missing.at
FROM (SELECT coalesce(min(number), 1) AS number FROM entry) AS lowest CROSS JOIN (
  SELECT 'alert' AS kind, id AS ref, gateway, id AS alert_id, CAST(NULL AS TEXT) AS by_name, '' AS text,
    received_at AS at
  FROM alert WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.kind = 'alert' AND entry.ref = alert.id)
  UNION ALL
  SELECT 'note', id, gateway, alert_id, by_name, text, at FROM feedback
  WHERE text <> '' AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.kind = 'note' AND entry.ref = feedback.id)
  UNION ALL
  -- What somebody elsewhere wrote, once a version, however many were told of it.
  SELECT 'note', alert_id || ' ' || version, max(gateway), alert_id, max(news_by), max(news_text), max(news_at)
  FROM notice
  WHERE news_text <> '' AND news_kind IN ('acknowledged', 'progress', 'outcome', 'transferred', 'revisit')
    AND NOT EXISTS (SELECT 1 FROM feedback WHERE feedback.alert_id = notice.alert_id
      AND feedback.kind = notice.news_kind AND feedback.by_name = notice.news_by)
    AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.alert_id = notice.alert_id AND entry.kind = 'note'
      AND entry.by_name = notice.news_by AND entry.text = notice.news_text)
  GROUP BY alert_id, version
) AS missing;
-- Words are written anew for all of them, from the newest down: gateway and kind are among them now.
INSERT INTO setting (name, value) SELECT 'search-fill', CAST(max(number) + 1 AS TEXT) FROM entry HAVING count(*) > 0;
`;

export const fastViewsMigration: DeskMigration = {
  version: 4,
  name: 'indices for views, entries for search',
  sqlite: sql,
  postgres: sql,
};
