import type { AlertQueries } from './alert-queries.ts';
import { iso } from './alert-queries.ts';
import type { Audit } from './audit.ts';
import { inPairs, type DeskReads, type SqlValue } from './data/desk-data.ts';
import { gatewayMark, kindMark, matchOf } from './data/search-index.ts';
import { passageKeyOf, toPassage, type PassageRow } from './passages.ts';
import { inScope, type Scope } from './scope.ts';
import { searchKinds, type SearchHit, type SearchRequest } from './shapes-search.ts';

export interface Search {
  /** Newest first; null where `before` is no `next` of a page. With passages among the kinds it is put on record first. */
  find(
    request: SearchRequest,
    by: string,
    scope: Scope,
  ): Promise<{ readonly items: SearchHit[]; readonly next: string | null; readonly indexing: boolean } | null>;
}

interface EntryRow {
  readonly number: number;
  readonly kind: SearchHit['kind'];
  readonly ref: string;
  readonly alert_id: string | null;
  readonly by_name: string | null;
  readonly text: string;
  readonly at: number;
}

/** Finds alerts, notes and shared passages by any part of their words. */
export function createSearch(given: {
  readonly reads: DeskReads;
  readonly queries: AlertQueries;
  readonly audit: Pick<Audit, 'note'>;
  readonly nameOf: (gateway: string) => string;
  /** Whether older entries are still being made findable. */
  readonly indexing: () => boolean;
}): Search {
  const { reads, queries, audit, nameOf, indexing } = given;

  async function entries(request: SearchRequest, scope: Scope, before: number | null): Promise<EntryRow[]> {
    // Nobody sees anything of no gateway.
    if (scope?.length === 0) return [];
    const gateways = request.gateway !== undefined ? [request.gateway] : scope;
    if (request.gateway !== undefined && !inScope(scope, request.gateway)) return [];
    // The index of words holds kind and gateway, too: what is looked through are hits alone, however rare.
    const kinds = new Set(request.kinds);
    const match = matchOf(reads.dialect, request.text, [
      ...(kinds.size < searchKinds.length ? [[...kinds].map(kindMark)] : []),
      ...(gateways === null ? [] : [gateways.map(gatewayMark)]),
    ]);
    if (match === 'nothing') return [];
    const conditions: string[] = [];
    const params: SqlValue[] = [];
    const hold = (sql: string, ...values: readonly SqlValue[]): void => {
      conditions.push(sql);
      params.push(...values);
    };
    // From the index of words, newest first: it goes only as far as the page needs.
    const number = match ? `entry_text.${match.number}` : 'entry.number';
    if (match) hold(`entry.number = ${number} AND ${match.sql}`, match.param);
    if (before !== null) hold(`${number} < ?`, before);
    // Numbers rise with time, but for some that came late: the time narrows them, and decides by itself.
    if (request.from !== undefined) {
      const from = Date.parse(request.from);
      hold('entry.at >= ?', from);
      hold(`${number} >= (SELECT min(number) FROM entry WHERE at >= ?)`, from);
    }
    if (request.to !== undefined) {
      const to = Date.parse(request.to);
      hold('entry.at <= ?', to);
      hold(`${number} <= (SELECT max(number) FROM entry WHERE at <= ?)`, to);
    }
    if (request.tier !== undefined) {
      hold('EXISTS (SELECT 1 FROM alert WHERE alert.id = entry.alert_id AND alert.tier = ?)', request.tier);
    }
    return reads.all<EntryRow>(
      `SELECT entry.number, entry.kind, entry.ref, entry.alert_id, entry.by_name, entry.text, entry.at
       FROM ${match ? 'entry_text CROSS JOIN entry' : 'entry'}
       WHERE ${conditions.length === 0 ? '1 = 1' : conditions.join(' AND ')}
       ORDER BY ${number} DESC LIMIT ?`,
      ...params,
      request.limit + 1,
    );
  }

  return {
    find: async (request, by, scope) => {
      const before = request.before === undefined ? null : Number(request.before);
      if (before !== null && !Number.isSafeInteger(before)) return null;
      if (request.kinds.includes('passage')) {
        // Before anybody sees a plate.
        await audit.note(by, 'search.passages', `${request.text} | ${request.reason ?? ''}`);
      }
      const rows = await entries(request, scope, before);
      const shown = rows.slice(0, request.limit);
      const alertIds = [...new Set(shown.flatMap(({ alert_id: id }) => id ?? []))];
      const refs = shown.filter(({ kind }) => kind === 'passage').map(({ ref }) => ref);
      const passagesIn = inPairs(refs.map(passageKeyOf));
      const [alerts, passages] = await Promise.all([
        queries.some(alertIds),
        refs.length === 0
          ? []
          : reads.all<PassageRow>(
              `SELECT * FROM passage WHERE (gateway, id) IN ${passagesIn.sql}`,
              ...passagesIn.params,
            ),
      ]);
      const alertOf = new Map(alerts.map((alert) => [alert.id, alert]));
      const passageOf = new Map(passages.map((row) => [`${row.gateway} ${row.id}`, row]));
      const items = shown.flatMap((row): SearchHit[] => {
        const at = iso(row.at);
        if (row.kind === 'passage') {
          const found = passageOf.get(row.ref);
          return found ? [{ kind: 'passage', at, passage: toPassage(found, nameOf) }] : [];
        }
        const alert = alertOf.get(row.alert_id ?? '');
        if (!alert) return [];
        if (row.kind === 'alert') return [{ kind: 'alert', at, alert }];
        return [{ kind: 'note', at, alertId: alert.id, by: row.by_name ?? '', text: row.text, alert }];
      });
      const last = rows.length > request.limit ? shown.at(-1) : undefined;
      return { items, next: last ? String(last.number) : null, indexing: indexing() };
    },
  };
}
