import { readdir, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf } from '../lib/errors.ts';
import { partEnding, sealedEnding } from '../lib/sealed/sealed-write.ts';

/**
 * Deletes what a crash has left: halves of files, and whole ones whose row was never committed and which nobody would
 * ever delete. Looks only at what is older than `beforeMs`; what is newer may be on its way. One folder at a time, with a
 * turn of the event loop between files. Answers how many were deleted.
 */
export async function removeOrphans(
  dir: string,
  isKnown: (id: string) => boolean,
  beforeMs: number,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const day of await entriesOf(dir)) {
    if (!/^\d{4}-\d\d-\d\d$/.test(day)) continue;
    const folder = join(dir, day);
    const untouched = (await stat(folder)).mtimeMs < beforeMs;
    for (const name of await entriesOf(folder)) {
      if (signal.aborted) return removed;
      const path = join(folder, name);
      const stray =
        name.endsWith(partEnding) || (name.endsWith(sealedEnding) && !isKnown(basename(name, sealedEnding)));
      if (!stray || (await stat(path)).mtimeMs >= beforeMs) continue;
      await unlink(path);
      removed += 1;
    }
    // A day whose files have all had their time; one that changed lately may be about to get another.
    if (!untouched) continue;
    await rmdir(folder).catch((error: unknown) => {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) throw error;
    });
  }
  return removed;
}

async function entriesOf(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
