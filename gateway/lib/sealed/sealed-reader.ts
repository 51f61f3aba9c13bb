import { open, type FileHandle } from 'node:fs/promises';
import { codeOf, GatewayError } from '../errors.ts';
import { chunkBytes, headerBytes, layoutOf, type EvidenceKey, type SealedLayout } from './sealed-file.ts';

/** A sealed file that can be read from the middle. */
export interface SealedReader {
  /** Length of what is sealed. */
  readonly sizeBytes: number;
  /**
   * Bytes `first` to `last`, both included, in pieces of at most 64 KiB; each piece has been authenticated before it is
   * given out. Throws `evidence.damaged` and `evidence.missing`. Holds the file open only while it is iterated.
   */
  read(range?: { readonly first: number; readonly last: number }): AsyncGenerator<Buffer, void, undefined>;
}

/** Looks at a sealed file's header. Throws `evidence.missing`, `evidence.damaged`, `evidence.wrong-key`. */
export async function openSealedFile(path: string, keys: readonly EvidenceKey[], name: string): Promise<SealedReader> {
  const header = await withFile(path, name, async (file) => {
    const { size } = await file.stat();
    return { layout: layoutOf(await readAt(file, 0, headerBytes), size, keys, name) };
  });
  const { layout } = header;
  return {
    sizeBytes: layout.sizeBytes,
    read: (range = { first: 0, last: layout.sizeBytes - 1 }) => readRange(path, name, layout, range),
  };
}

async function* readRange(
  path: string,
  name: string,
  layout: SealedLayout,
  { first, last }: { readonly first: number; readonly last: number },
): AsyncGenerator<Buffer, void, undefined> {
  const file = await openFile(path, name);
  try {
    for (let index = Math.floor(first / chunkBytes); index * chunkBytes <= last && index < layout.chunks; index += 1) {
      const { offset, sizeBytes } = layout.chunkAt(index);
      const sealed = await readAt(file, offset, sizeBytes);
      if (sealed.length < sizeBytes) {
        throw new GatewayError('evidence.damaged', 'cut short while it was read', { facts: { id: name } });
      }
      const plain = layout.openChunk(index, sealed);
      const begin = index * chunkBytes;
      yield plain.subarray(Math.max(first - begin, 0), Math.min(last - begin + 1, plain.length));
    }
  } finally {
    await file.close();
  }
}

async function openFile(path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new GatewayError('evidence.missing', 'the evidence file cannot be read', {
      facts: { id: name, code: codeOf(cause) },
      cause,
    });
  }
}

async function withFile<T>(path: string, name: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openFile(path, name);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** Up to `sizeBytes` bytes at `offset`; fewer only where the file ends. */
async function readAt(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await file.read(buffer, filled, sizeBytes - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
