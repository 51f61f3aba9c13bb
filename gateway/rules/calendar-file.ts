import { readFileSync } from 'node:fs';
import { isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { SpecialDays } from './calendar.ts';
import type { RuleFault } from './fault.ts';

const keys = ['holidays', 'workdays', 'schoolHolidays'] as const;
const form = /^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?$/;
const dayMs = 86_400_000;
/** A span of more than two years is a slip of the pen. */
const longestSpanDays = 750;

export type ReadCalendar =
  { readonly ok: true; readonly days: SpecialDays } | { readonly ok: false; readonly faults: readonly RuleFault[] };

/** Reads a site's calendar from its file; a file that cannot be read is a fault. */
export function readCalendarFile(file: string): ReadCalendar {
  try {
    return readCalendar(file, readFileSync(file, 'utf8'));
  } catch (error) {
    const message = `the calendar cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return {
      ok: false,
      faults: [{ file, line: 1, column: 1, path: '', value: null, message, allowed: null }],
    };
  }
}

/** Reads `holidays: [2026-10-01..2026-10-07]` and the like. Every fault with its line and column; all or nothing. */
export function readCalendar(file: string, text: string): ReadCalendar {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const faults: RuleFault[] = [];
  const fault = (offset: number, path: string, value: unknown, message: string, allowed: string | null): void => {
    const { line, col } = lines.linePos(offset);
    faults.push({
      file,
      line,
      column: col,
      path,
      value: value === null ? null : JSON.stringify(value),
      message,
      allowed,
    });
  };
  for (const error of yaml.errors) fault(error.pos[0], '', null, `is not YAML: ${error.message}`, null);
  const days = {
    holidays: new Set<string>(),
    workdays: new Set<string>(),
    schoolHolidays: new Set<string>(),
  };
  const root = yaml.contents;
  if (faults.length === 0 && root !== null) {
    if (!('items' in root) || isSeq(root)) fault(0, '', null, 'must be keys with lists of days', keys.join(', '));
    else {
      for (const pair of root.items as { key: unknown; value: unknown }[]) {
        const keyOffset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
        const name = keys.find((known) => isScalar(pair.key) && pair.key.value === known);
        if (name === undefined) {
          fault(keyOffset, isScalar(pair.key) ? String(pair.key.value) : '', null, 'unknown key', keys.join(', '));
          continue;
        }
        if (!isSeq(pair.value)) {
          fault(keyOffset, name, null, 'must be a list of days', '[2026-01-01, 2026-10-01..2026-10-07]');
          continue;
        }
        for (const [index, item] of pair.value.items.entries()) {
          const value = isScalar(item) ? item.value : null;
          const offset = isScalar(item) ? (item.range?.[0] ?? keyOffset) : keyOffset;
          const span = spanOf(value);
          if (span === null) {
            fault(offset, `${name}[${index}]`, value, 'is no day and no span', '2026-01-01 or 2026-10-01..2026-10-07');
          } else for (const day of span) days[name].add(day);
        }
      }
    }
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, days };
}

/** The days of `2026-10-01` or `2026-10-01..2026-10-07`; null where it is neither. */
function spanOf(value: unknown): string[] | null {
  const found = typeof value === 'string' ? form.exec(value.trim()) : null;
  const from = dayOf(found?.[1]);
  const to = dayOf(found?.[2] ?? found?.[1]);
  if (from === null || to === null || to < from || (to - from) / dayMs > longestSpanDays) return null;
  const span: string[] = [];
  for (let at = from; at <= to; at += dayMs) span.push(new Date(at).toISOString().slice(0, 10));
  return span;
}

/** Midnight UTC of a date that exists; null else. */
function dayOf(date: string | undefined): number | null {
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== date ? null : at;
}
