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
  const newId = (): string => random.id();
  const inFlight = new Set<Promise<unknown>>();
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

  const track = <T>(work: Promise<T>): Promise<T> => {
    inFlight.add(work);
    const forget = (): void => {
      inFlight.delete(work);
    };
    work.then(forget, forget);
    return work;
  };

  /** Runs one write, counting it in and out of the wire; a failure is counted, logged once a minute and passed on. */
  const stored = async (work: () => Promise<unknown>): Promise<void> => {
    meter.enter();
    try {
      await track(work());
    } catch (error) {
      counts.notStored += 1;
      fail('message not stored, not acknowledged', { reason: messageOf(error) });
      throw error;
    } finally {
      meter.leave();
    }
  };

  const quarantine = async (device: DeviceKey, message: RawMessage, reason: string): Promise<'quarantined'> => {
    counts.quarantined += 1;
    watch.fault(device, reason, false);
    warn('message put in quarantine', { device, reason });
    await stored(() =>
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
    );
    return 'quarantined';
  };

  return {
    /** Takes one message of `device` (null: whoever the topic names). */
    take: async (message: RawMessage, device: DeviceKey | null): Promise<Outcome> => {
      const parsed = parseMessage({ ...message, receivedAt: clock.now(), site, newId });
      if (parsed.kind === 'forged') return 'forged';
      if (parsed.kind === 'malformed') {
        const from = device ?? parsed.device;
        return await quarantine(from ?? ('unknown/unknown' as DeviceKey), message, parsed.reason);
      }
      const first = parsed.events[0];
      const saidOffline = first?.kind === 'device' && first.change === 'offline';
      const observed = watch.heard(parsed.topic.device, saidOffline, first?.late === true ? null : parsed.skewMs);
      if (first?.late === true) counts.late += 1;
      const key = keyOf(parsed);
      passKillPoint('ingest.before-commit');
      await stored(() => {
        // One turn, so that all of them go into one commit.
        const accepted = parsed.events.map((event, index) => sink.accept(event, index === 0 ? key : `${key}/${index}`));
        for (const observation of observed) accepted.push(sink.accept(deviceEvent(observation), null));
        return accepted.length === 1 ? (accepted[0] ?? Promise.resolve()) : Promise.all(accepted);
      });
      passKillPoint('ingest.after-commit');
      counts.accepted += 1;
      return 'accepted';
    },

    quarantine,

    /** Events about a device that no message carries. Nobody waits for them; a failure is logged. */
    report: (observations: readonly Observation[]): void => {
      for (const observation of observations) {
        track(sink.accept(deviceEvent(observation), null)).catch((error: unknown) =>
          fail('device event not stored', { device: observation.device, reason: messageOf(error) }),
        );
      }
    },

    warn,
    /** Resolves when nothing is under way any more. */
    idle: async (): Promise<void> => {
      while (inFlight.size > 0) await Promise.allSettled([...inFlight]);
    },
  };
}

export type Intake = ReturnType<typeof createIntake>;
