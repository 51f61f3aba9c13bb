/** A key frame of 1080p fits. */
const firstBytes = 256 * 1024;
/** What a stream that has gone mad made larger than this is not kept. A 4K key frame has 1.5 MB. */
const mostBytes = 2 * 1024 * 1024;

/**
 * Memory that connections work in, one after the other. Left to the garbage collector, which goes through the whole heap
 * once in many minutes, each connection of a camera that keeps dropping out left half a megabyte.
 */
export interface WorkMemory {
  /** 256 kB or more; something is written in it. */
  take(): Buffer;
  /** Nobody looks at it or writes there any more. */
  give(bytes: Buffer): void;
}

/** As much as is in use at once lies ready at most. */
export function createWorkMemory(): WorkMemory {
  const ready: Buffer[] = [];
  return {
    take: () => ready.pop() ?? Buffer.allocUnsafeSlow(firstBytes),
    give: (bytes) => {
      if (bytes.length >= firstBytes && bytes.length <= mostBytes) ready.push(bytes);
    },
  };
}

/** For one connection alone. */
export const unsharedMemory: WorkMemory = { take: () => Buffer.allocUnsafeSlow(firstBytes), give: () => undefined };
