/** What becomes due at a time, the earliest first. */
export interface Due {
  readonly at: number;
  readonly rule: string;
  readonly key: string;
}

/** A binary heap; entries that no longer hold are the taker's matter. Ties go by rule and key, so that order is one. */
export interface DueHeap {
  push(due: Due): void;
  /** The earliest, if it is at or before this time. */
  take(clockMs: number): Due | undefined;
  clear(): void;
  readonly size: number;
}

const before = (a: Due, b: Due): boolean =>
  a.at !== b.at ? a.at < b.at : a.rule !== b.rule ? a.rule < b.rule : a.key < b.key;

export function createDueHeap(): DueHeap {
  let heap: Due[] = [];
  const swap = (i: number, j: number): void => {
    const [a, b] = [heap[i], heap[j]];
    if (a && b) [heap[i], heap[j]] = [b, a];
  };
  const isBefore = (i: number, j: number): boolean => {
    const [a, b] = [heap[i], heap[j]];
    return a !== undefined && b !== undefined && before(a, b);
  };
  return {
    push: (due) => {
      heap.push(due);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!isBefore(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    },
    take: (clockMs) => {
      const [first] = heap;
      if (!first || first.at > clockMs) return undefined;
      const last = heap.pop();
      if (last && heap.length > 0) {
        heap[0] = last;
        for (let at = 0; ;) {
          const [left, right] = [2 * at + 1, 2 * at + 2];
          const least = isBefore(right, left) ? right : left;
          if (!isBefore(least, at)) break;
          swap(at, least);
          at = least;
        }
      }
      return first;
    },
    clear: () => {
      heap = [];
    },
    get size() {
      return heap.length;
    },
  };
}
