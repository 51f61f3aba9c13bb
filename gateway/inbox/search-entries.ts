import type { NoticeData, PassageData } from '../domain/notice.ts';
import type { Dialect, SqlValue, Statement } from './data/desk-data.ts';
import { indexStatements } from './data/search-index.ts';

interface Guard {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** Words by which people look for an alert. */
export function searchTextOf(data: NoticeData): string {
  const { place } = data;
  return [
    ...[data.title.zh, data.title.en, data.message.zh, data.message.en, place.site.name, place.name],
    ...[place.area?.name, place.grid?.name, ...(place.grid?.people ?? []), data.source, data.kind, data.owner],
    ...Object.values(data.facts).filter((value) => typeof value === 'string'),
  ]
    .filter((text) => text != null && text !== '')
    .join(' ');
}

function entryStatements(
  dialect: Dialect,
  entry: {
    readonly kind: 'alert' | 'note' | 'passage';
    readonly ref: string;
    readonly gateway: string;
    readonly alertId: string | null;
    readonly by: string | null;
    /** Shown with a hit; what it is found by may be more. */
    readonly text: string;
    readonly words: string;
    readonly at: number;
    readonly guard: Guard;
  },
): Statement[] {
  return [
    {
      sql: `INSERT INTO entry (kind, ref, gateway, alert_id, by_name, text, at)
            SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),
              CAST(? AS BIGINT) WHERE ${entry.guard.sql}
            ON CONFLICT (kind, ref) DO NOTHING`,
      params: [
        ...[entry.kind, entry.ref, entry.gateway, entry.alertId, entry.by, entry.text, entry.at],
        ...entry.guard.params,
      ],
    },
    ...indexStatements(dialect, entry.words, { sql: 'kind = ? AND ref = ?', params: [entry.kind, entry.ref] }),
  ];
}

/** Makes an alert findable, again with each version whose words differ. */
export const alertEntryStatements = (
  dialect: Dialect,
  given: { readonly gateway: string; readonly data: NoticeData; readonly at: number; readonly guard: Guard },
): Statement[] =>
  entryStatements(dialect, {
    ...{ kind: 'alert', ref: given.data.alertId, gateway: given.gateway, alertId: given.data.alertId, by: null },
    ...{ text: '', words: searchTextOf(given.data), at: given.at, guard: given.guard },
  });

/** Makes what somebody wrote findable; nothing where nothing was written. */
export const noteStatements = (
  dialect: Dialect,
  given: {
    readonly ref: string;
    readonly gateway: string;
    readonly alertId: string;
    readonly by: string;
    readonly text: string;
    readonly at: number;
    readonly guard: Guard;
  },
): Statement[] =>
  given.text === '' ? [] : entryStatements(dialect, { ...given, kind: 'note', words: `${given.text} ${given.by}` });

export const passageEntryStatements = (
  dialect: Dialect,
  given: { readonly gateway: string; readonly data: PassageData; readonly at: number; readonly guard: Guard },
): Statement[] => {
  const { gateway, data, at, guard } = given;
  const words = [data.plate?.text, data.place.name, data.place.site.name, data.camera, data.watch?.title];
  return entryStatements(dialect, {
    ...{ kind: 'passage', ref: `${gateway} ${data.passageId}`, gateway, alertId: null, by: null, text: '' },
    ...{ words: words.filter((word) => word !== undefined).join(' '), at, guard },
  });
};
