import { randomFillSync } from 'node:crypto';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** A file that only takes up space, to be given up when there is none left. */
export interface Reserve {
  /** Makes it, or completes it, if the disk has room for it and a little more. True if it stands in full. */
  ensure(signal: AbortSignal): Promise<boolean>;
  /** Gives its space back. True if there was something to give. */
  release(): Promise<boolean>;
}

const chunkBytes = 4_000_000;
/** A whole WAL (4 000 pages) can be copied back into the database file. A reserve below this helps little for the same reason. */
const leftFreeBytes = 17_000_000;

export function createReserve(file: string, sizeBytes: number): Reserve {
  const present = async (): Promise<number> => {
    try {
      return (await stat(file)).size;
    } catch {
      return 0; // Not there: that is an answer.
    }
  };
  return {
    ensure: async (signal) => {
      const standing = await present();
      if (standing >= sizeBytes) return true;
      const disk = await statfs(dirname(file));
      // It must not take the last space from the very writes it is kept for.
      if (disk.bavail * disk.bsize < sizeBytes - standing + leftFreeBytes) return false;
      // Random bytes, because a file system may compress or skip zeros and then nothing is reserved.
      const chunk = randomFillSync(new Uint8Array(chunkBytes));
      const handle = await open(file, 'a', 0o600);
      try {
        for (let at = standing; at < sizeBytes; at += chunkBytes) {
          if (signal.aborted) return false;
          await handle.write(chunk, 0, Math.min(chunkBytes, sizeBytes - at));
          await nextTurn();
        }
      } finally {
        await handle.close();
      }
      return true;
    },
    release: async () => {
      const standing = await present();
      await rm(file, { force: true });
      return standing > 0;
    },
  };
}
