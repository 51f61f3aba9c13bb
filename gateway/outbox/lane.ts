import type { Delivery, Feedback } from '../domain/alert.ts';
import type { Change, Commit } from '../domain/change.ts';
import type { Channel, DeliveryResult } from '../domain/delivery.ts';
import type { DueQuery } from '../domain/due.ts';
import type { DeliveryId } from '../domain/ids.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import { isGatewayError, messageOf } from '../lib/errors.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import { createWireMeter, type WireReport } from '../lib/wire.ts';
import type { OutboxOptions } from './options.ts';
import { isUrgent, longestRetryMs, settle, type Tried } from './settle.ts';

/** Blue waits for the daily digest: a day, and an hour for a change of the clocks. */
const longestFirstMs = 25 * 3_600_000;
/** Pause after a commit or a read failed: nothing was written, so nothing else holds the delivery back. */
const storeFaultPauseMs = 1000;

/** What the outbox asks of the store; at once, in the same turn. */
export interface OutboxReads {
  /** What `selectDue` of domain/due.ts answers. */
  due(query: DueQuery): Delivery[];
  find(id: DeliveryId): Delivery | undefined;
  /** Whether a younger delivery of the same alert to the same recipient is pending. */
  hasYounger(delivery: Delivery): boolean;
  pendingCount(channel: string): number;
}

/** A delivery that was received, with what the recipient answered at once. */
export interface Received {
  readonly delivery: Delivery;
  readonly feedback: readonly Feedback[];
  /** Settles the delivery. To be committed together with what the receipt and the feedback lead to, or alone. */
  readonly settled: Change;
}

/** How one channel is doing. */
export interface ChannelLink {
  readonly channel: string;
  readonly state: 'unknown' | 'up' | 'down';
  readonly failuresInARow: number;
  readonly lastSuccessAt: EpochMs | null;
  readonly lastFailureAt: EpochMs | null;
  readonly lastFailure: string | null;
}

export interface LaneContext {
  readonly options: OutboxOptions;
  readonly reads: OutboxReads;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly steadyNow: () => EpochMs;
  readonly random: Pick<Random, 'unit'>;
  readonly logger: Logger;
  readonly passKillPoint: PassKillPoint;
  readonly onDelivered: (received: Received) => Promise<void>;
}

/** The deliveries of one channel: picks what is due, sends in parallel, settles. */
export interface Lane {
  /** Sends what is due and fits. */
  pump(): void;
  /** Takes nothing new; resolves when nothing is under way. */
  drain(): Promise<void>;
  /** Cuts short what is under way; it counts as not tried. */
  abort(): void;
  link(): ChannelLink;
  report(): WireReport;
}

