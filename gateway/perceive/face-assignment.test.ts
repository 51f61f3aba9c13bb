import { describe, expect, it } from 'vitest';
import { createRandom } from '../../test/support/simulators/random.ts';
import { cheapestPairs } from './face-assignment.ts';

/** Tries every way: as many pairs as possible, then the least sum. */
function byTryingAll(costs: readonly (readonly number[])[]): { pairs: number; sum: number } {
  let best = { pairs: 0, sum: 0 };
  const go = (row: number, taken: ReadonlySet<number>, pairs: number, sum: number): void => {
    if (row === costs.length) {
      if (pairs > best.pairs || (pairs === best.pairs && sum < best.sum)) best = { pairs, sum };
      return;
    }
    go(row + 1, taken, pairs, sum);
    costs[row]?.forEach((cost, column) => {
      if (Number.isFinite(cost) && !taken.has(column)) go(row + 1, new Set([...taken, column]), pairs + 1, sum + cost);
    });
  };
  go(0, new Set(), 0, 0);
  return best;
}

describe('cheapest pairs', () => {
  it('are as good as trying every way, whatever the costs', () => {
    const random = createRandom(20261122);
    for (let turn = 0; turn < 400; turn += 1) {
      const rows = random.integer(0, 5);
      const columns = random.integer(0, 5);
      const costs = Array.from({ length: rows }, () =>
        Array.from({ length: columns }, () => (random.next() < 0.3 ? Infinity : random.integer(0, 20))),
      );
      const answer = cheapestPairs(costs);
      const columnsUsed = answer.filter((column) => column !== null);
      expect(new Set(columnsUsed).size).toBe(columnsUsed.length);
      const sum = answer.reduce<number>((all, column, row) => all + (column === null ? 0 : costs[row]![column]!), 0);
      expect({ pairs: columnsUsed.length, sum }).toEqual(byTryingAll(costs));
    }
  });

  it('are none where there is nothing to pair', () => {
    expect(cheapestPairs([])).toEqual([]);
    expect(cheapestPairs([[], []])).toEqual([null, null]);
    expect(cheapestPairs([[Infinity], [3]])).toEqual([null, 0]);
  });
});
