import { i18n } from './language.ts';
import { spanText } from './time.ts';
import type { Facts } from './types.ts';

/** Units stand at the end of a fact's name (`powerW`); the longest that fits counts. */
const units: readonly (readonly [suffix: string, unit: string])[] = [
  ['Kwh', 'kWh'],
  ['Dbm', ''],
  ['Ppm', 'ppm'],
  ['Pct', '%'],
  ['C', '°C'],
  ['W', 'W'],
  ['V', 'V'],
  ['A', 'A'],
  ['H', ' h'],
];
/** `Dbm` is two things: what a smoke detector measures, and how well a radio is heard. */
const ownUnits: Readonly<Record<string, string>> = { smokeDbm: 'dB/m', rssiDbm: 'dBm' };

export interface FactRow {
  readonly key: string;
  readonly name: string;
  readonly value: string;
}

/** `portTemperature` → `port temperature`, for facts that a site's own rules bring. */
const spelled = (key: string): string => key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();

function valueText(key: string, value: string | number | boolean): string {
  const { t, te } = i18n.global;
  if (typeof value === 'boolean') return t(value ? 'facts.yes' : 'facts.no');
  if (typeof value === 'string') return te(`values.${value}`) ? t(`values.${value}`) : value;
  if (/(^seconds|[a-z]S)$/.test(key)) return spanText(value * 1000);
  const rounded = String(Math.round(value * 100) / 100);
  const unit = ownUnits[key] ?? units.find(([suffix]) => key.endsWith(suffix))?.[1] ?? '';
  return unit === '' ? rounded : `${rounded} ${unit.trim()}`;
}

/** An alert's facts for people: name in their language, value with its unit. */
export function factRows(facts: Facts): readonly FactRow[] {
  const { t, te } = i18n.global;
  return Object.entries(facts).flatMap(([key, value]) =>
    value === null || value === ''
      ? []
      : [{ key, name: te(`facts.${key}`) ? t(`facts.${key}`) : spelled(key), value: valueText(key, value) }],
  );
}
