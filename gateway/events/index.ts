/**
 * The line: from an event to what is stored of it, in one turn and one commit.
 *
 * takes: events with the key of their message; answers, receipts, evidence, the passing of time
 * gives: "stored" or "repeat" once everything that follows is on disk; then effects and stored changes to subscribers
 * keeps: open charging sessions and messages on their way in memory; on disk only through the store
 * never: acknowledges before the commit, does I/O in a turn, lets rules see a late event
 * spec: design.md section 2 (acknowledged means stored); interfaces.md "MQTT, device side" (repeats, late)
 */
import type { Delivery, EvidenceRef, Feedback } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { AlertEffect, Outcome } from '../domain/effects.ts';
import type { GatewayEvent } from '../domain/event.ts';
import type { AlertId } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import type { Component } from '../lib/component.ts';
import { GatewayError, isGatewayError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { createWireMeter, type WireReport } from '../lib/wire.ts';
import type {
  LineAlerts,
  LineAreas,
  LinePassages,
  LineRegister,
  LineRules,
  LineStore,
  RuleOutcome,
} from './collaborators.ts';
import { createCommitter, type Turn } from './committer.ts';
import { ofSession } from './of-session.ts';
import { createSessionBook, replayMs } from './session-book.ts';
import { changesOf, createUnstored, recordsOnly } from './unstored.ts';

export type * from './collaborators.ts';
export { idlePort, trackSession, type OpenSession, type PortState, type SessionStep } from './charging-session.ts';

/** A delivery that was received, with what was answered at once and the row that settles it. */
export interface Receipt {
  readonly delivery: Delivery;
  readonly feedback: readonly Feedback[];
  readonly settled: Change;
}

export interface Line extends Component {
  /**
   * Resolves when the event and all that follows from it is on disk, or was already (`repeat`). Rejects with nothing of
   * it written (`store.commit-failed`): the device must not be told that it arrived.
   */
  accept(event: GatewayEvent, messageKey: string | null): Promise<'stored' | 'repeat'>;
  /** To be called about every second. Rejects as `accept` does; what was due then is due again. */
  tick(): Promise<void>;
  /** Somebody answered. Throws `alert.unknown` too. */
  answer(feedback: Feedback): Promise<void>;
  /** A notice was received: one commit for the settling, the alert's step and the answers that came with it. */
  received(receipt: Receipt): Promise<void>;
  /** Evidence was kept (`saved` are its rows). Throws `alert.unknown` too. */
  attachEvidence(alertId: AlertId, refs: readonly EvidenceRef[], saved?: readonly Change[]): Promise<void>;
  /** Calls `listener` for each effect, after its commit. */
  onEffect(listener: (effect: AlertEffect) => void): void;
  /** Calls `listener` with the changes of each commit, after it: for those who watch live. */
  onStored(listener: (changes: readonly Change[]) => void): void;
  /** The wires `events` (on their way to disk, repeats dropped) and `rules` (events evaluated). */
  report(): WireReport[];
}

const none: Outcome = { changes: [], effects: [] };
/**
 * An event is evaluated within this time of being received (a passage waits for its picture to be on disk). Rules are told
 * of time that much later, so that time alone never overtakes an event: live and backtest then come to the same.
 */
const onItsWayMs = 1000;
/** Events read at once when sessions are put together again. */
const replayPage = 2000;

export function createLine(given: {
  readonly store: LineStore;
  readonly rules: LineRules;
  readonly alerts: LineAlerts;
  readonly register: LineRegister;
  readonly areas: LineAreas;
  readonly passages?: LinePassages;
  /** Whether this event may not be stored now for want of room, if nothing follows from it but its own row. Absent: never. */
  readonly refuses?: (event: GatewayEvent) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}): Line {
  const { store, rules, alerts, register, areas, clock, logger } = given;
  const sessions = createSessionBook();
  const withoutRoom = createUnstored();
  const eventMeter = createWireMeter('events', null);
  const ruleMeter = createWireMeter('rules', null);
  /** Messages whose commit is on its way: a repeat waits for the same commit. */
  const underWay = new Map<string, Promise<unknown>>();
  const effectListeners: ((effect: AlertEffect) => void)[] = [];
  const storedListeners: ((changes: readonly Change[]) => void)[] = [];
  let accepting = false;

  /** The events of the last minutes before the last one, however long ago that was. */
  function* recentEvents(backMs: number): Generator<GatewayEvent> {
    const newestAt = store.newestReceivedAt();
    if (newestAt === null) return;
    const fromMs = (newestAt - backMs) as EpochMs;
    let after: number | null = null;
    for (;;) {
      const page = store.eventsSince(fromMs, after, replayPage);
      yield* page.events;
      if (page.last === null) return;
      after = page.last;
    }
  }

  const reload = (): void => {
    const nowMs = clock.now();
    rules.reload(store.ruleState(), recentEvents(rules.replayMs ?? replayMs));
    alerts.reload(store.openAlerts());
    sessions.reload(store.openSessions(), recentEvents(replayMs), nowMs);
    withoutRoom.clear();
  };

  const committer = createCommitter({ store, reload });
  store.onBroken(reload);

  const enrich = (event: GatewayEvent): GatewayEvent => {
    if (event.kind === 'system') return event;
    const area = event.area ?? areas.of('device' in event ? event.device : event.camera);
    if (event.kind !== 'passage') return area === event.area ? event : { ...event, area };
    const plate = event.plate;
    if (plate?.accepted !== true) return { ...event, area, registered: null };
    const known = { ...event, area, registered: register.knows(plate.text), ...register.about?.(plate.text) };
    return known.watch === 'exact' ? known : { ...known, ...given.passages?.watched(known) };
  };

  const sessionsSaved = (saved: Iterable<Extract<Change, { kind: 'session-saved' }>['session']>): Change[] =>
    Array.from(saved, (session): Change => ({ kind: 'session-saved', session }));

  const follow = (outcome: RuleOutcome, nowMs: EpochMs): Outcome => {
    const raised = outcome.matches.length > 0 ? alerts.apply(outcome.matches, nowMs) : none;
    return { changes: [...outcome.changes, ...raised.changes], effects: raised.effects };
  };

  /** A passage goes to those who want it, in the same transaction; a late one, too: it is a record, not an alarm. */
  const forwarded = (event: GatewayEvent, matches: readonly Match[], turn: Turn, nowMs: EpochMs): Turn => {
    const rows = event.kind === 'passage' ? (given.passages?.deliveries(event, matches, nowMs) ?? []) : [];
    if (rows.length === 0) return turn;
    return { changes: [...turn.changes, ...rows], effects: [...turn.effects, { kind: 'deliveries-due' }] };
  };

  const eventTurn = (raw: GatewayEvent, messageKey: string | null): Turn => {
    const nowMs = clock.now();
    const placed = enrich(raw);
    const taken = placed.kind === 'charging' ? sessions.take(placed, nowMs) : null;
    const event = placed.kind === 'charging' ? ofSession(placed, taken?.session ?? null) : placed;
    const changes: Change[] = [{ kind: 'event-recorded', event, messageKey }];
    if (taken) for (const session of taken.save) changes.push({ kind: 'session-saved', session });
    if (event.late) return forwarded(event, [], { changes, effects: [] }, nowMs);
    ruleMeter.enter();
    const evaluated = rules.evaluate(event);
    const outcome = follow(evaluated, nowMs);
    ruleMeter.leave();
    changes.push(...outcome.changes);
    return forwarded(event, evaluated.matches, { changes, effects: outcome.effects }, nowMs);
  };

  /**
   * The same, unless there is no room on the disk for what is only a record. Then the memory keeps what it has taken in,
   * which no stored row rests on, so nothing has to be read anew: a device sends again what was not acknowledged, and
   * what comes again is stored without being evaluated twice.
   */
  const recordTurn = (raw: GatewayEvent, messageKey: string | null): Turn => {
    const known = messageKey === null ? undefined : withoutRoom.get(messageKey);
    const turn: Turn =
      known && messageKey !== null
        ? { changes: changesOf(known, messageKey, raw.receivedAt), effects: [] }
        : eventTurn(raw, messageKey);
    const records = recordsOnly(turn.changes);
    if (records === null) return turn;
    const full = store.room.short() && !store.room.allows(turn.changes);
    // While there is some room the charging log goes on: only what is a reading and no more is refused.
    if (!full && (records.sessions.length > 0 || given.refuses?.(records.event) !== true)) return turn;
    if (messageKey !== null) withoutRoom.put(messageKey, known ?? records);
    throw new GatewayError('store.commit-failed', 'there is no room on the disk for more records', {
      facts: { disk: 'SQLITE_FULL', chain: false },
      retryable: true,
    });
  };

  const tell = <News>(listener: (news: News) => void, news: News, what: string): void => {
    try {
      listener(news);
    } catch (error) {
      // What is stored is stored; a listener's fault is not the sender's.
      logger.error({ what, reason: messageOf(error) }, 'listener failed');
    }
  };
  const publish = ({ changes, effects }: Turn): void => {
    for (const listener of storedListeners) tell(listener, changes, 'stored');
    for (const effect of effects) {
      for (const listener of effectListeners) tell(listener, effect, effect.kind);
    }
  };

  const run = (work: () => Turn): Promise<void> =>
    accepting
      ? committer.run(work, publish)
      : Promise.reject(new GatewayError('store.closed', 'the line is stopping; nothing more is accepted'));

  const acceptNew = (event: GatewayEvent, messageKey: string | null): Promise<'stored'> => {
    eventMeter.enter();
    const ended = (): void => {
      eventMeter.leave();
      if (messageKey !== null) underWay.delete(messageKey);
    };
    return run(() => recordTurn(event, messageKey)).then(
      () => {
        if (messageKey !== null) withoutRoom.take(messageKey);
        ended();
        return 'stored';
      },
      (error: unknown) => {
        ended();
        throw error;
      },
    );
  };

  return {
    name: 'line',
    start: () => {
      reload();
      accepting = true;
      return Promise.resolve();
    },
    stop: async () => {
      if (!accepting) return;
      accepting = false;
      await committer.settled();
      const saved = sessionsSaved(sessions.unsaved(clock.now(), true));
      if (saved.length === 0) return;
      // Not lost if this fails: the readings are on disk.
      await store.commitInLine(saved).catch((error: unknown) => {
        logger.warn({ reason: messageOf(error) }, 'open charging sessions not saved');
      });
    },
    accept: (event, messageKey) => {
      if (messageKey === null) return acceptNew(event, null);
      const first = underWay.get(messageKey);
      if (first !== undefined || store.seen(messageKey)) {
        eventMeter.drop();
        return Promise.resolve(first).then(() => 'repeat' as const);
      }
      const accepted = acceptNew(event, messageKey);
      underWay.set(messageKey, accepted);
      return accepted;
    },
    tick: () =>
      run(() => {
        const nowMs = clock.now();
        const matched = follow(rules.tick((nowMs - onItsWayMs) as EpochMs), nowMs);
        const timed = alerts.tick(nowMs, clock.monotonic());
        // They keep: a second on a full disk must not end with everything read anew.
        const owed = store.room.short() ? [] : sessionsSaved(sessions.unsaved(nowMs, false));
        return {
          changes: [...owed, ...matched.changes, ...timed.changes],
          effects: [...matched.effects, ...timed.effects],
        };
      }),
    answer: (feedback) => run(() => alerts.answer(feedback, clock.now())),
    received: ({ delivery, feedback, settled }) =>
      run(() => {
        const nowMs = clock.now();
        const outcomes = [alerts.delivered(delivery, nowMs)];
        for (const answer of feedback) {
          try {
            outcomes.push(alerts.answer(answer, nowMs));
          } catch (error) {
            // The receipt stands, whatever nonsense came with it.
            if (!isGatewayError(error)) throw error;
            logger.warn({ code: error.code, recipient: delivery.recipient }, 'answer not taken');
          }
        }
        return {
          changes: [settled, ...outcomes.flatMap((outcome) => outcome.changes)],
          effects: outcomes.flatMap((outcome) => outcome.effects),
        };
      }),
    attachEvidence: (alertId, refs, saved = []) =>
      run(() => {
        const outcome = alerts.attachEvidence(alertId, refs, clock.now());
        return { changes: [...saved, ...outcome.changes], effects: outcome.effects };
      }),
    onEffect: (listener) => {
      effectListeners.push(listener);
    },
    onStored: (listener) => {
      storedListeners.push(listener);
    },
    report: () => [eventMeter.report(), ruleMeter.report()],
  };
}
