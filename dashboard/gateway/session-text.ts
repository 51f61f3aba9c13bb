import { i18n } from '../shared/language.ts';
import { spanText } from '../shared/time.ts';
import type { Session } from '../shared/types.ts';

/** Ordinary chargers stay below; the alert rules have thresholds of their own. */
export const warmC = 55;

/** `0.42 kWh`, or that the pile did not say. */
export function amountText(amount: number | null, unit: string, digits: number): string {
  return amount === null ? i18n.global.t('charging.noValue') : `${amount.toFixed(digits)} ${unit}`;
}

export function durationText(session: Session, nowMs: number): string {
  return spanText((session.endedAt === null ? nowMs : Date.parse(session.endedAt)) - Date.parse(session.startedAt));
}

/** The pile's own word, in the reader's language where it is a known one. */
export function reasonText(reason: string | null): string {
  const { t, te } = i18n.global;
  if (reason === null) return '–';
  return te(`stopReason.${reason}`) ? t(`stopReason.${reason}`) : reason;
}

/** `1号车棚 · 10597059` */
export function whereText(session: Session): string {
  const pile = session.device.replace(/^charger\//, '');
  return session.place.area === null ? pile : `${session.place.area.name} · ${pile}`;
}
