/** What strangers, or a far side with a wrong key, tried and did not get: counted, and in the audit log. */
import type { Commit } from '../domain/change.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { createRepeatedFault } from '../lib/repeated-fault.ts';

export interface RefusalCount {
  /** What was tried: `evidence-link`, `answer <channel>`. */
  readonly what: string;
  /** Why it was refused, as a stable word. */
  readonly reason: string;
  readonly count: number;
}

export interface Refusals {
  /** `subject`: what it was about, without secrets. Never throws, never waits. */
  note(what: string, reason: string, by: string, subject: string): void;
  counts(): readonly RefusalCount[];
}

/** Far more than there are sorts of refusals; a name that somebody makes up must not fill the memory. */
const maxSorts = 1000;

/**
 * Each is counted. In the audit log stands the first of a sort, then at most one line a minute with how many there were:
 * whoever guesses links by the thousand must not fill the disk with the record of it.
 */
export function createRefusals(given: {
  readonly commit: Commit;
  readonly clock: Clock;
  readonly logger: Logger;
}): Refusals {
  const counts = new Map<string, RefusalCount>();
  const audit = createRepeatedFault(given.clock, (key, count, facts) => {
    const { by, subject } = facts as { readonly by: string; readonly subject: string };
    given.logger.warn({ refused: key, count, by }, 'refused');
    given
      .commit([
        {
          ...{ kind: 'audited', at: given.clock.now(), by, action: `refused ${key}` },
          subject: count > 1 ? `${subject} (${count} times)` : subject,
        },
      ])
      .catch((error: unknown) => given.logger.error({ reason: messageOf(error) }, 'refusal not audited'));
  });
  return {
    note: (what, reason, by, subject) => {
      const key = `${what}: ${reason}`;
      const known = counts.get(key);
      if (known || counts.size < maxSorts) counts.set(key, { what, reason, count: (known?.count ?? 0) + 1 });
      audit(key, { by, subject: subject.slice(0, 500) });
    },
    counts: () => [...counts.values()],
  };
}
