import type { YuvPicture } from '../picture.ts';
import type { DirectReader } from './direct-pipe.ts';
import { createPictureMemory } from './picture-memory.ts';

/** One picture as the child gave it out. `yuv` is the receiver's until he calls `release`; then it is filled again. */
export interface Picture extends YuvPicture {
  readonly mediaMs: number;
  readonly release: () => void;
}

/** Called in order. While its promise is open nothing more is read, and the child waits: `null` for "never wait". */
export type OnPicture = (picture: Picture) => Promise<void> | null;

/** What `showinfo` tells of each picture, on another pipe than its bytes. */
export interface PictureInfo {
  /** True if the line was showinfo's. */
  readonly read: (line: string) => boolean;
  readonly size: () => { readonly widthPx: number; readonly heightPx: number } | null;
  /** Media time of the next picture; null if its line has not come yet. */
  readonly nextMediaMs: () => number | null;
  readonly take: () => void;
}

export function createPictureInfo(): PictureInfo {
  let size: { widthPx: number; heightPx: number } | null = null;
  let tickMs = 0;
  let times: number[] = [];
  return {
    read: (line) => {
      if (!line.includes('Parsed_showinfo')) return false;
      const base = /config in time_base:\s*(\d+)\/(\d+)/.exec(line);
      if (base) tickMs = (1000 * Number(base[1])) / Number(base[2]);
      const found = /\bpts:\s*(-?\d+)/.exec(line);
      if (!found) return true;
      const dimensions = /\bs:(\d+)x(\d+)/.exec(line);
      if (dimensions) size = { widthPx: Number(dimensions[1]), heightPx: Number(dimensions[2]) };
      // Ticks, not `pts_time`: that has six digits, which after a day is a second.
      times.push(Math.round(Number(found[1]) * tickMs));
      return true;
    },
    size: () => size,
    nextMediaMs: () => times[0] ?? null,
    take: () => {
      times = times.slice(1);
    },
  };
}

/** One for each thread: all that decode there take turns with it. */
const memory = createPictureMemory();
/** For what comes before it is known where to. */
const asideBytes = 4096;

/**
 * Cuts a child's bytes into pictures, read where they stay. Memory comes back through `release`: three are in use with a live
 * source. `readOn` is called when reading, which `took` had stopped, may go on.
 */
export function createPictureCutter(info: PictureInfo, onPicture: OnPicture, readOn: () => void) {
  const asideMemory = new Uint8Array(asideBytes);
  /** Bytes that lie in `asideMemory`. */
  let aside = 0;
  let filling: Uint8Array | null = null;
  let filled = 0;
  let open: Promise<void> | null = null;
  let linesOver = false;

  const handOut = (
    size: { readonly widthPx: number; readonly heightPx: number },
    yuv: Uint8Array,
    mediaMs: number,
  ): void => {
    let released = false;
    const release = (): void => {
      if (!released) memory.give(yuv);
      released = true;
    };
    const taken = onPicture({ ...size, yuv, mediaMs, release });
    if (taken === null) return;
    open = taken.finally(() => {
      open = null;
      poke();
    });
  };

  /** Gives out what is complete; false where somebody or a line has to be waited for before more is read. */
  const advance = (): boolean => {
    while (open === null) {
      const size = info.size();
      const length = size === null ? 0 : (size.widthPx * size.heightPx * 3) / 2;
      if (size !== null && filling?.length !== length) {
        filling = memory.take(length);
        filled = 0;
      }
      if (filling && filled < length && aside > 0) {
        const part = Math.min(aside, length - filled);
        filling.set(asideMemory.subarray(0, part), filled);
        asideMemory.copyWithin(0, part, aside);
        filled += part;
        aside -= part;
      }
      if (filling && filled < length) return true;
      const mediaMs = info.nextMediaMs();
      if (size === null || filling === null || mediaMs === null) {
        // What no line will tell of is no picture: the rest is read to the end and left.
        if (linesOver) aside = 0;
        return linesOver;
      }
      info.take();
      const full = filling;
      filling = null;
      handOut(size, full, mediaMs);
    }
    return false;
  };

  const poke = (): void => {
    if (advance()) readOn();
  };

  const reader: DirectReader = {
    space: () =>
      filling && filled < filling.length
        ? filling.subarray(filled)
        : asideMemory.subarray(Math.min(aside, asideBytes - 1)),
    took: (length, into) => {
      if (into.buffer === asideMemory.buffer) aside += length;
      else filled += length;
      return advance();
    },
  };
  return {
    reader,
    /** A line has come. */
    poke,
    waiting: () => open,
    /** No more lines will come. */
    endLines: (): void => {
      linesOver = true;
      poke();
    },
    /** Nothing more will come: half a picture is none. */
    close: (): void => {
      if (filling) memory.give(filling);
      filling = null;
    },
  };
}
