/**
 * The cheapest way to give rows columns, each used at most once: `costs[row][column]`, Infinity where a pair is out of
 * the question. As many pairs as possible, then the least sum (Hungarian method with potentials, O(rows² × columns)).
 * Answers each row's column, or null.
 */
export function cheapestPairs(costs: readonly (readonly number[])[]): (number | null)[] {
  const rows = costs.length;
  const columns = Math.max(...costs.map((row) => row.length), 0);
  if (rows === 0 || columns === 0) return costs.map(() => null);
  const dearest = costs.flat().reduce((most, cost) => (Number.isFinite(cost) ? Math.max(most, cost) : most), 0);
  // Leaving a row out costs more than any way to pair the rest better.
  const leftOut = (dearest + 1) * (rows + 1);
  const width = columns + rows;
  const cost = (row: number, column: number): number => {
    const own = column < columns ? (costs[row]?.[column] ?? Infinity) : leftOut;
    return Number.isFinite(own) ? own : leftOut * (rows + 1);
  };
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(width + 1);
  /** Row (from 1) that has each column (from 1); 0: free. */
  const owner = new Int32Array(width + 1);
  const cameFrom = new Int32Array(width + 1);
  for (let row = 1; row <= rows; row += 1) {
    owner[0] = row;
    const slack = new Float64Array(width + 1).fill(Infinity);
    const used = new Uint8Array(width + 1);
    let at = 0;
    do {
      used[at] = 1;
      const ownerRow = owner[at] as number;
      let delta = Infinity;
      let next = 0;
      for (let column = 1; column <= width; column += 1) {
        if (used[column] === 1) continue;
        const reduced =
          cost(ownerRow - 1, column - 1) - (rowPotential[ownerRow] as number) - (columnPotential[column] as number);
        if (reduced < (slack[column] as number)) {
          slack[column] = reduced;
          cameFrom[column] = at;
        }
        if ((slack[column] as number) < delta) {
          delta = slack[column] as number;
          next = column;
        }
      }
      for (let column = 0; column <= width; column += 1) {
        if (used[column] === 1) {
          const held = owner[column] as number;
          rowPotential[held] = (rowPotential[held] as number) + delta;
          columnPotential[column] = (columnPotential[column] as number) - delta;
        } else slack[column] = (slack[column] as number) - delta;
      }
      at = next;
    } while (owner[at] !== 0);
    do {
      const before = cameFrom[at] as number;
      owner[at] = owner[before] as number;
      at = before;
    } while (at !== 0);
  }
  const answer: (number | null)[] = costs.map(() => null);
  for (let column = 1; column <= columns; column += 1) {
    const row = (owner[column] as number) - 1;
    if (row >= 0 && Number.isFinite(costs[row]?.[column - 1] ?? Infinity)) answer[row] = column - 1;
  }
  return answer;
}
