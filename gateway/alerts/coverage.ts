import { DateTime } from 'luxon';
import type { Recipient } from '../domain/delivery.ts';
import type { GridId } from '../domain/ids.ts';
import type { Addressee, Department } from '../domain/match.ts';
import type { Tier } from '../domain/tier.ts';
import type { EpochMs } from '../lib/clock.ts';
import { audienceOf, takesAlerts } from './audience.ts';
import { weekdays, type DutyCalendar } from './duty-options.ts';
import { createDuty } from './duty.ts';

/** A rule that may raise alerts, with whom it tells at each of its tiers. */
export interface RuleInForce {
  readonly id: string;
  /** Whose matter it is, where the rule says it. */
  readonly department?: Department | null;
  readonly audiences: readonly { readonly tier: Tier; readonly to: readonly Addressee[] }[];
}

/** Hours at which rules reach nobody who is on duty. */
export interface CoverageFault {
  readonly rules: readonly string[];
  readonly grid: GridId | null;
  /** `sat 18:00 – mon 08:00`, or `2026-10-01 00:00 – 08:00` for days out of the week's order; null: always. */
  readonly when: string | null;
  /** Who would be told off duty; empty: nobody at all. */
  readonly wouldWake: readonly string[];
}

/** Days out of the week's order are looked for this far ahead. */
const lookAheadDays = 400;

interface Stretch {
  readonly from: DateTime;
  readonly to: DateTime;
}

/**
 * Proves that every rule in force reaches somebody on duty at every moment of the week, or says where it does not.
 *
 * Who is there changes only where a shift begins or ends, or with a day of absence: it is enough to look once between each
 * two of those moments. The plain week is looked at, then every day off and every absence of the coming year on its own.
 */
export function coverageFaults(given: {
  readonly rules: readonly RuleInForce[];
  readonly recipients: readonly Recipient[];
  readonly calendars: readonly DutyCalendar[];
  readonly grids: readonly GridId[];
  readonly timeZone: string;
  readonly now: EpochMs;
}): CoverageFault[] {
  const { rules, recipients, calendars, timeZone } = given;
  const inForce = rules.filter(({ audiences }) => audiences.length > 0);
  if (inForce.length === 0) return [];
  if (!recipients.some(takesAlerts))
    return [{ rules: inForce.map(({ id }) => id), grid: null, when: null, wouldWake: [] }];

  const midnight = DateTime.fromMillis(given.now, { zone: timeZone }).startOf('day');
  const monday = midnight.minus({ days: midnight.weekday - 1 });
  const marks = [
    ...new Set(['00:00', ...calendars.flatMap(({ shifts }) => shifts.flatMap(({ from, to }) => [from, to]))]),
  ]
    .filter((time) => time !== '24:00')
    .sort();
  /** The stretches of these days between which nobody comes or goes. */
  const stretchesOf = (first: DateTime, days: number): Stretch[] => {
    const moments = Array.from({ length: days }, (_, day) =>
      marks.map((time) => {
        const [hour = 0, minute = 0] = time.split(':').map(Number);
        return first.plus({ days: day }).set({ hour, minute });
      }),
    ).flat();
    const ends = [...moments.slice(1), first.plus({ days })];
    return moments.map((from, index) => ({ from, to: ends[index] ?? from })).filter(({ from, to }) => to > from);
  };
  const isSoon = (day: string): boolean => {
    const at = DateTime.fromISO(day, { zone: timeZone });
    return at >= midnight && at < midnight.plus({ days: lookAheadDays });
  };
  const special = [
    ...new Set([
      ...calendars.flatMap(({ off }) => off),
      ...recipients.flatMap(({ away }) => (away ?? []).flatMap(({ from, to }) => daysBetween(from, to))),
    ]),
  ]
    .filter(isSoon)
    .sort();

  const plainDuty = createDuty(
    calendars.map((calendar) => ({ ...calendar, off: [] })),
    timeZone,
  );
  const plainRecipients = recipients.map((recipient) => ({ ...recipient, away: [] }));
  const duty = createDuty(calendars, timeZone);
  const audiences = distinctAudiences(inForce);
  const faults: CoverageFault[] = [];
  for (const grid of [...given.grids, null]) {
    for (const { tier, to, department, ids } of audiences) {
      const uncovered = (stretches: readonly Stretch[], plain: boolean): Stretch[] =>
        stretches.filter(({ from }) => {
          const at = from.toMillis() as EpochMs;
          const who = plain ? plainRecipients : recipients;
          const isThere = (recipient: Recipient): boolean => (plain ? plainDuty : duty).isThere(recipient, at);
          const { told, offDuty } = audienceOf({ tier, to, department, grid, escalation: 0 }, who, isThere);
          return told.length === 0 || offDuty;
        });
      const meant = audienceOf({ tier, to, department, grid, escalation: 0 }, recipients).told.map(
        ({ recipient }) => recipient.name,
      );
      const add = (when: string | null): void => {
        faults.push({ rules: ids, grid, when, wouldWake: meant });
      };
      const week = uncovered(stretchesOf(monday, 7), true);
      for (const stretch of joined(week, monday.plus({ days: 7 })))
        add(isWholeWeek(stretch, monday) ? null : `${weekTime(stretch.from)} – ${weekTime(stretch.to)}`);
      if (week.length > 0) continue;
      for (const day of special) {
        const first = DateTime.fromISO(day, { zone: timeZone });
        // The day after too: a shift that does not begin leaves the next morning open.
        for (const { from, to: until } of joined(uncovered(stretchesOf(first, 2), false), null))
          add(`${from.toFormat('yyyy-MM-dd HH:mm')} – ${until.toFormat('yyyy-MM-dd HH:mm')}`);
      }
    }
  }
  return withoutRepeats(faults);
}

