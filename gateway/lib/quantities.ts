import { z } from 'zod';

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, kB: 1000, KB: 1000, MB: 1_000_000, GB: 1_000_000_000, TB: 1_000_000_000_000 } as const;

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const factor = found?.[2] === undefined ? undefined : units[found[2]];
  return found && factor !== undefined ? Math.round(Number(found[1]) * factor) : null;
}

/** `5m` → 300 000, `250ms` → 250; null if it is not a number with one of ms, s, m, h, d. */
export const parseDurationMs = (text: string): number | null => parseQuantity(text, durationUnits);
/** `2GB` → 2 000 000 000; null if it is not a number with one of B, kB, MB, GB, TB. */
export const parseSizeBytes = (text: string): number | null => parseQuantity(text, sizeUnits);

/** 90 000 → `90s`, 300 000 → `5m`: the shortest exact form, for defaults and messages. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms !== 0 && ms % durationUnits[unit] === 0) return `${ms / durationUnits[unit]}${unit}`;
  }
  return `${ms}ms`;
}

/** 90 000 → `90 kB`, 1 234 567 → `1.2 MB`: for people. */
export function formatSize(bytes: number): string {
  const unit = (['TB', 'GB', 'MB', 'kB'] as const).find((each) => bytes >= sizeUnits[each]) ?? 'B';
  const value = bytes / sizeUnits[unit];
  return `${value >= 10 || unit === 'B' ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

interface Bounds {
  readonly default?: string;
  readonly min: string;
  readonly max: string;
  readonly describe: string;
}

function bounded(parse: (text: string) => number | null, what: string, bounds: Bounds) {
  const min = parse(bounds.min) ?? 0;
  const max = parse(bounds.max) ?? Number.MAX_SAFE_INTEGER;
  const schema = z
    .string({ error: `${what}, in quotes or bare, between ${bounds.min} and ${bounds.max}` })
    .transform((text, context) => {
      const value = parse(text);
      if (value === null || value < min || value > max) {
        context.addIssue({ code: 'custom', message: `${what} between ${bounds.min} and ${bounds.max}` });
        return z.NEVER;
      }
      return value;
    })
    .describe(
      `${bounds.describe} (${bounds.min} to ${bounds.max}${bounds.default === undefined ? '' : `, default ${bounds.default}`})`,
    );
  return schema;
}

/** Schema of a duration written with its unit; the parsed value is milliseconds. */
export function durationMs(bounds: Bounds & { readonly default: string }) {
  return bounded(parseDurationMs, 'a duration such as 30s, 5m or 2h', bounds).prefault(bounds.default);
}

/** Schema of a size that may be left out: then undefined. */
export function optionalSizeBytes(bounds: Omit<Bounds, 'default'>) {
  return bounded(parseSizeBytes, 'a size such as 500MB or 2GB', bounds).optional();
}

/** Schema of a size written with its unit; the parsed value is bytes. */
export function sizeBytes(bounds: Bounds & { readonly default: string }) {
  return bounded(parseSizeBytes, 'a size such as 500MB or 2GB', bounds).prefault(bounds.default);
}
