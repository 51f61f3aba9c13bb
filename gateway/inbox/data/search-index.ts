import { createHash } from 'node:crypto';
import type { Dialect, SqlValue, Statement } from './desk-data.ts';

/*
 * Any part of any word is to be found: half a plate, two characters of a name. Chinese has no spaces, so neither FTS5 nor
 * tsvector can cut it into words. Texts are cut here, alike for both: each run of letters and digits into overlapping pairs
 * ("浙b12" → 浙b b1 12, and its last character alone), and what is looked for likewise: its pairs must follow each other.
 */

/** What kind of entry it is and whose, as words among the others: no word of a text has more than two characters. */
export const kindMark = (kind: string): string => `kind${kind}`;
export const gatewayMark = (gateway: string): string =>
  `at${createHash('sha256').update(gateway).digest('hex').slice(0, 16)}`;

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

/** What is written so that `number` is found by `text` and by its marks; `where` picks its row of `entry`. */
export function indexStatements(
  dialect: Dialect,
  { text, marks }: { readonly text: string; readonly marks: readonly string[] },
  where: { readonly sql: string; readonly params: readonly SqlValue[] },
): Statement[] {
  const words = [...marks, ...wordsOf(text)];
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

/**
 * The condition on `entry_text` for what people typed and, of each list of marks, at least one. Null if nothing is asked
 * for; `nothing` if what was typed has no letter or digit, so that nothing can be found by it.
 */
export function matchOf(
  dialect: Dialect,
  typed: string,
  marks: readonly (readonly string[])[] = [],
): { readonly sql: string; readonly number: string; readonly param: string } | 'nothing' | null {
  const runs = runsOf(typed);
  if (typed !== '' && runs.length === 0) return 'nothing';
  const sqlite = dialect === 'sqlite';
  const word = (text: string): string => (sqlite ? `"${text}"` : `'${text}'`);
  const parts = [
    ...runs.map((run) => {
      if (run.length === 1) return sqlite ? `"${run[0]}"*` : `'${run[0]}':*`;
      return sqlite ? `"${pairsOf(run).join(' ')}"` : pairsOf(run).map(word).join(' <-> ');
    }),
    ...marks.map((either) => either.map(word).join(sqlite ? ' OR ' : ' | ')),
  ].map((part) => `(${part})`);
  if (parts.length === 0) return null;
  return sqlite
    ? { sql: 'entry_text MATCH ?', number: 'rowid', param: parts.join(' AND ') }
    : { sql: 'body @@ CAST(? AS tsquery)', number: 'number', param: parts.join(' & ') };
}
