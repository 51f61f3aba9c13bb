import { CsvError, parse } from 'csv-parse/sync';
import { DateTime } from 'luxon';
import type { VehicleCategory } from '../domain/event.ts';
import { normalisePlate } from './normalise-plate.ts';

export interface Vehicle {
  readonly plate: string;
  readonly category: VehicleCategory;
  readonly unit: string | null;
  /** Known up to and with this moment, ms since 1970; null for good. */
  readonly untilMs: number | null;
}

export interface RegisterFault {
  /** From 1; the header is line 1. */
  readonly line: number;
  readonly reason: string;
}

export type ParsedVehicles =
  | { readonly kind: 'vehicles'; readonly vehicles: readonly Vehicle[] }
  | { readonly kind: 'faults'; readonly faults: readonly RegisterFault[] };

/** What the columns may be called. */
const headers: Readonly<Record<string, 'plate' | 'category' | 'unit' | 'until'>> = {
  plate: 'plate',
  车牌: 'plate',
  车牌号: 'plate',
  车牌号码: 'plate',
  号牌: 'plate',
  category: 'category',
  类别: 'category',
  类型: 'category',
  unit: 'unit',
  房号: 'unit',
  户号: 'unit',
  单元: 'unit',
  until: 'until',
  到期: 'until',
  有效期: 'until',
  有效期至: 'until',
  到期日期: 'until',
};
const categoryNames: Readonly<Record<string, VehicleCategory>> = {
  resident: 'resident',
  业主: 'resident',
  住户: 'resident',
  tenant: 'tenant',
  租户: 'tenant',
  租客: 'tenant',
  visitor: 'visitor',
  访客: 'visitor',
  service: 'service',
  服务: 'service',
  物业: 'service',
};
/** A province's character or one of the special ones, then letters and digits: 6 to 8 in all, after normalising. */
const plateForm = /^[\p{Script=Han}A-Z][A-Z0-9\p{Script=Han}]{5,8}$/u;
const maxFaults = 100;
/** Parsed in one go on the main thread, so it is bounded; a compound has some thousand vehicles. */
const maxVehicles = 20_000;

/**
 * Reads the file of vehicles. All or nothing: one wrong line refuses the whole, with every fault named (at most 100), so
 * that nobody's car is taken for a stranger's because of a typing error further up. `timeZone` is the site's (IANA), for
 * days that stand without time.
 */
export function parseVehicles(text: string, timeZone: string): ParsedVehicles {
  let records: { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
  try {
    records = parse(text, {
      bom: true,
      info: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { kind: 'faults', faults: [{ line: Number(error['lines'] ?? 1), reason: `not CSV: ${error.message}` }] };
  }
  const faults: RegisterFault[] = [];
  const fault = (line: number, reason: string): void => {
    if (faults.length < maxFaults) faults.push({ line, reason });
  };
  const [header, ...rows] = records;
  if (header === undefined) return { kind: 'faults', faults: [{ line: 1, reason: 'the file is empty' }] };
  const columns = header.record.map((name) => headers[name.toLowerCase()] ?? null);
  for (const [index, column] of columns.entries()) {
    const name = header.record[index] ?? '';
    if (column === null)
      fault(header.info.lines, `unknown column "${name}"; known: plate/车牌, category/类别, unit/房号, until/有效期`);
    else if (columns.indexOf(column) !== index) fault(header.info.lines, `the column ${column} stands there twice`);
  }
  for (const needed of ['plate', 'category'] as const) {
    if (!columns.includes(needed)) fault(header.info.lines, `the column ${needed} is missing`);
  }
  if (rows.length > maxVehicles) fault(header.info.lines, `more than ${maxVehicles} vehicles`);
  if (faults.length > 0) return { kind: 'faults', faults };

  const vehicles = new Map<string, Vehicle & { readonly line: number }>();
  for (const { record, info } of rows) {
    const line = info.lines;
    const cell = (column: 'plate' | 'category' | 'unit' | 'until'): string => record[columns.indexOf(column)] ?? '';
    if (record.length > columns.length) fault(line, `${record.length} fields where the header has ${columns.length}`);
    const plate = normalisePlate(cell('plate'));
    const category = categoryNames[cell('category').toLowerCase()];
    const until = cell('until');
    const untilMs = until === '' ? null : untilOf(until, timeZone);
    if (!plateForm.test(plate)) fault(line, `"${cell('plate')}" is no plate`);
    else if (vehicles.has(plate)) fault(line, `${plate} stands in line ${vehicles.get(plate)?.line ?? 0} already`);
    if (category === undefined) {
      fault(
        line,
        `"${cell('category')}" is no category; known: resident/业主, tenant/租户, visitor/访客, service/服务`,
      );
    }
    if (until !== '' && untilMs === null) fault(line, `"${until}" is no day; write 2026-12-31`);
    if (category === undefined) continue;
    vehicles.set(plate, { plate, category, unit: cell('unit') === '' ? null : cell('unit'), untilMs, line });
  }
  if (faults.length > 0) return { kind: 'faults', faults };
  return {
    kind: 'vehicles',
    vehicles: [...vehicles.values()].map(({ plate, category, unit, untilMs }) => ({ plate, category, unit, untilMs })),
  };
}

const dayForms = ['yyyy-M-d', 'yyyy/M/d', 'yyyy.M.d', 'yyyy年M月d日'];

/** Last millisecond of the named day in the zone, or null. */
function untilOf(text: string, timeZone: string): number | null {
  for (const form of dayForms) {
    const day = DateTime.fromFormat(text, form, { zone: timeZone });
    if (day.isValid) return day.endOf('day').toMillis();
  }
  return null;
}
