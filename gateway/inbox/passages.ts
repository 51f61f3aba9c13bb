import type { PassageData } from '../domain/notice.ts';
import type { EpochMs } from '../lib/clock.ts';
import { parseRfc3339 } from '../lib/local-time.ts';
import { iso } from './alert-queries.ts';
import type { Dialect, Statement } from './data/desk-data.ts';
import { passageEntryStatements } from './search-entries.ts';
import type { DeskPassage } from './shapes-search.ts';

/** One row of the table `passage`. */
export interface PassageRow {
  readonly gateway: string;
  readonly id: string;
  readonly at: number;
  readonly camera: string;
  readonly place: string;
  readonly direction: DeskPassage['direction'];
  readonly subject: DeskPassage['subject'];
  readonly plate: string | null;
  readonly plate_color: string | null;
  readonly plate_kind: string | null;
  readonly accepted: number;
  readonly watch_title: string | null;
  readonly watch_match: 'exact' | 'possible' | null;
}

/**
 * What keeping one shared passage writes. Its picture stays at the gateway: only plate, place and time are kept, under the
 * desk's retention. A watch hit on a passage that is here already adds the order to it.
 */
export function passageStatements(
  dialect: Dialect,
  given: { readonly gateway: string; readonly data: PassageData; readonly now: EpochMs },
): Statement[] {
  const { gateway, data, now } = given;
  const { plate, watch } = data;
  const at = parseRfc3339(data.at) ?? now;
  return [
    {
      sql: `INSERT INTO passage (gateway, id, at, received_at, camera, place, direction, subject, plate, plate_color,
              plate_kind, accepted, watch_title, watch_match)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (gateway, id) DO UPDATE SET
              watch_title = coalesce(excluded.watch_title, passage.watch_title),
              watch_match = coalesce(excluded.watch_match, passage.watch_match)`,
      params: [
        ...[gateway, data.passageId, at, now, data.camera, data.place.name, data.direction, data.subject],
        ...[plate?.text ?? null, plate?.color ?? null, plate?.kind ?? null, plate?.accepted === true ? 1 : 0],
        ...[watch?.title ?? null, watch?.match ?? null],
      ],
    },
    ...passageEntryStatements(dialect, {
      ...{ gateway, data, at },
      guard: {
        sql: 'EXISTS (SELECT 1 FROM passage WHERE gateway = ? AND id = ?)',
        params: [gateway, data.passageId],
      },
    }),
  ];
}

/** `entry.ref` of a passage, taken apart: ids of gateways hold no space. */
export const passageKeyOf = (ref: string): readonly [gateway: string, id: string] => {
  const cut = ref.indexOf(' ');
  return [ref.slice(0, cut), ref.slice(cut + 1)];
};

export const toPassage = (row: PassageRow, nameOf: (gateway: string) => string): DeskPassage => ({
  id: row.id,
  gateway: { id: row.gateway, name: nameOf(row.gateway) },
  at: iso(row.at),
  camera: row.camera,
  place: row.place,
  direction: row.direction,
  subject: row.subject,
  plate:
    row.plate === null
      ? null
      : { text: row.plate, color: row.plate_color ?? '', kind: row.plate_kind ?? '', accepted: row.accepted === 1 },
  watch: row.watch_title === null ? null : { title: row.watch_title, match: row.watch_match ?? 'possible' },
});
