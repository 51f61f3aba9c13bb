import type { Change } from '../domain/change.ts';
import type { AlertEffect } from '../domain/effects.ts';
import { GatewayError, isGatewayError } from '../lib/errors.ts';
import type { LineStore } from './collaborators.ts';

/** What one synchronous turn came to. */
export interface Turn {
  readonly changes: readonly Change[];
  readonly effects: readonly AlertEffect[];
}

/** Tries of one turn: a neighbour's failure is not its fault, so it is worked out again on what is really stored. */
const maxTries = 4;

/**
 * Runs turns and commits each. Turns follow one another without waiting for the disk, each building on the memory that
 * the one before left; when a commit fails, `reload` has put memory back to what is stored before anyone is told.
 */
export function createCommitter(options: { readonly store: LineStore; readonly reload: () => void }) {
  const { store, reload } = options;
  let last: Promise<unknown> = Promise.resolve();
  let queue: Promise<unknown> = Promise.resolve();

  const commit = (turn: Turn): Promise<void> => {
    const done = store.commitInLine(turn.changes);
    last = done;
    return done;
  };

  const nothingUnderWay = async (): Promise<void> => {
    for (let waited: Promise<unknown> | null = null; waited !== last;) {
      waited = last;
      await waited.catch(() => undefined);
    }
  };

  /**
   * While the disk is full: one turn at a time, because a turn that may not be written has to be taken back, and memory
   * can only be put back to what is stored when nothing else is on its way.
   */
  const runCarefully = async (work: () => Turn): Promise<Turn> => {
    await nothingUnderWay();
    const turn = work();
    if (turn.changes.length === 0) return turn;
    if (store.room.short() && !store.room.allows(turn.changes)) {
      reload();
      throw new GatewayError('store.commit-failed', 'the disk is full; only red and orange alerts are written', {
        facts: { disk: 'SQLITE_FULL', chain: false },
        retryable: true,
      });
    }
    try {
      await commit(turn);
      return turn;
    } catch (error) {
      if (!ranOutOfSpace(error) || !(await store.room.make(turn.changes))) throw error;
    }
    const again = work();
    await commit(again);
    return again;
  };

  /** Plain promises, one for the whole way: thousands of messages wait for the disk at once, each with all of its own. */
  const attempt = (work: () => Turn, done: (turn: Turn) => void, tries: number): Promise<void> => {
    if (store.room.short()) {
      const careful = queue.then(() => runCarefully(work));
      queue = careful.catch(() => undefined);
      return careful.then(done);
    }
    const turn = work();
    if (turn.changes.length === 0) {
      done(turn);
      return Promise.resolve();
    }
    return commit(turn).then(
      () => done(turn),
      (error: unknown) => {
        const again = isGatewayError(error) && (error.facts['chain'] === true || ranOutOfSpace(error));
        if (!again || tries >= maxTries) throw error;
        return attempt(work, done, tries + 1);
      },
    );
  };

  return {
    /**
     * Calls `done` and resolves when what the turn came to is on disk. Rejects with what `work` throws at its first try or
     * later, and with the store's failure.
     */
    run: (work: () => Turn, done: (turn: Turn) => void): Promise<void> => {
      try {
        return attempt(work, done, 1);
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
    },
    /** Resolves when nothing is on its way. */
    settled: async (): Promise<void> => {
      await queue;
      await nothingUnderWay();
    },
  };
}

function ranOutOfSpace(error: unknown): boolean {
  return isGatewayError(error, 'store.commit-failed') && error.facts['disk'] === 'SQLITE_FULL';
}