function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  const last = DateTime.fromISO(to, { zone: 'utc' });
  for (
    let day = DateTime.fromISO(from, { zone: 'utc' });
    day <= last && days.length < 2 * lookAheadDays;
    day = day.plus({ days: 1 })
  )
    days.push(day.toISODate() ?? '');
  return days;
}

interface DistinctAudience {
  readonly tier: Tier;
  readonly to: readonly Addressee[];
  readonly department: Department | null;
  ids: string[];
}

/** Rules that tell the same people are proved once. */
function distinctAudiences(rules: readonly RuleInForce[]): DistinctAudience[] {
  const known = new Map<string, DistinctAudience>();
  for (const { id, department = null, audiences } of rules) {
    for (const { tier, to } of audiences) {
      const bothSides = tier === 'red' || tier === 'orange';
      const key = `${bothSides ? 'both' : 'named'} ${department ?? ''} ${[...to].sort().join()}`;
      const found = known.get(key);
      if (found) found.ids = [...new Set([...found.ids, id])];
      else known.set(key, { tier, to, department, ids: [id] });
    }
  }
  return [...known.values()];
}

/** Stretches that follow one another as one; over the end of the week too, where `end` is the week's. */
function joined(stretches: readonly Stretch[], end: DateTime | null): Stretch[] {
  const all: Stretch[] = [];
  for (const stretch of stretches) {
    const last = all.at(-1);
    if (last && +last.to === +stretch.from) all[all.length - 1] = { from: last.from, to: stretch.to };
    else all.push(stretch);
  }
  const [first] = all;
  const last = all.at(-1);
  if (end === null || !first || !last || first === last || +last.to !== +end) return all;
  return +first.from === +end.minus({ days: 7 }) ? [...all.slice(1, -1), { from: last.from, to: first.to }] : all;
}

const isWholeWeek = ({ from, to }: Stretch, monday: DateTime): boolean =>
  +from === +monday && +to === +monday.plus({ days: 7 });
const weekTime = (at: DateTime): string => `${weekdays[at.weekday - 1] ?? ''} ${at.toFormat('HH:mm')}`;

/** A fault that every grid has is told once, for the place that stands in none. */
function withoutRepeats(faults: readonly CoverageFault[]): CoverageFault[] {
  const keyOf = ({ rules, when }: CoverageFault): string => `${rules.join()} ${when ?? ''}`;
  const everywhere = new Set(faults.filter(({ grid }) => grid === null).map(keyOf));
  const seen = new Set<string>();
  return faults.filter((fault) => {
    if (fault.grid !== null && everywhere.has(keyOf(fault))) return false;
    const key = `${fault.grid ?? ''} ${keyOf(fault)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
