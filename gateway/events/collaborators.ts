import type { Alert, Delivery, EvidenceRef, Feedback } from '../domain/alert.ts';
import type { Change, Commit } from '../domain/change.ts';
import type { Outcome } from '../domain/effects.ts';
import type { ChargingSession, GatewayEvent, PassageEvent } from '../domain/event.ts';
import type { AlertId, AreaId, CameraId, DeviceKey } from '../domain/ids.ts';
import type { Match } from '../domain/match.ts';
import type { EpochMs } from '../lib/clock.ts';

/** What came of an event or of time: matches for the alerts, rows that keep the rules' memory. */
export interface RuleOutcome {
  readonly matches: readonly Match[];
  readonly changes: readonly Change[];
}

export interface RuleStateRow {
  readonly rule: string;
  readonly key: string;
  readonly state: string;
}

/** The rules, as the line calls them: at once, in the same turn. */
export interface LineRules {
  evaluate(event: GatewayEvent): RuleOutcome;
  /** Conditions of time (`for`, `absent`). No event that was received before `clockMs` will come any more. */
  tick(clockMs: EpochMs): RuleOutcome;
  /** How far back `reload` wants recorded events, in order of arrival. */
  readonly replayMs?: number;
  reload(rows: readonly RuleStateRow[], recent: Iterable<GatewayEvent>): void;
}

export interface LineAlerts {
  apply(matches: readonly Match[], nowMs: EpochMs): Outcome;
  answer(feedback: Feedback, nowMs: EpochMs): Outcome;
  delivered(delivery: Delivery, nowMs: EpochMs): Outcome;
  /** Missed deadlines and what else time brings; `monotonicMs` does not jump when the clock is set. */
  tick(nowMs: EpochMs, monotonicMs: number): Outcome;
  attachEvidence(alertId: AlertId, refs: readonly EvidenceRef[], nowMs: EpochMs): Outcome;
  reload(openAlerts: readonly Alert[]): void;
}

export interface LineRegister {
  /** Null: there is no register. */
  knows(plateText: string): boolean | null;
  /** What more is known of a plate: its entry, also one that has ended, and hits on a watch list. */
  about?(plateText: string): Pick<PassageEvent, 'category' | 'registeredUntil' | 'watch' | 'watchReason'>;
}

/** Who wants passages themselves, and who has ordered plates to be watched for. At once, in the same turn. */
export interface LinePassages {
  /** What an order adds to the event before the rules see it. */
  watched(event: PassageEvent): Pick<PassageEvent, 'watch' | 'watchReason'>;
  /** Rows that send it on, to be written with it; `matches` are what the rules made of it. */
  deliveries(event: PassageEvent, matches: readonly Match[], nowMs: EpochMs): readonly Change[];
}

/** Where devices and cameras stand. */
export interface LineAreas {
  of(source: DeviceKey | CameraId): AreaId | null;
}

/** What the line asks of the store. */
export interface LineStore {
  /** Rejects with none written; then everything handed over later and before `onBroken` was told is rejected too. */
  readonly commitInLine: Commit;
  onBroken(listener: () => void): void;
  readonly room: {
    short(): boolean;
    allows(changes: readonly Change[]): boolean;
    make(changes: readonly Change[]): Promise<boolean>;
  };
  seen(messageKey: string): boolean;
  openAlerts(): readonly Alert[];
  openSessions(): readonly ChargingSession[];
  ruleState(): readonly RuleStateRow[];
  /** When the newest recorded event was received; null where there is none. */
  newestReceivedAt(): EpochMs | null;
  /** Recorded events in order of arrival, received from `fromMs` on. */
  eventsSince(
    fromMs: EpochMs,
    after: number | null,
    limit: number,
  ): { readonly events: readonly GatewayEvent[]; readonly last: number | null };
}
