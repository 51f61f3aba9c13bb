import { DateTime } from 'luxon';
import type { SiteCalendar } from './calendar.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { ChosenTier, Situation } from './match.ts';
import type { Suppression } from './options.ts';

/** The name of the window that keeps a match back; null where none does. */
export type SilencedBy = (rule: CompiledRule, tier: ChosenTier, situation: Situation) => string | null;

/**
 * The site's windows in which matches are kept back: planned work, a drill. What is red is kept back only by a window
 * that names the rule itself, so that nobody switches off fire alarms by naming an area.
 */
export function createSuppressions(
  windows: readonly Suppression[],
  timeZone: string,
  calendar: Pick<SiteCalendar, 'isInForce'>,
): SilencedBy {
  if (windows.length === 0) return () => null;
  const ready = windows.map((window) => ({
    ...window,
    fromMs: momentOf(window.from, timeZone) ?? Number.NEGATIVE_INFINITY,
    toMs: momentOf(window.to, timeZone) ?? Number.POSITIVE_INFINITY,
  }));
  const within = (list: readonly string[], value: string | null): boolean =>
    list.length === 0 || (value !== null && list.includes(value));
  return (rule, tier, { at, area, source }) => {
    for (const window of ready) {
      const fits =
        at >= window.fromMs &&
        at < window.toMs &&
        (window.schedule === undefined || calendar.isInForce(window.schedule, at)) &&
        within(window.rules, rule.id) &&
        (window.kinds.length === 0 ||
          window.kinds.some((kind) => rule.kind === kind || rule.kind.startsWith(`${kind}.`))) &&
        within(window.areas, area) &&
        within(window.sources, source) &&
        (tier.tier !== 'red' || window.rules.includes(rule.id));
      if (fits) return window.id;
    }
    return null;
  };
}

/** ms of `2026-11-25T09:00` (local) or `2026-11-25T09:00:00+08:00`; null where it is absent or no time. */
export function momentOf(text: string | undefined, timeZone: string): number | null {
  if (text === undefined) return null;
  const moment = DateTime.fromISO(text, { zone: timeZone });
  return moment.isValid ? moment.toMillis() : null;
}
