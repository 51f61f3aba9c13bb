import type { Delivery, Feedback } from '../domain/alert.ts';
import type { Change, Commit } from '../domain/change.ts';
import type { Channel, DeliveryResult } from '../domain/delivery.ts';
import type { DueQuery } from '../domain/due.ts';
import type { DeliveryId, RecipientId } from '../domain/ids.ts';
import type { Clock, EpochMs, Timer } from '../lib/clock.ts';
import { isGatewayError, messageOf } from '../lib/errors.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import { createWireMeter, type WireReport } from '../lib/wire.ts';
import type { OutboxOptions } from './options.ts';
import { createOutage } from './outage.ts';
import { createRecipientLimits } from './recipient-limits.ts';
import { isUrgent, longestRetryMs, settle, type Tried } from './settle.ts';

/** Blue waits for the daily digest: a day, and an hour for a change of the clocks. */
const longestFirstMs = 25 * 3_600_000;
/** Heads read ahead in one look, so that a long backlog is not searched through for every single send. */
const lookAhead = 256;
/** What is sent or waits for the disk at once, of one channel: beyond it a slow disk holds up passages. */
const mostUnderWay = 128;
/** Heads from which a probe is chosen while the way is broken. */
const probesAhead = 32;
/**
 * After a look the lane rests this many times as long as it took before it looks again (it goes on sending what it has).
 * The look costs time in proportion to what is pending, so a storm may not make it look after every commit.
 */
const restFactor = 5;
/** But no longer than this, for a red one may have come meanwhile. */
const longestRestMs = 100;
/** Pause after a commit or a read failed: nothing was written, so nothing else holds the delivery back. */
const storeFaultPauseMs = 1000;

/** Passages stand alone and come by the thousand: they have places of their own, beside those of the notices. */
const isBulk = ({ item, tier }: Delivery): boolean => item === 'passage' && !isUrgent(tier);

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
  /** The most that a recipient is sent in a minute, red and orange apart; null for no limit. Absent: nobody has one. */
  readonly perMinute?: (recipient: RecipientId) => number | null;
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
  /** Sends what is due and fits. `news`: something was stored or time has passed, so look again. */
  pump(news: boolean): void;
  /** Takes nothing new; resolves when nothing is under way. */
  drain(): Promise<void>;
  /** Cuts short what is under way; it counts as not tried. */
  abort(): void;
  link(): ChannelLink;
  report(): WireReport;
}