export function createLane(channel: Channel, context: LaneContext): Lane {
  const { options, reads, clock, steadyNow, logger } = context;
  const underWay = new Map<DeliveryId, { readonly done: Promise<void>; readonly ending: AbortController }>();
  /** Deliveries whose settling could not be written, until this moment. */
  const held = new Map<DeliveryId, number>();
  const meter = createWireMeter(`outbox ${channel.id}`, null);
  let draining = false;
  let link: ChannelLink = {
    channel: channel.id,
    state: 'unknown',
    failuresInARow: 0,
    lastSuccessAt: null,
    lastFailureAt: null,
    lastFailure: null,
  };
  const reportFault = createRepeatedFault(clock, (what, count, facts) =>
    logger.warn({ channel: channel.id, what, count, ...facts }, 'delivery not made'),
  );

  const select = (): Delivery[] => {
    const room = options.parallel + options.urgentParallel - underWay.size;
    if (room <= 0) return [];
    for (const [id, untilMs] of held) if (untilMs <= clock.monotonic()) held.delete(id);
    const due = reads.due({
      channel: channel.id,
      nowMs: steadyNow(),
      longestRetryMs: longestRetryMs(options),
      longestFirstMs,
      limit: room + underWay.size + held.size,
    });
    return due.filter(({ id }) => !underWay.has(id) && !held.has(id));
  };

  const trySend = async (delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> => {
    try {
      return await channel.send(delivery, signal);
    } catch (error) {
      // A channel must not throw; if it does, the delivery is not to pay for it.
      logger.error({ channel: channel.id, deliveryId: delivery.id, error: messageOf(error) }, 'channel failed');
      return { kind: 'retry', reason: messageOf(error), afterMs: null };
    }
  };

  const noteLink = (result: DeliveryResult): void => {
    const at = clock.now();
    if (result.kind === 'delivered') {
      if (link.state === 'down') logger.info({ channel: channel.id }, 'channel works again');
      link = { ...link, state: 'up', failuresInARow: 0, lastSuccessAt: at };
      return;
    }
    const failuresInARow = link.failuresInARow + 1;
    link = { ...link, state: 'down', failuresInARow, lastFailureAt: at, lastFailure: result.reason };
    reportFault(result.kind, { reason: result.reason });
  };

  const write = async (delivery: Delivery, result: DeliveryResult, settled: Tried): Promise<void> => {
    if (result.kind !== 'delivered') return context.commit([settled]);
    try {
      await context.onDelivered({ delivery, feedback: result.feedback, settled });
    } catch (error) {
      if (!isGatewayError(error, 'alert.unknown') && !isGatewayError(error, 'alert.not-allowed')) throw error;
      // The answer names what is not there: it was received all the same.
      logger.warn({ channel: channel.id, deliveryId: delivery.id, code: error.code }, 'feedback refused');
      await context.commit([settled]);
    }
  };

  const attempt = async (delivery: Delivery, signal: AbortSignal): Promise<void> => {
    context.passKillPoint('outbox.before-send');
    const result = await trySend(delivery, signal);
    context.passKillPoint('outbox.after-send');
    // Cut short by our own stop: not the far side's fault, and not a try.
    if (signal.aborted && result.kind !== 'delivered') return;
    noteLink(result);
    const settled = settle(delivery, result, {
      options,
      nowMs: steadyNow(),
      hasYounger: result.kind === 'rejected' && isUrgent(delivery.tier) && reads.hasYounger(delivery),
      random: () => context.random.unit(),
    });
    await write(delivery, result, settled);
    const facts = { channel: channel.id, deliveryId: delivery.id, alertId: delivery.alertId, tier: delivery.tier };
    if (settled.state === 'dead') {
      meter.drop();
      logger.error({ ...facts, result: settled.result }, 'delivery is a dead letter');
    } else if (settled.state === 'delivered') {
      meter.enter();
      meter.leave();
      logger.debug({ ...facts, attempts: settled.attempts }, 'delivered');
    } else if (result.kind === 'rejected') {
      logger.error({ ...facts, result: settled.result }, 'urgent delivery is refused and tried again');
    }
  };

  const launch = (delivery: Delivery): void => {
    const ending = new AbortController();
    const done = attempt(delivery, ending.signal)
      .catch((error: unknown) => {
        held.set(delivery.id, clock.monotonic() + storeFaultPauseMs);
        reportFault('settle', { deliveryId: delivery.id, reason: messageOf(error) });
      })
      .finally(() => {
        underWay.delete(delivery.id);
        pump();
      });
    underWay.set(delivery.id, { done, ending });
  };

  const pump = (): void => {
    if (draining) return;
    let due: Delivery[];
    try {
      due = select();
    } catch (error) {
      reportFault('read', { reason: messageOf(error) });
      return;
    }
    for (const delivery of due) {
      const places = isUrgent(delivery.tier) ? options.parallel + options.urgentParallel : options.parallel;
      if (underWay.size < places) launch(delivery);
    }
  };

  return {
    pump,
    drain: async () => {
      draining = true;
      await Promise.all([...underWay.values()].map(({ done }) => done));
    },
    abort: () => {
      for (const { ending } of underWay.values()) ending.abort();
    },
    link: () => link,
    report: () => ({ ...meter.report(), depth: reads.pendingCount(channel.id) }),
  };
}
