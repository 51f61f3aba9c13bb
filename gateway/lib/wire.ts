/** What `/health` prints of one wire of the flow (design section 2). */
export interface WireReport {
  readonly name: string;
  /** Items waiting or being worked on now. */
  readonly depth: number;
  /** Bound of the wire; null where it only holds back its source. */
  readonly capacity: number | null;
  readonly passed: number;
  readonly dropped: number;
  /** Milliseconds that senders were held back, where the wire waits instead of dropping. */
  readonly waitedMs: number;
}

/** Counters of one wire, kept by the room that owns it. */
export interface WireMeter {
  enter(count?: number): void;
  leave(count?: number): void;
  drop(count?: number): void;
  waited(ms: number): void;
  report(): WireReport;
}

export function createWireMeter(name: string, capacity: number | null): WireMeter {
  let depth = 0;
  let passed = 0;
  let dropped = 0;
  let waitedMs = 0;
  return {
    enter: (count = 1) => {
      depth += count;
    },
    leave: (count = 1) => {
      depth -= count;
      passed += count;
    },
    drop: (count = 1) => {
      dropped += count;
    },
    waited: (ms) => {
      waitedMs += ms;
    },
    report: () => ({ name, depth, capacity, passed, dropped, waitedMs: Math.round(waitedMs) }),
  };
}
