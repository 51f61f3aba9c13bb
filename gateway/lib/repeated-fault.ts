import type { Clock } from './clock.ts';

/**
 * Thins out a fault that keeps happening: `report` is called for the first one, then at most once a minute with the
 * count since. `key` tells faults apart; at most 1000 keys are remembered.
 */
export function createRepeatedFault(
  clock: Clock,
  report: (key: string, count: number, facts: Record<string, unknown>) => void,
) {
  const periodMs = 60_000;
  const seen = new Map<string, { lastMs: number; count: number }>();
  return (key: string, facts: Record<string, unknown> = {}): void => {
    const nowMs = clock.monotonic();
    const entry = seen.get(key);
    if (entry && nowMs - entry.lastMs < periodMs) {
      entry.count += 1;
      return;
    }
    const count = (entry?.count ?? 0) + 1;
    if (!entry && seen.size >= 1000) seen.clear();
    seen.set(key, { lastMs: nowMs, count: 0 });
    report(key, count, facts);
  };
}
