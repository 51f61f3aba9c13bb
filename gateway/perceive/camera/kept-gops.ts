import type { Fragment } from './fragment.ts';

/** The newest GOPs of a stream, whole, for a decoder that is started later. */
export interface KeptGops {
  /** Takes nothing before the first key frame. */
  add(fragment: Fragment): void;
  /** Lets go of GOPs before the one that holds this media time; the newest stays for sure. */
  forgetBefore(mediaMs: number): void;
  clear(): void;
  /** From the key frame at or before this media time on; all where there is none so old. Lent until the next call. */
  from(mediaMs: number): readonly Fragment[];
  /** Media time of the oldest key frame; null when there is nothing. */
  oldestMs(): number | null;
}

/** `onDrop`: a GOP was let go because all together were more than `mostBytes`. */
export function createKeptGops(mostBytes: number, onDrop: () => void): KeptGops {
  const kept: Fragment[] = [];
  let keptBytes = 0;
  const letGo = (count: number): void => {
    for (const { sizeBytes, memory } of kept.splice(0, count)) {
      keptBytes -= sizeBytes;
      memory?.release();
    }
  };
  return {
    add: (fragment) => {
      if (kept.length === 0 && !fragment.key) return;
      kept.push(fragment);
      fragment.memory?.hold();
      keptBytes += fragment.sizeBytes;
      while (keptBytes > mostBytes) {
        const next = kept.findIndex(({ key }, index) => index > 0 && key);
        letGo(next < 0 ? kept.length : next);
        onDrop();
      }
    },
    forgetBefore: (mediaMs) => {
      const first = kept.findLastIndex(({ key, mediaTimeMs }) => key && mediaTimeMs <= mediaMs);
      if (first > 0) letGo(first);
    },
    clear: () => letGo(kept.length),
    from: (mediaMs) => {
      const first = kept.findLastIndex(({ key, mediaTimeMs }) => key && mediaTimeMs <= mediaMs);
      return kept.slice(Math.max(first, 0));
    },
    oldestMs: () => kept[0]?.mediaTimeMs ?? null,
  };
}
