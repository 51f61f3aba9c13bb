import type { Notice } from '../domain/alert.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { GridId, RecipientId } from '../domain/ids.ts';
import type { Addressee, Department } from '../domain/match.ts';
import type { Tier } from '../domain/tier.ts';

/** From the nearest to the furthest: the order in which the circle widens, and in which a missing one is replaced upward. */
export const wideningOrder: readonly Addressee[] = ['grid', 'community', 'department', 'station'];

export interface Audience {
  readonly tier: Tier;
  readonly to: readonly Addressee[];
  /** The department concerned: others of that role are told only when the circle is at its widest. */
  readonly department?: Department | null;
  /** Null where the place of the matter stands in no grid. */
  readonly grid: GridId | null;
  readonly escalation: number;
  /** Recipients that it was transferred to: told whatever their role. */
  readonly assigned?: readonly RecipientId[];
}

export interface Addressed {
  readonly recipient: Recipient;
  readonly form: Notice['form'];
}

/** Who is told, and how far the answer is from what was meant. */
export interface Told {
  readonly told: readonly Addressed[];
  /** Roles that the rule names and for which nobody is there: the next one up is told in their place. */
  readonly missing: readonly Addressee[];
  /** Nobody at all was on duty: people are told outside their hours. */
  readonly offDuty: boolean;
}

/** Some get passages only. */
export const takesAlerts = ({ alerts }: Recipient): boolean => alerts !== false;

export function formFor(role: Recipient['role']): Notice['form'] {
  return role === 'station' || role === 'department' ? 'report' : 'notification';
}

const everyone = (): boolean => true;

/** Whether a matter there, of that department, is this recipient's at all. Whoever names no department has them all. */
function concernedBy({ grid: where, department: whose }: Pick<Audience, 'grid' | 'department'>) {
  return ({ grid, role, department }: Recipient): boolean =>
    (where === null || grid === null || grid === where) &&
    (role !== 'department' || !whose || !department || department === whose);
}

/**
 * The levels of an alert's circle, each with the people it adds. Level 0: the roles named by the rule (red and orange: all
 * four, 双通报) at their own grid. Then, one a level: the next role from near to far, recipients with a `level` of their
 * own, and last the people of other grids. Levels that would add nobody are left out.
 */
export function ladderOf(audience: Omit<Audience, 'escalation'>, everybody: readonly Recipient[]): Recipient[][] {
  const recipients = everybody.filter(takesAlerts);
  const bothSides = audience.tier === 'red' || audience.tier === 'orange';
  const concerns = concernedBy(audience);
  const known = new Set(recipients.filter(concerns).map(({ role }) => role));
  // A role that nobody has is that of the next one up, and at the top of the next one down.
  const inPlaceOf = (role: Addressee): Addressee =>
    [...wideningOrder.slice(wideningOrder.indexOf(role)), ...[...wideningOrder].reverse()].find((other) =>
      known.has(other),
    ) ?? role;
  const named: readonly Addressee[] = (bothSides ? wideningOrder : audience.to).map(inPlaceOf);
  const wider = wideningOrder.filter((role) => !named.includes(role));
  const rungs = new Map<number, Recipient[]>();
  const elsewhere: Recipient[] = [];
  for (const recipient of recipients) {
    if (!concerns(recipient)) {
      elsewhere.push(recipient);
      continue;
    }
    const rung = (named.includes(recipient.role) ? 0 : wider.indexOf(recipient.role) + 1) + (recipient.level ?? 0);
    rungs.set(rung, [...(rungs.get(rung) ?? []), recipient]);
  }
  const levels = [...rungs.entries()].sort(([a], [b]) => a - b).map(([, people]) => people);
  return elsewhere.length > 0 ? [...levels, elsewhere] : levels;
}

/** How many levels up an alert of this audience can still be escalated. */
export const topLevel = (audience: Omit<Audience, 'escalation'>, recipients: readonly Recipient[]): number =>
  Math.max(0, ladderOf(audience, recipients).length - 1);

/**
 * Who is told of an alert now, in configuration order. Pure; `isThere` answers for this moment.
 *
 * Somebody who is not there is replaced by his first stand-in who is, and so on. A role of the rule for which nobody is left
 * falls upward (grid, community, department, station). If that leaves nobody either, whoever is there at all is told, of
 * other grids and levels too; and if nobody is on duty anywhere, those who were meant are told off duty. The answer is empty
 * only where no recipient is configured at all: an alert that reaches no one is the one fault this room must not have.
 */
export function audienceOf(
  audience: Audience,
  everybody: readonly Recipient[],
  isThere: (recipient: Recipient) => boolean = everyone,
): Told {
  const recipients = everybody.filter(takesAlerts);
  const byId = new Map(recipients.map((recipient) => [recipient.id, recipient]));
  const ladder = ladderOf(audience, recipients);
  const assigned = (audience.assigned ?? []).flatMap((id) => byId.get(id) ?? []);
  const meant = [...new Set([...ladder.slice(0, audience.escalation + 1).flat(), ...assigned])];
  /** Whoever is there in place of `recipient`; the chain ends at one that was asked already. */
  const inPlaceOf = (recipient: Recipient, asked = new Set<RecipientId>()): Recipient | null => {
    if (asked.has(recipient.id)) return null;
    asked.add(recipient.id);
    if (isThere(recipient)) return recipient;
    for (const id of recipient.standIns ?? []) {
      const standIn = byId.get(id);
      const found = standIn ? inPlaceOf(standIn, asked) : null;
      if (found) return found;
    }
    return null;
  };
  const told = new Set<Recipient>();
  /** Roles for which somebody speaks now: of the role itself or standing in. */
  const present = new Set<Addressee>();
  for (const recipient of meant) {
    const found = inPlaceOf(recipient);
    if (!found) continue;
    told.add(found);
    present.add(recipient.role);
  }
  const missing: Addressee[] = [];
  const concerns = concernedBy(audience);
  for (const role of audience.to) {
    if (present.has(role)) continue;
    missing.push(role);
    const upward = wideningOrder.slice(wideningOrder.indexOf(role) + 1);
    for (const next of upward) {
      const there = recipients
        .filter((recipient) => recipient.role === next && concerns(recipient) && (recipient.level ?? 0) === 0)
        .flatMap((recipient) => inPlaceOf(recipient) ?? []);
      if (there.length === 0) continue;
      for (const recipient of there) told.add(recipient);
      break;
    }
  }
  const answer = (chosen: Iterable<Recipient>, offDuty: boolean): Told => {
    const all = new Set(chosen);
    return {
      told: recipients
        .filter((recipient) => all.has(recipient))
        .map((recipient) => ({ recipient, form: formFor(recipient.role) })),
      missing,
      offDuty,
    };
  };
  if (told.size > 0) return answer(told, false);
  for (const level of ladder.slice(audience.escalation + 1)) {
    const there = level.flatMap((recipient) => inPlaceOf(recipient) ?? []);
    if (there.length > 0) return answer(there, false);
  }
  return answer(meant.length > 0 ? meant : (ladder[0] ?? recipients), true);
}
