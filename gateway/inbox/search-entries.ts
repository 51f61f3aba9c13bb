import type { NoticeData, PassageData } from '../domain/notice.ts';
import type { Dialect, SqlValue, Statement } from './data/desk-data.ts';
import { gatewayMark, indexStatements, kindMark } from './data/search-index.ts';

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

/** By what an entry is found beside its words. */
const marksOf = (entry: { readonly kind: string; readonly gateway: string }): string[] => [
  kindMark(entry.kind),
  gatewayMark(entry.gateway),
];

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
    ...indexStatements(
      dialect,
      { text: entry.words, marks: marksOf(entry) },
      { sql: 'kind = ? AND ref = ?', params: [entry.kind, entry.ref] },
    ),
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
  given.text === '' ? [] : entryStatements(dialect, { ...given, kind: 'note', words: noteWords(given.text, given.by) });

export const noteWords = (text: string, by: string | null): string => `${text} ${by ?? ''}`;

export const passageWords = (
  passage: Readonly<Record<'plate' | 'place' | 'site' | 'camera' | 'watch', string | null>>,
): string =>
  [passage.plate, passage.place, passage.site, passage.camera, passage.watch].filter((word) => word !== null).join(' ');

/** The words of an entry written anew; it stays where it is among the others. */
export const reindexStatements = (
  dialect: Dialect,
  entry: { readonly number: number; readonly kind: string; readonly gateway: string; readonly words: string },
): Statement[] =>
  indexStatements(dialect, { text: entry.words, marks: marksOf(entry) }, { sql: 'number = ?', params: [entry.number] });

export const passageEntryStatements = (
  dialect: Dialect,
  given: { readonly gateway: string; readonly data: PassageData; readonly at: number; readonly guard: Guard },
): Statement[] => {
  const { gateway, data, at, guard } = given;
  const words = passageWords({
    ...{ plate: data.plate?.text ?? null, place: data.place.name, site: data.place.site.name },
    ...{ camera: data.camera, watch: data.watch?.title ?? null },
  });
  return entryStatements(dialect, {
    ...{ kind: 'passage', ref: `${gateway} ${data.passageId}`, gateway, alertId: null, by: null, text: '' },
    ...{ words, at, guard },
  });
};
