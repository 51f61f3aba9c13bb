import type { Change } from '../domain/change.ts';
import type { Tier } from '../domain/tier.ts';
import { assertNever } from '../lib/assert-never.ts';

const urgentTier = (tier: Tier): boolean => tier === 'red' || tier === 'orange';

/**
 * Whether changes may still be written when the disk has no space but the reserve: those that hold a red or orange
 * alert, what people answer to it and what became of its sending, and what a person needs to put things right: the word that
 * the disk is full among it.
 */
export function mayUseReserve(changes: readonly Change[]): boolean {
  return changes.some((change) => {
    switch (change.kind) {
      case 'alert-saved':
        return urgentTier(change.alert.tier);
      case 'delivery-created':
        return urgentTier(change.delivery.tier);
      case 'delivery-tried':
      case 'delivery-resent':
      case 'delivery-rerouted':
      case 'deliveries-woken':
      case 'delivery-lost':
      case 'receipts-confirmed':
      case 'feedback-recorded':
      case 'user-saved':
      case 'user-removed':
      case 'web-session-saved':
      case 'web-session-removed':
      case 'device-saved':
      case 'device-removed':
      case 'audited':
        return true;
      case 'event-recorded':
        // That the disk is full, and no more: one row each time.
        return change.event.kind === 'system' && change.event.part === 'disk';
      case 'session-saved':
      case 'alert-transition':
      case 'notice-created':
      case 'digest-owed':
      case 'digest-made':
      case 'digest-dropped':
      case 'proposal-made':
      case 'rule-state':
      case 'quarantined':
      case 'device-heard':
      case 'evidence-saved':
      case 'series-exported':
        return false;
      default:
        return assertNever(change);
    }
  });
}
