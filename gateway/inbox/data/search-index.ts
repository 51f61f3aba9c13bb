import type { Dialect, SqlValue, Statement } from './desk-data.ts';

/*
 * Any part of any word is to be found: half a plate, two characters of a name. Chinese has no spaces, so neither FTS5 nor
 * tsvector can cut it into words. Texts are cut here, alike for both: each run of letters and digits into overlapping pairs
 * ("浙b12" → 浙b b1 12, and its last character alone), and what is looked for likewise: its pairs must follow each other.
 */

/** At most so many characters of one text are found by: tsvector's positions end at 16 383. */
const maxCharacters = 8000;

/** The dot of a plate (浙B·12345) stands in its middle and parts nothing. */
const runsOf = (text: string): string[][] =>
  (
    text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[·•・]/g, '')
      .slice(0, maxCharacters)
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).map((run) => Array.from(run));

const pairsOf = (run: readonly string[]): string[] =>
  run.slice(1).map((character, index) => `${run[index]}${character}`);

/** The words of a text as they are indexed. */
export function wordsOf(text: string): string[] {
  return runsOf(text).flatMap((run) => [...pairsOf(run), run.at(-1) ?? '']);
}

/** What is written so that `number` is found by `text`; `where` picks its row of `entry`. */
export function indexStatements(
  dialect: Dialect,
  text: string,
  where: { readonly sql: string; readonly params: readonly SqlValue[] },
): Statement[] {
  const words = wordsOf(text);
  if (dialect === 'sqlite') {
    return [
      {
        sql: `DELETE FROM entry_text WHERE rowid IN (SELECT number FROM entry WHERE ${where.sql})`,
        params: where.params,
      },
      {
        sql: `INSERT INTO entry_text (rowid, body) SELECT number, ? FROM entry WHERE ${where.sql}`,
        params: [words.join(' '), ...where.params],
      },
    ];
  }
  // The text form of a tsvector, so that no parser or stemmer of the server touches it.
  const vector = words.map((word, index) => `'${word}':${index + 1}`).join(' ');
  return [
    {
      sql: `INSERT INTO entry_text (number, body) SELECT number, CAST(? AS tsvector) FROM entry WHERE ${where.sql}
            ON CONFLICT (number) DO UPDATE SET body = excluded.body`,
      params: [vector, ...where.params],
    },
  ];
}

/** Takes what a row of `entry` is found by away. */
export const unindexStatement = (
  dialect: Dialect,
  where: { readonly sql: string; readonly params: readonly SqlValue[] },
): Statement => ({
  sql: `DELETE FROM entry_text WHERE ${dialect === 'sqlite' ? 'rowid' : 'number'} IN (SELECT number FROM entry WHERE ${where.sql})`,
  params: where.params,
});

/** The condition on `entry_text` for what people typed; null if there is nothing to look for in it. */
export function matchOf(
  dialect: Dialect,
  typed: string,
): { readonly sql: string; readonly number: string; readonly param: string } | null {
  const runs = runsOf(typed);
  if (runs.length === 0) return null;
  if (dialect === 'sqlite') {
    const param = runs.map((run) => (run.length === 1 ? `"${run[0]}"*` : `"${pairsOf(run).join(' ')}"`)).join(' AND ');
    return { sql: 'entry_text MATCH ?', number: 'rowid', param };
  }
  const param = runs
    .map((run) =>
      run.length === 1
        ? `'${run[0]}':*`
        : pairsOf(run)
            .map((pair) => `'${pair}'`)
            .join(' <-> '),
    )
    .map((part) => `(${part})`)
    .join(' & ');
  return { sql: 'body @@ CAST(? AS tsquery)', number: 'number', param };
}
