import type { Alert, DeadlineKind } from '../domain/alert.ts';
import type { AlertId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { longestSpanOf, runningDeadlines, withDeadline, type LifeSettings } from './follow-up.ts';

/** A smaller step between wall clock and time itself is the clock being trimmed, not set. */
const jumpMs = 2000;

interface Watched {
  /** As the alert has it: another value is another deadline. */
  by: EpochMs;
  /** The same in time that does not jump. */
  dueMs: number;
  /** It lay further off than any deadline can: stamped, or read, by a clock that was wrong. */
  readonly absurd: boolean;
}

/** Which deadlines of an alert have passed, and the alert with its deadlines as the clock now has them. */
export interface Watch {
  readonly alert: Alert;
  readonly due: ReadonlySet<DeadlineKind>;
}

/**
 * Tells when deadlines have passed, by time that does not jump. People and disks know them by the wall clock; a clock that
 * is set (a box without a battery boots in 1970) must neither miss nor pull forward any of them: five minutes are five
 * minutes. When the wall clock has jumped, the deadlines of open alerts are moved along with it.
 */
export interface DeadlineWatch {
  /** To be called once for each look, before the alerts of that look. */
  passed(nowMs: EpochMs, monotonicMs: number): void;
  look(alert: Alert): Watch;
  /** Forgets alerts that are not open any more. */
  keepOnly(open: (id: AlertId) => boolean): void;
  /** Forgets everything: what is stored is read anew. */
  clear(): void;
}

export function createDeadlineWatch(settings: LifeSettings): DeadlineWatch {
  const watched = new Map<AlertId, Map<DeadlineKind, Watched>>();
  let nowMs = 0;
  let steadyMs = 0;
  let offsetMs: number | null = null;
  let jumped = false;

  const begin = (alert: Alert, kind: DeadlineKind, by: EpochMs): Watched => {
    const longest = longestSpanOf(alert, kind, settings);
    const leftMs = by - nowMs;
    const absurd = leftMs > longest;
    return { by, dueMs: steadyMs + (absurd ? longest : leftMs), absurd };
  };

  return {
    passed: (now, monotonicMs) => {
      const offset = now - monotonicMs;
      jumped = offsetMs !== null && Math.abs(offset - offsetMs) > jumpMs;
      offsetMs = offset;
      nowMs = now;
      steadyMs = monotonicMs;
    },
    look: (given) => {
      let alert = given;
      const due = new Set<DeadlineKind>();
      const known = watched.get(given.id) ?? new Map<DeadlineKind, Watched>();
      watched.set(given.id, known);
      const running = runningDeadlines(given);
      for (const kind of known.keys()) if (!running.has(kind)) known.delete(kind);
      for (const [kind, by] of running) {
        let entry = known.get(kind);
        // One that was absurd is judged anew by the clock that was set since: it may be right now.
        if (entry?.by !== by || (jumped && entry.absurd)) {
          entry = begin(given, kind, by);
          known.set(kind, entry);
        } else if (jumped) {
          entry.by = Math.round(nowMs + (entry.dueMs - steadyMs)) as EpochMs;
          alert = withDeadline(alert, kind, entry.by);
        }
        if (entry.dueMs <= steadyMs) due.add(kind);
      }
      return { alert, due };
    },
    keepOnly: (open) => {
      for (const id of watched.keys()) if (!open(id)) watched.delete(id);
    },
    clear: () => watched.clear(),
  };
}
