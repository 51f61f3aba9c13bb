import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Seen } from './ledger.ts';

/** One line of a recipient's own book: a delivery that was taken, and the alerts that it told of. */
export interface Entry {
  readonly id: string;
  /** Real time, ms since 1970. */
  readonly atMs: number;
  readonly type: string;
  readonly notices: readonly Seen['notice'][];
}

export interface LedgerFile {
  /** Resolves when it is on disk. False: it was there already, and nothing is shown. */
  take(entry: Entry): Promise<boolean>;
  has(id: string): boolean;
}

/** What a recipient's book holds; a last line that a kill cut short was never answered for, and is not read. */
export function readLedgerFile(path: string): Entry[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as Entry];
      } catch {
        return [];
      }
    });
}

/**
 * The book of a recipient that does it right: a delivery is on disk before it is answered, and one that comes again (same id)
 * is answered and not shown. `careless` is the planted bug: every try is shown.
 */
export async function openLedgerFile(path: string, careless = false): Promise<LedgerFile> {
  const known = new Set(readLedgerFile(path).map(({ id }) => id));
  const torn = existsSync(path) && !/(^|\n)$/.test(readFileSync(path, 'utf8'));
  const file = await open(path, 'a');
  if (torn) await file.write('\n');
  const underWay = new Map<string, Promise<boolean>>();
  let waiting: { readonly line: string; readonly done: () => void }[] = [];
  let writing = false;

  /** Everything that came meanwhile shares one sync. */
  const write = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await file.write(group.map(({ line }) => line).join(''));
      await file.datasync();
      for (const { done } of group) done();
    }
    writing = false;
  };
  const append = (entry: Entry): Promise<void> =>
    new Promise((done) => {
      waiting.push({ line: `${JSON.stringify(entry)}\n`, done });
      if (!writing) void write();
    });

  return {
    has: (id) => known.has(id),
    take: async (entry) => {
      if (careless) {
        await append(entry);
        return true;
      }
      if (known.has(entry.id)) return false;
      const same = underWay.get(entry.id);
      if (same) return same.then(() => false);
      const taking = append(entry).then(() => {
        known.add(entry.id);
        underWay.delete(entry.id);
        return true;
      });
      underWay.set(entry.id, taking);
      return taking;
    },
  };
}
