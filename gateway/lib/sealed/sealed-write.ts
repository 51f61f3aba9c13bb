import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

export const sealedEnding = '.kme';
/** Under this ending a file is not whole yet. */
export const partEnding = '.part';

/** The file is whole and on disk, or not there under its name. Answers how many bytes it has. */
export async function writeSynced(path: string, pieces: Iterable<Uint8Array>): Promise<number> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}${partEnding}`;
  const file = await open(temporary, 'w', 0o600);
  let sizeBytes = 0;
  try {
    for (const piece of pieces) {
      await file.writeFile(piece);
      sizeBytes += piece.length;
    }
    await file.sync();
    await file.close();
    await rename(temporary, path);
    return sizeBytes;
  } catch (error) {
    // Half a file on a full disk would only make it fuller.
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
