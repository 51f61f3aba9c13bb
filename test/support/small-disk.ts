import { execFile } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of its own that is small enough to be filled. */
export interface SmallDisk {
  readonly dir: string;
  freeBytes(): Promise<number>;
  /** Writes somebody else's file until so much is left; 0: until nothing more goes in. A smaller file gives room back. */
  leaveFree(bytes: number): Promise<void>;
  unmount(): Promise<void>;
}

/** A tmpfs of this size: a real file system with real ENOSPC. Null where mounting is not allowed (it needs root). */
export async function mountSmallDisk(sizeBytes: number): Promise<SmallDisk | null> {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-small-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', dir]);
  } catch {
    rmdirSync(dir);
    return null;
  }
  const filler = join(dir, 'of-somebody-else');
  const chunk = Buffer.alloc(1_000_000, 1);
  const freeBytes = async (): Promise<number> => {
    const disk = await statfs(dir);
    return disk.bavail * disk.bsize;
  };
  return {
    dir,
    freeBytes,
    leaveFree: async (bytes) => {
      const free = await freeBytes();
      const handle = await open(filler, 'a');
      try {
        const { size } = await handle.stat();
        if (free < bytes) {
          await handle.truncate(Math.max(0, size - (bytes - free)));
          return;
        }
        for (let left = free - bytes; left > 0; left -= chunk.length)
          await handle.write(chunk, 0, Math.min(chunk.length, left));
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOSPC') throw error;
      } finally {
        await handle.close();
      }
    },
    unmount: async () => {
      await rm(filler, { force: true });
      await run('umount', ['-l', dir]);
      rmdirSync(dir);
    },
  };
}
