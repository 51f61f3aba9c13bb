import Table from 'cli-table3';

/** Rows as a plain table for people: the keys of the first row are the heads. Empty text for no rows. */
export function formatTable(rows: readonly object[], heads?: Readonly<Record<string, string>>): string {
  const first = rows[0];
  if (!first) return '';
  const columns = Object.keys(heads ?? first);
  const table = new Table({
    head: columns.map((column) => heads?.[column] ?? column),
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(columns.map((column) => cell((row as Readonly<Record<string, unknown>>)[column])));
  return `${table.toString()}\n`;
}

/** Texts, numbers and yes/no as they are; nothing as a dash; anything deeper as JSON. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** One JSON document a line. */
export function formatJsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
