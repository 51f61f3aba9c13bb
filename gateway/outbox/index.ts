/**
 * Outbox: sends what is stored until it is received.
 *
 * takes: pending deliveries from the store, receipts from channels
 * gives: `delivery-tried` changes; receipts with the feedback that came with them
 * keeps: in memory what is under way (the lease); everything else stands in the store
 * never: drops a delivery, lets a newer notice overtake an older one to the same recipient, sends yellow while red waits
 * spec: design.md sections 2 and 5; interfaces.md "Kill points"
 */
import type { Channel } from '../domain/delivery.ts';
import type { Change } from '../domain/change.ts';
import type { DeliveryId } from '../domain/ids.ts';
import { repeat, type Timer } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import type { WireReport } from '../lib/wire.ts';
import { createLane, type ChannelLink, type Lane, type LaneContext } from './lane.ts';
import { createSteadyNow } from './steady-clock.ts';

export type { ChannelLink, OutboxReads, Received } from './lane.ts';
export { createFeedbackListeners } from './listeners.ts';

/** How often what has become due by the clock is looked for; everything else is woken for. */
const lookEveryMs = 1000;

export interface Outbox extends Component {
  /** Something was stored that may be sent now. Cheap; call it as often as you like. */
  wake(): void;
  /** One wire for each channel: depth = pending in the store, dropped = dead letters since start. */
  report(): WireReport[];
  links(): ChannelLink[];
  /** A channel that was not there at the start. */
  add(channel: Channel): void;
  /** Tries a dead letter again, from now; false if there is none of this id. Rejects if it could not be written. */
  resend(id: DeliveryId): Promise<boolean>;
}

export function createOutbox(
  given: Omit<LaneContext, 'steadyNow'> & { readonly channels: ReadonlyMap<string, Channel> },
): Outbox {
  const { channels, clock, options, reads } = given;
  const context = { ...given, steadyNow: createSteadyNow(clock) };
  let lanes: Lane[] = [];
  let timer: Timer = { cancel: () => undefined };
  let woken = false;
  let running = false;

  const pumpAll = (): void => {
    woken = false;
    if (running) for (const lane of lanes) lane.pump(true);
  };

  const wake = (): void => {
    if (woken || !running) return;
    woken = true;
    queueMicrotask(pumpAll);
  };

  const drained = async (): Promise<void> => {
    const limit = clock.after(options.drainWithin, () => lanes.forEach((lane) => lane.abort()));
    await Promise.all(lanes.map((lane) => lane.drain()));
    limit.cancel();
  };

  return {
    name: 'outbox',
    start: () => {
      lanes = [...channels.values()].map((channel) => createLane(channel, context));
      running = true;
      timer = repeat(clock, lookEveryMs, pumpAll);
      wake();
      return Promise.resolve();
    },
    stop: async () => {
      running = false;
      timer.cancel();
      await drained();
    },
    wake,
    report: () => lanes.map((lane) => lane.report()),
    links: () => lanes.map((lane) => lane.link()),
    add: (channel) => {
      // Before the start it is found among the others.
      if (!running) return;
      lanes.push(createLane(channel, context));
      wake();
    },
    resend: async (id) => {
      const dead = reads.find(id);
      if (dead?.state !== 'dead') return false;
      const change: Change = {
        kind: 'delivery-tried',
        id,
        at: clock.now(),
        state: 'pending',
        attempts: dead.attempts,
        nextAttemptAt: clock.now(),
        result: 'sent again by hand',
      };
      await given.commit([change]);
      wake();
      return true;
    },
  };
}
