import type { Notice } from '../domain/alert.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { GridId } from '../domain/ids.ts';
import type { Addressee } from '../domain/match.ts';
import type { Tier } from '../domain/tier.ts';

/** From the nearest to the furthest: the order in which the circle widens. */
const wideningOrder: readonly Addressee[] = ['grid', 'community', 'department', 'station'];

export interface Audience {
  readonly tier: Tier;
  readonly to: readonly Addressee[];
  /** Null where the place of the matter stands in no grid. */
  readonly grid: GridId | null;
  readonly escalation: number;
}

export interface Addressed {
  readonly recipient: Recipient;
  readonly form: Notice['form'];
}

export function formFor(role: Recipient['role']): Notice['form'] {
  return role === 'station' || role === 'department' ? 'report' : 'notification';
}

/**
 * Who is told of an alert, in configuration order. Pure.
 *
 * Red and orange go to all four roles (双通报), yellow and blue to the roles that the rule names. Each escalation adds
 * the next role from near to far; once all roles are told, one more also tells the people of other grids.
 * An alert whose grid is unknown is not held back from anyone, and if nobody at all would be told, the circle widens until
 * somebody is: an alert that reaches no one is the one fault this room must not have.
 */
export function audienceOf(audience: Audience, recipients: readonly Recipient[]): Addressed[] {
  const bothSides = audience.tier === 'red' || audience.tier === 'orange';
  const named: readonly Addressee[] = bothSides ? wideningOrder : audience.to;
  const wider = wideningOrder.filter((role) => !named.includes(role));
  for (let widen = audience.escalation; ; widen += 1) {
    const roles = [...named, ...wider.slice(0, widen)];
    const everyGrid = audience.grid === null || widen > wider.length;
    const told = recipients.filter(
      ({ role, grid }) => roles.includes(role) && (everyGrid || grid === null || grid === audience.grid),
    );
    if (told.length > 0 || widen > wider.length)
      return told.map((recipient) => ({ recipient, form: formFor(recipient.role) }));
  }
}
