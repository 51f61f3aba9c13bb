import type { Alert } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { ChargingSession, GatewayEvent } from '../domain/event.ts';
import type { DeviceKey } from '../domain/ids.ts';
import type { WireReport } from '../lib/wire.ts';

/** What browsers are told of as it happens. */
export type LiveNews =
  | { readonly kind: 'event'; readonly event: GatewayEvent }
  | { readonly kind: 'session'; readonly session: ChargingSession }
  | { readonly kind: 'alert'; readonly alert: Alert }
  | { readonly kind: 'device'; readonly device: DeviceKey }
  | { readonly kind: 'delivery' };

export interface LiveFeed {
  /** Tells all subscribers of stored changes. Call it after the commit has resolved, never before. */
  publish(changes: readonly Change[]): void;
  subscribe(listener: (news: LiveNews) => void): () => void;
  /** Items that a client's ring let go. */
  countSent(items: number): void;
  countDropped(items: number): void;
  report(): WireReport;
}

function toNews(change: Change): LiveNews | null {
  switch (change.kind) {
    case 'event-recorded':
      return { kind: 'event', event: change.event };
    case 'session-saved':
      return { kind: 'session', session: change.session };
    case 'alert-saved':
      return { kind: 'alert', alert: change.alert };
    case 'device-heard':
    case 'quarantined':
      return { kind: 'device', device: change.device };
    case 'device-saved':
      return { kind: 'device', device: change.device.key };
    case 'device-removed':
      return { kind: 'device', device: change.device };
    case 'evidence-saved':
      // A clip comes seconds after its alert; whoever has the alert open looks again.
      return change.alertId === null ? null : { kind: 'delivery' };
    case 'delivery-created':
    case 'delivery-tried':
    case 'delivery-resent':
    case 'delivery-rerouted':
    case 'deliveries-woken':
    case 'delivery-lost':
    case 'digest-made':
      return { kind: 'delivery' };
    case 'alert-transition':
    case 'feedback-recorded':
    case 'notice-created':
    case 'receipts-confirmed':
    case 'digest-owed':
    case 'digest-dropped':
    case 'proposal-made':
    case 'rule-state':
    case 'user-saved':
    case 'user-removed':
    case 'web-session-saved':
    case 'web-session-removed':
    case 'series-exported':
    case 'audited':
      return null;
  }
}

/** The wire "events → browser": stored changes fan out to the rings of those who watch. */
export function createLiveFeed(): LiveFeed {
  const listeners = new Set<(news: LiveNews) => void>();
  let sent = 0;
  let dropped = 0;
  return {
    publish: (changes) => {
      if (listeners.size === 0) return;
      for (const change of changes) {
        const news = toNews(change);
        if (news) for (const listener of listeners) listener(news);
      }
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    countSent: (items) => {
      sent += items;
    },
    countDropped: (items) => {
      dropped += items;
    },
    report: () => ({
      name: 'events → browser',
      depth: listeners.size,
      capacity: null,
      passed: sent,
      dropped,
      waitedMs: 0,
    }),
  };
}