export function createLane(channel: Channel, context: LaneContext): Lane {
  const { options, reads, clock, steadyNow, logger } = context;
  const underWay = new Map<
    DeliveryId,
    { readonly done: Promise<void>; readonly ending: AbortController; readonly sinceMs: number }
  >();
  /** Of them: what the far side has not answered yet. The others only wait for the disk, and many share one sync. */
  const sending = { notices: 0, passages: 0 };
  const outage = createOutage({ options, clock, random: context.random });
  const limits = createRecipientLimits(clock, context.perMinute ?? (() => null));
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

  /** Heads found by the last look and not sent yet. They stay heads: only this lane settles what it sends. */
  let ready: Delivery[] = [];
  /** What was found may not be the most urgent any more. */
  let stale = true;
  /** The way has just come back: nothing goes before what waits has been woken, or passages would overtake red. */
  let waking = false;
  /** There was more than one look could take, or something was settled that others wait behind. */
  let mayHaveMore = false;
  let restUntilMs = 0;
  let resting: Timer | null = null;
  /** Who had his share at the last look. What was found for them all the same has red or orange behind it. */
  let except: readonly RecipientId[] = [];
  let opening: Timer | null = null;

  const look = (ahead: number, retriesDue: boolean): void => {
    for (const [id, untilMs] of held) if (untilMs <= clock.monotonic()) held.delete(id);
    const limit = ahead + underWay.size + held.size;
    except = limits.full();
    const beganMs = clock.monotonic();
    const due = reads.due({
      channel: channel.id,
      nowMs: steadyNow(),
      longestRetryMs: longestRetryMs(options),
      longestFirstMs,
      retriesDue,
      except,
      limit,
    });
    const endedMs = clock.monotonic();
    restUntilMs = endedMs + Math.min(restFactor * (endedMs - beganMs), longestRestMs);
    ready = due.filter(({ id }) => !underWay.has(id) && !held.has(id));
    stale = false;
    mayHaveMore = due.length === limit;
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

  /**
   * The far side is there again: everything that waits may go at once, also what was sent before the one that it answered
   * and still hangs, most likely in a connection that is dead.
   */
  const wakeAll = async (answered: Delivery): Promise<void> => {
    waking = true;
    const answeredMs = underWay.get(answered.id)?.sinceMs ?? 0;
    for (const { sinceMs, ending } of underWay.values()) if (sinceMs < answeredMs) ending.abort();
    try {
      await context.commit([{ kind: 'deliveries-woken', channel: channel.id, at: steadyNow() }]);
    } catch (error) {
      // They go at their own times then.
      reportFault('wake', { reason: messageOf(error) });
    }
    waking = false;
    pump(true);
  };

  const noteOutage = (delivery: Delivery, result: DeliveryResult): void => {
    if (result.kind === 'retry') {
      outage.missed(delivery, result.afterMs);
      if (outage.broken()) ready = [];
    } else if (outage.answered()) void wakeAll(delivery);
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
    // Kill points are about what people are told: canaries fly from the first second on and would take every kill.
    const isTold = delivery.item !== 'canary';
    if (isTold) context.passKillPoint('outbox.before-send');
    const kind = isBulk(delivery) ? 'passages' : 'notices';
    sending[kind] += 1;
    const result = await trySend(delivery, signal);
    sending[kind] -= 1;
    queueMicrotask(() => pump(false));
    if (isTold) context.passKillPoint('outbox.after-send');
    // Cut short by our own stop: not the far side's fault, and not a try.
    if (signal.aborted && result.kind !== 'delivered') return;
    noteLink(result);
    noteOutage(delivery, result);
    const settled = settle(delivery, result, {
      options,
      nowMs: steadyNow(),
      wallMs: clock.now(),
      hasYounger: result.kind === 'rejected' && isUrgent(delivery.tier) && reads.hasYounger(delivery),
      random: () => context.random.unit(),
    });
    await write(delivery, result, settled);
    if (result.kind === 'delivered') result.stored?.();
    const facts = { channel: channel.id, deliveryId: delivery.id, alertId: delivery.alertId, tier: delivery.tier };
    if (settled.state === 'dead' && delivery.item === 'canary') {
      logger.debug({ ...facts, result: settled.result }, 'canary did not arrive');
    } else if (settled.state === 'dead') {
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
    limits.took(delivery);
    const ending = new AbortController();
    const done = attempt(delivery, ending.signal)
      .catch((error: unknown) => {
        held.set(delivery.id, clock.monotonic() + storeFaultPauseMs);
        reportFault('settle', { deliveryId: delivery.id, reason: messageOf(error) });
      })
      .finally(() => {
        underWay.delete(delivery.id);
        mayHaveMore = true;
        pump(false);
      });
    underWay.set(delivery.id, { done, ending, sinceMs: clock.monotonic() });
  };

  const placesFor = (tier: Delivery['tier']): number =>
    isUrgent(tier) ? options.parallel + options.urgentParallel : options.parallel;
  const hasPlace = (delivery: Delivery): boolean =>
    isBulk(delivery)
      ? sending.passages < options.passageParallel && underWay.size < mostUnderWay
      : sending.notices < placesFor(delivery.tier);

  /** While the way is broken: one try after another, beside those that still hang. */
  const probe = (): void => {
    const inMs = outage.lookInMs();
    resting ??= clock.after(inMs > 0 ? inMs : options.probe.urgentEvery / 4, () => {
      resting = null;
      pump(false);
    });
    if (inMs > 0) return;
    try {
      look(probesAhead, true);
    } catch (error) {
      reportFault('read', { reason: messageOf(error) });
      return;
    }
    const chosen = outage.probe(ready);
    ready = [];
    stale = true;
    if (chosen) launch(chosen);
  };

  const pump = (news: boolean): void => {
    stale ||= news;
    if (draining || waking) return;
    if (outage.broken()) {
      if (sending.notices + sending.passages < placesFor('red')) probe();
      return;
    }
    if (sending.notices >= placesFor('red')) return;
    if (stale || (ready.length === 0 && mayHaveMore)) {
      const restMs = restUntilMs - clock.monotonic();
      if (restMs <= 0) {
        try {
          look(lookAhead, false);
        } catch (error) {
          reportFault('read', { reason: messageOf(error) });
          return;
        }
      } else {
        resting ??= clock.after(restMs, () => {
          resting = null;
          pump(false);
        });
      }
    }
    let urgentWaits = false;
    ready = ready.filter((delivery) => {
      if (!limits.mayGo(delivery) && !except.includes(delivery.recipient)) {
        // His share is used up: what others wait for may lie behind it.
        stale = true;
        return false;
      }
      if (!hasPlace(delivery) || (urgentWaits && isBulk(delivery))) {
        urgentWaits ||= isUrgent(delivery.tier);
        return true;
      }
      launch(delivery);
      return false;
    });
    const opensInMs = opening === null ? limits.opensInMs() : null;
    if (opensInMs !== null) {
      opening = clock.after(opensInMs, () => {
        opening = null;
        pump(true);
      });
    }
  };

  return {
    pump,
    drain: async () => {
      draining = true;
      resting?.cancel();
      opening?.cancel();
      await Promise.all([...underWay.values()].map(({ done }) => done));
    },
    abort: () => {
      for (const { ending } of underWay.values()) ending.abort();
    },
    link: () => {
      // Nothing may have been sent for hours, and the way is known to be broken all the same.
      const fault = channel.fault?.() ?? null;
      return fault === null ? link : { ...link, state: 'down', lastFailure: fault };
    },
    report: () => ({ ...meter.report(), depth: reads.pendingCount(channel.id) }),
  };
}
