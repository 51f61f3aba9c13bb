import { createWorkMemory, type WorkMemory } from './work-memory.ts';

/** 1.4 s at 3 Mbit/s. */
const slabBytes = 512 * 1024;
/** What lies ready for the next pictures of all cameras of a thread; more goes back to the system. */
const mostReady = 16;

/** Keeps the memory of a fragment from being written again. Each `hold` wants a `release`. */
export interface FragmentHold {
  hold(): void;
  release(): void;
}

export interface FragmentPiece {
  readonly bytes: Buffer;
  /** Null: the garbage collector looks after it. */
  readonly memory: FragmentHold | null;
}

/**
 * Memory for the fragments of all cameras of a thread, used again as soon as nobody holds it. Left to the garbage collector,
 * 375 kB a second of one camera made it go through the whole heap every 18 s (50 to 75 ms of CPU each time), and with
 * sixteen cameras there lay 100 MB about that nobody needed any more.
 */
export interface FragmentMemory {
  writer(): FragmentWriter;
  /** What their connections read into and put pictures together in. */
  readonly work: WorkMemory;
  report(): { readonly slabs: number; readonly ready: number };
}

/** One stream's way of getting memory. */
export interface FragmentWriter {
  /** What it gives may be held until it is asked for the next piece. */
  readonly take: (sizeBytes: number) => FragmentPiece;
  /** The stream is over. What is held stays good. */
  close(): void;
}

interface Slab extends FragmentHold {
  readonly bytes: Buffer;
  users: number;
  /** A stream still writes to it. */
  open: boolean;
}

export function createFragmentMemory(): FragmentMemory {
  const ready: Slab[] = [];
  let slabs = 0;

  const settle = (slab: Slab): void => {
    if (slab.users > 0 || slab.open) return;
    if (ready.length < mostReady) ready.push(slab);
    else slabs -= 1;
  };
  const openSlab = (): Slab => {
    const used = ready.pop();
    if (used) {
      used.open = true;
      return used;
    }
    slabs += 1;
    const slab: Slab = {
      bytes: Buffer.allocUnsafeSlow(slabBytes),
      users: 0,
      open: true,
      hold: () => {
        slab.users += 1;
      },
      release: () => {
        slab.users -= 1;
        settle(slab);
      },
    };
    return slab;
  };

  return {
    writer: () => {
      let slab: Slab | null = null;
      let used = 0;
      const close = (): void => {
        const full = slab;
        slab = null;
        if (!full) return;
        full.open = false;
        settle(full);
      };
      return {
        take: (sizeBytes) => {
          if (sizeBytes > slabBytes / 2) return { bytes: Buffer.allocUnsafeSlow(sizeBytes), memory: null };
          if (!slab || used + sizeBytes > slabBytes) {
            close();
            slab = openSlab();
            used = 0;
          }
          const from = used;
          used += sizeBytes;
          return { bytes: slab.bytes.subarray(from, used), memory: slab };
        },
        close,
      };
    },
    work: createWorkMemory(),
    report: () => ({ slabs, ready: ready.length }),
  };
}
