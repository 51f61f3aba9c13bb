/** One character as read, with what else it may be, the likeliest first (the character itself is the first). */
export interface ReadCharacter {
  readonly character: string;
  readonly ratio: number;
  readonly candidates: readonly (readonly [character: string, ratio: number])[];
}

/** Which column of a reader's output stands for which plate character; column 0 is the CTC blank. */
export interface Alphabet {
  readonly characters: readonly string[];
  readonly columns: Int32Array;
}

/** How many candidates are kept for each character: the vote looks no deeper. */
const candidateCount = 4;

/**
 * Reads a CTC output: at each step the likeliest of blank and plate characters, repeats joined, blanks dropped. All
 * other columns are masked and the rest is scaled to one, so a ratio says "of what can stand on a plate".
 * `probabilities` is [steps, width], already through softmax.
 */
export function decodeCtc(
  probabilities: Float32Array,
  steps: number,
  width: number,
  alphabet: Alphabet,
): readonly ReadCharacter[] {
  const { characters, columns } = alphabet;
  const read: ReadCharacter[] = [];
  let previous = -1;
  for (let step = 0; step < steps; step += 1) {
    const row = step * width;
    const blank = probabilities[row] ?? 0;
    let sum = blank;
    let best = -1;
    let bestValue = blank;
    for (let index = 0; index < columns.length; index += 1) {
      const value = probabilities[row + (columns[index] as number)] as number;
      sum += value;
      if (value > bestValue) {
        bestValue = value;
        best = index;
      }
    }
    if (best !== -1) {
      const candidates = topCandidates(probabilities, row, alphabet, sum);
      const ratio = bestValue / sum;
      const last = read[read.length - 1];
      if (best !== previous) read.push({ character: characters[best] ?? '', ratio, candidates });
      // The same character over several steps: its surest step speaks for it.
      else if (last && ratio > last.ratio) read[read.length - 1] = { character: last.character, ratio, candidates };
    }
    previous = best;
  }
  return read;
}

function topCandidates(
  probabilities: Float32Array,
  row: number,
  { characters, columns }: Alphabet,
  sum: number,
): (readonly [string, number])[] {
  const top: [string, number][] = [];
  for (let index = 0; index < columns.length; index += 1) {
    const value = (probabilities[row + (columns[index] as number)] as number) / sum;
    const weakest = top[top.length - 1];
    if (top.length === candidateCount && weakest && value <= weakest[1]) continue;
    if (top.length === candidateCount) top.pop();
    const place = top.findIndex((entry) => entry[1] < value);
    top.splice(place === -1 ? top.length : place, 0, [characters[index] ?? '', value]);
  }
  return top;
}
