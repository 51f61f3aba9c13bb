/** Most that lies ready for the next picture in one thread: three pictures of 1280 × 720 for each of three decoders. */
const mostReadyBytes = 25_000_000;

/** Memory for decoded pictures, used again whoever decodes next: an ended decoder's 8 MB lay about until the next full collection. */
export interface PictureMemory {
  take(sizeBytes: number): Uint8Array;
  /** Nobody looks at it any more. */
  give(bytes: Uint8Array): void;
}

export function createPictureMemory(mostBytes = mostReadyBytes): PictureMemory {
  let ready: Uint8Array[] = [];
  let readyBytes = 0;
  return {
    take: (sizeBytes) => {
      const at = ready.findLastIndex((bytes) => bytes.length === sizeBytes);
      const found = at < 0 ? undefined : ready.splice(at, 1)[0];
      if (!found) return new Uint8Array(sizeBytes);
      readyBytes -= sizeBytes;
      return found;
    },
    give: (bytes) => {
      ready.push(bytes);
      readyBytes += bytes.length;
      // Sizes that nobody asks for any more go first.
      while (readyBytes > mostBytes) {
        readyBytes -= ready[0]?.length ?? 0;
        ready = ready.slice(1);
      }
    },
  };
}
