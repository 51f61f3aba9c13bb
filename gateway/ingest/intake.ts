import type { Change } from '../domain/change.ts';
import type { DeviceEvent, GatewayEvent } from '../domain/event.ts';
import type { DeviceKey, EventId } from '../domain/ids.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { PassKillPoint } from '../lib/kill-points.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';
import type { WireMeter } from '../lib/wire.ts';
import type { MutableCounts } from './counts.ts';
import type { DeviceWatch, Observation } from './device-watch.ts';
import { parseMessage } from './parse-message.ts';
import { createRepeatWindow } from './repeat-window.ts';
import { createTopicParser } from './topic.ts';

/** Where messages go: the line and the store, joined by `app.ts`. */
export interface IngestSink {
  /** Resolves when the event and all that follows from it is on disk; rejects when nothing of it is. */
  accept(event: GatewayEvent, messageKey: string | null): Promise<unknown>;
  /** Resolves when the changes are on disk. */
  record(changes: Change[]): Promise<void>;
}

export interface RawMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly duplicate: boolean;
}

export type Outcome = 'accepted' | 'quarantined' | 'forged';

/** Most bytes of a bad message that are kept. */
const quarantineBytes = 4096;
const quarantineTopicLength = 256;

/**
 * What both brokers do with a message: parse it, hand its events to the line, or put it aside. Resolves when the
 * sender may be told that it has arrived; rejects when the store could not take it.
 */
export function createIntake(parts: {
  readonly site: string;
  readonly sink: IngestSink;
  readonly watch: DeviceWatch;
  readonly counts: MutableCounts;
  readonly meter: WireMeter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly passKillPoint: PassKillPoint;
}) {
  const { site, sink, watch, counts, meter, clock, random, passKillPoint } = parts;
  const keyOf = createRepeatWindow(clock);
  const topicOf = createTopicParser(site);
  const newId = (): string => random.id();
  const warn = createRepeatedFault(clock, (key, count, facts) => parts.logger.warn({ ...facts, count }, key));
  const fail = createRepeatedFault(clock, (key, count, facts) => parts.logger.error({ ...facts, count }, key));

  const deviceEvent = (observation: Observation): DeviceEvent => ({
    id: newId() as EventId,
    kind: 'device',
    at: clock.now(),
    receivedAt: clock.now(),
    area: null,
    late: false,
    device: observation.device,
    change: observation.change,
    seconds: observation.seconds,
  });

  let idle: (() => void)[] = [];
  let underWay = 0;
  const leave = (): void => {
    meter.leave();
    underWay -= 1;
    if (underWay > 0 || idle.length === 0) return;
    for (const resolve of idle) resolve();
    idle = [];
  };

  /** Counts a write in and out of the wire; a failure is counted, logged once a minute and passed on. */
  const stored = <T extends Outcome | null>(work: Promise<unknown>, outcome: T): Promise<T> => {
    meter.enter();
    underWay += 1;
    return work.then(
      () => {
        leave();
        if (outcome === 'accepted') {
          passKillPoint('ingest.after-commit');
          counts.accepted += 1;
        }
        return outcome;
      },
      (error: unknown) => {
        leave();
        counts.notStored += 1;
        fail('message not stored, not acknowledged', { reason: messageOf(error) });
        throw error;
      },
    );
  };

  const quarantine = (device: DeviceKey, message: RawMessage, reason: string): Promise<Outcome> => {
    counts.quarantined += 1;
    watch.fault(device, reason, false);
    warn('message put in quarantine', { device, reason });
    return stored(
      sink.record([
        {
          kind: 'quarantined',
          device,
          topic: message.topic.slice(0, quarantineTopicLength),
          // A copy: the payload is a view into the socket's buffer.
          payload: Uint8Array.from(message.payload.subarray(0, quarantineBytes)),
          reason,
          at: clock.now(),
        },
      ]),
      'quarantined',
    );
  };

  return {
    /** Takes one message of `device` (null: whoever the topic names). */
    take: (message: RawMessage, device: DeviceKey | null): Promise<Outcome> => {
      const parsed = parseMessage({
        topic: message.topic,
        payload: message.payload,
        duplicate: message.duplicate,
        receivedAt: clock.now(),
        topicOf,
        newId,
      });
      if (parsed.kind === 'forged') return Promise.resolve('forged');
      if (parsed.kind === 'malformed') {
        return quarantine(device ?? parsed.device ?? ('unknown/unknown' as DeviceKey), message, parsed.reason);
      }
      const { event } = parsed;
      const saidOffline = event.kind === 'device' && event.change === 'offline';
      const observed = watch.heard(parsed.topic.device, saidOffline, event.late ? null : parsed.skewMs);
      if (event.late) counts.late += 1;
      passKillPoint('ingest.before-commit');
      // All in one turn, so that they go into one commit.
      let work = sink.accept(event, keyOf(parsed));
      if (observed.length > 0) {
        work = Promise.all([work, ...observed.map((observation) => sink.accept(deviceEvent(observation), null))]);
      }
      return stored(work, 'accepted');
    },

    quarantine,

    /** Events about a device that no message carries. Nobody waits for them; a failure is logged, and silence is told again. */
    report: (observations: readonly Observation[]): void => {
      for (const observation of observations) {
        stored(sink.accept(deviceEvent(observation), null), null).catch(() => {
          // Counted and logged in `stored`. A device that never speaks again gives no second chance to notice that.
          if (observation.change === 'silent') watch.silenceUntold(observation.device);
        });
      }
    },

    warn,
    /** Resolves when nothing is under way any more. */
    idle: async (): Promise<void> => {
      if (underWay === 0) return;
      await new Promise<void>((resolve) => {
        idle.push(resolve);
      });
    },
  };
}

export type Intake = ReturnType<typeof createIntake>;
