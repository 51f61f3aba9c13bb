import { inList, type SqlValue } from './data/desk-data.ts';

/** Ids of the gateways that somebody sees; null for all. */
export type Scope = readonly string[] | null;

export const inScope = (scope: Scope, gateway: string): boolean => scope === null || scope.includes(gateway);

/** The SQL condition that holds a column to a scope; null where everything is seen. */
export function scopeCondition(
  scope: Scope,
  column: string,
): { readonly sql: string; readonly params: readonly SqlValue[] } | null {
  if (scope === null) return null;
  const { sql, params } = inList(scope);
  // An empty list in SQL would be a fault of syntax; nobody's gateway is called by nothing.
  return scope.length === 0 ? { sql: '1 = 0', params: [] } : { sql: `${column} IN ${sql}`, params };
}
