import type { Delivery } from '../domain/alert.ts';
import type { Change, Commit } from '../domain/change.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { DeliveryId, RecipientId } from '../domain/ids.ts';
import { canaryType, type CanaryData, type GatewayState } from '../domain/notice.ts';
import { repeat, type Clock, type EpochMs, type MonotonicMs, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { messageOf } from '../lib/errors.ts';
import { rfc3339 } from '../lib/local-time.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { AlertsOptions } from './options.ts';

/** How the way to one recipient is. */
export interface CanaryReport {
  readonly recipient: RecipientId;
  readonly name: string;
  readonly channel: string;
  readonly state: 'unknown' | 'working' | 'broken';
  /** Since when it is so. */
  readonly since: EpochMs;
  readonly lastReceiptAt: EpochMs | null;
  /** What the last try that failed came to, in one line without secrets; null while it works. */
  readonly reason: string | null;
}

export interface Canary extends Component {
  report(): readonly CanaryReport[];
  /** Changes that were stored: a canary that was settled is among them. */
  stored(changes: readonly Change[]): void;
  /** Called when a way breaks or works again. */
  onChange(listener: (report: CanaryReport) => void): void;
}

interface Way {
  report: CanaryReport;
  /** On its way, and since when; null: none. */
  out: { readonly id: DeliveryId; readonly sinceMs: MonotonicMs; readonly told: (() => void) | undefined } | null;
  nextMs: number;
  failures: number;
}

/** One refused connection may be a desk that is being started anew; two in a row are a broken way. */
const failuresToBreak = 2;

/**
 * Sends a canary to every recipient over its channel again and again: through the outbox as any notice goes, with a receipt
 * from the far side. A way that is broken is known at the latest `every + within + a quarter of every` after it broke.
 */
export function createCanary(given: {
  readonly options: AlertsOptions['canary'];
  readonly recipients: readonly Recipient[];
  readonly hasChannel: (channel: string) => boolean;
  readonly commit: Commit;
  readonly wake: () => void;
  readonly gateway: string;
  /** How the gateway is: told to the station with each canary. */
  readonly state?: () => GatewayState;
  /** What else it is told with a canary; `told` is called when that has arrived. Null: nothing. */
  readonly news?: (recipient: RecipientId) => (Pick<CanaryData, 'receipts'> & { readonly told: () => void }) | null;
  readonly timeZone: string;
  readonly clock: Clock;
  readonly random: Pick<Random, 'id'>;
  readonly logger: Logger;
}): Canary {
  const { options, recipients, commit, wake, gateway, timeZone, clock, random, logger } = given;
  const listeners: ((report: CanaryReport) => void)[] = [];
  const byDelivery = new Map<DeliveryId, Way>();
  let timer: Timer = { cancel: () => undefined };
  let ways: Way[] = [];

  const set = (way: Way, state: CanaryReport['state'], reason: string | null): void => {
    const before = way.report.state;
    const changed = before !== state;
    way.report = { ...way.report, state, reason, ...(changed && { since: clock.now() }) };
    if (!changed) return;
    const facts = { channel: way.report.channel, recipient: way.report.recipient };
    if (state === 'broken') logger.error({ ...facts, reason }, 'canary failed: the way to a recipient is broken');
    else logger.info(facts, 'canary arrives');
    // The first receipt after a start is no news.
    if (state === 'broken' || before === 'broken') for (const listener of listeners) listener(way.report);
  };
  const failed = (way: Way, reason: string): void => {
    way.failures += 1;
    // Looked at again soon: is it broken, or was it only busy?
    way.nextMs = clock.monotonic() + options.every / 4;
    if (way.failures >= failuresToBreak || way.report.state === 'broken') set(way, 'broken', reason);
  };
  const release = (way: Way): void => {
    if (way.out) byDelivery.delete(way.out.id);
    way.out = null;
  };

  const send = async (way: Way): Promise<void> => {
    const { recipient, channel } = way.report;
    way.nextMs = clock.monotonic() + options.every;
    if (!given.hasChannel(channel)) {
      set(way, 'broken', 'its channel is not configured');
      return;
    }
    const isStation = recipients.some(({ id, role }) => id === recipient && role === 'station');
    const news = isStation ? (given.news?.(recipient) ?? null) : null;
    const data: CanaryData = {
      ...{ gateway, channel, recipient, sentAt: rfc3339(clock.now(), timeZone) },
      ...(isStation && given.state && { state: given.state() }),
      ...(news && { receipts: news.receipts }),
    };
    const delivery: Delivery = {
      id: random.id() as DeliveryId,
      item: 'canary',
      notice: null,
      alertId: null,
      recipient,
      channel,
      // Last of all: a canary never stands in the way of an alert.
      tier: 'blue',
      sequence: 0,
      type: canaryType,
      data,
      createdAt: clock.now(),
      state: 'pending',
      attempts: 0,
      nextAttemptAt: clock.now(),
      lastError: null,
      deliveredAt: null,
    };
    way.out = { id: delivery.id, sinceMs: clock.monotonic(), told: news?.told };
    byDelivery.set(delivery.id, way);
    try {
      await commit([{ kind: 'delivery-created', delivery }]);
      wake();
    } catch (error) {
      release(way);
      failed(way, messageOf(error));
    }
  };

  /** A way for each recipient as they are now: one who joined while the gateway runs is tried at once. */
  const follow = (): void => {
    ways = recipients.map(
      ({ id, name, channel }) =>
        ways.find(({ report }) => report.recipient === id && report.channel === channel && report.name === name) ?? {
          report: {
            ...{ recipient: id, name, channel, state: 'unknown' as const },
            ...{ since: clock.now(), lastReceiptAt: null, reason: null },
          },
          out: null,
          nextMs: 0,
          failures: 0,
        },
    );
  };

  const look = async (): Promise<void> => {
    follow();
    const nowMs = clock.monotonic();
    await Promise.all(
      ways.map((way) => {
        if (way.out && nowMs - way.out.sinceMs >= options.within)
          set(way, 'broken', `no receipt within ${Math.round(options.within / 1000)} s`);
        return way.out === null && nowMs >= way.nextMs ? send(way) : Promise.resolve();
      }),
    );
  };

  return {
    name: 'canary',
    start: () => {
      timer = repeat(clock, Math.max(100, Math.min(1000, options.every / 4)), look);
      return look();
    },
    stop: () => {
      timer.cancel();
      return Promise.resolve();
    },
    report: () => ways.map(({ report }) => report),
    stored: (changes) => {
      if (byDelivery.size === 0) return;
      for (const change of changes) {
        if (change.kind !== 'delivery-tried') continue;
        const way = byDelivery.get(change.id);
        if (!way || change.state === 'pending') continue;
        const told = way.out?.told;
        release(way);
        if (change.state === 'dead') {
          failed(way, change.result);
          continue;
        }
        told?.();
        way.failures = 0;
        way.report = { ...way.report, lastReceiptAt: change.at };
        set(way, 'working', null);
      }
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
}
