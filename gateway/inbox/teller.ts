import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { DeskAlert } from './shapes.ts';

/** How many alerts are read at once for those who look. */
const bite = 100;

export interface Teller {
  /** This alert is new or has changed. */
  changed(alertId: string): void;
  /** Resolves when everything noted so far has been told. */
  idle(): Promise<void>;
}

/**
 * Reads changed alerts and hands them on, each as it is at that moment. An alert that changes again while it is read is
 * read again: what was told last is never older than what was told before.
 */
export function createTeller(given: {
  readonly read: (ids: readonly string[]) => Promise<readonly DeskAlert[]>;
  readonly tell: (alert: DeskAlert) => void;
  readonly logger: Logger;
}): Teller {
  const { read, tell, logger } = given;
  let changed = new Set<string>();
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    while (changed.size > 0) {
      const ids = [...changed].slice(0, bite);
      changed = new Set([...changed].slice(bite));
      try {
        for (const alert of await read(ids)) tell(alert);
      } catch (error) {
        // Who looks reads everything anew now and then; the next change tells of it, too.
        logger.warn({ alerts: ids.length, reason: messageOf(error) }, 'changed alerts could not be read');
      }
    }
  }

  function pump(): void {
    running ??= run().finally(() => {
      running = null;
      // Noted between the last look and now.
      if (changed.size > 0) pump();
    });
  }

  return {
    changed: (alertId) => {
      changed.add(alertId);
      pump();
    },
    idle: async () => {
      while (running) await running;
    },
  };
}
