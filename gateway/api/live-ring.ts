/** One event for a browser. Items with the same key stand for the same thing: only the newest is worth sending. */
export interface LiveItem {
  readonly key: string | null;
  readonly name: string;
  /** JSON. */
  readonly data: string;
}

/**
 * What one browser has still to be sent: bounded, the oldest is dropped and counted. `take` empties it and tells how
 * many were dropped since the last time.
 */
export function createLiveRing(capacity: number) {
  // A Map keeps insertion order, so its first key is the oldest item.
  const waiting = new Map<string, LiveItem>();
  let unkeyed = 0;
  let dropped = 0;
  return {
    push: (item: LiveItem): void => {
      const slot = item.key ?? `#${(unkeyed += 1)}`;
      // Re-inserted at the end, so that the order of what is sent stays the order of what happened.
      waiting.delete(slot);
      waiting.set(slot, item);
      const oldest = waiting.keys().next();
      if (waiting.size > capacity && !oldest.done) {
        waiting.delete(oldest.value);
        dropped += 1;
      }
    },
    take: (): { items: readonly LiveItem[]; dropped: number } => {
      const taken = { items: [...waiting.values()], dropped };
      waiting.clear();
      dropped = 0;
      return taken;
    },
    depth: (): number => waiting.size,
  };
}
export type LiveRing = ReturnType<typeof createLiveRing>;
