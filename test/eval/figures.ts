/** One line of the table: what was measured on what, by which model. */
export interface Figure {
  /** `finder`, `reader`, `end to end`, `faces`, `memory`. */
  readonly part: string;
  /** The pictures: a folder's name, or `rendered` with what. */
  readonly set: string;
  /** Id of the model or models. A yardstick is not what ships. */
  readonly model: string;
  readonly yardstick: boolean;
  readonly n: number;
  /** Shares 0..1, counts and ms, by name. */
  readonly values: Readonly<Record<string, number>>;
  /** Everything that went wrong, one line each. */
  readonly misses: readonly string[];
}

/** A figure to reach (perception.md, targets), on real pictures. */
interface Target {
  readonly part: string;
  readonly sets: readonly string[];
  readonly value: string;
  readonly limit: number;
  readonly better: 'more' | 'less';
}

export const targets: readonly Target[] = [
  { part: 'finder', sets: ['plates-scenes'], value: 'recall', limit: 0.97, better: 'more' },
  { part: 'finder', sets: ['plates-scenes'], value: 'falseAPicture', limit: 0.1, better: 'less' },
  { part: 'finder', sets: ['plates-scenes'], value: 'p50Ms', limit: 15, better: 'less' },
  { part: 'reader', sets: ['plates-crops'], value: 'exact', limit: 0.985, better: 'more' },
  { part: 'reader', sets: ['plates-scenes'], value: 'exact', limit: 0.945, better: 'more' },
  { part: 'reader', sets: ['plates-crops', 'plates-scenes'], value: 'p50Ms', limit: 5, better: 'less' },
  { part: 'end to end', sets: ['plates-scenes'], value: 'exact', limit: 0.93, better: 'more' },
  {
    part: 'end to end',
    sets: ['plates-scenes', 'plates-crops'],
    value: 'acceptedButWrong',
    limit: 0.01,
    better: 'less',
  },
  { part: 'faces', sets: ['faces'], value: 'recall', limit: 0.95, better: 'more' },
  { part: 'faces', sets: ['faces'], value: 'falseAPicture', limit: 0.1, better: 'less' },
];

const isShare = (name: string): boolean => !/Ms$|Picture$|Mb$/.test(name);

/** A value as people read it. */
export function shown(name: string, value: number): string {
  if (isShare(name)) return `${(value * 100).toFixed(1)} %`;
  return name.endsWith('Ms') ? `${value.toFixed(1)} ms` : value.toFixed(3);
}

/** The targets that apply to a figure, each met or not. */
export function judged(figure: Figure): { readonly name: string; readonly text: string; readonly met: boolean }[] {
  if (figure.yardstick) return [];
  return targets
    .filter(({ part, sets, value }) => part === figure.part && sets.includes(figure.set) && value in figure.values)
    .map(({ value, limit, better }) => {
      const measured = figure.values[value] ?? 0;
      const met = better === 'more' ? measured >= limit : measured <= limit;
      return { name: value, text: `${better === 'more' ? '≥' : '≤'} ${shown(value, limit)}`, met };
    });
}

/** The whole table, part by part, the shipped model above its yardsticks. */
export function printTable(figures: readonly Figure[], out: (line: string) => void): void {
  let heading = '';
  for (const figure of figures.filter(({ n }) => n > 0).sort(byPart)) {
    if (heading !== `${figure.part} on ${figure.set}`) {
      heading = `${figure.part} on ${figure.set}`;
      out(`\n${heading} (n = ${figure.n})`);
    }
    const goals = new Map(judged(figure).map((goal) => [goal.name, goal]));
    const cells = Object.entries(figure.values).map(([name, value]) => {
      const goal = goals.get(name);
      return `${name} ${shown(name, value)}${goal ? ` [${goal.text} ${goal.met ? 'met' : 'MISSED'}]` : ''}`;
    });
    out(`  ${`${figure.yardstick ? 'yardstick ' : ''}${figure.model}`.padEnd(34)} ${cells.join(', ')}`);
  }
}

function byPart(a: Figure, b: Figure): number {
  const parts = ['finder', 'reader', 'end to end', 'faces', 'memory'];
  return (
    parts.indexOf(a.part) - parts.indexOf(b.part) ||
    a.set.localeCompare(b.set) ||
    Number(a.yardstick) - Number(b.yardstick)
  );
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
