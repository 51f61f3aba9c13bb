import type { EpochMs } from '../lib/clock.ts';
import type { Awaitable, Cursor } from './collaborators.ts';
import { ApiError } from './errors.ts';

/** The `next` of a list: opaque to callers, `<epoch ms>.<id>` inside. */
export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.at}.${cursor.id}`, 'utf8').toString('base64url');
}

/** Throws `request.invalid` for what `encodeCursor` did not make. */
export function decodeCursor(text: string | undefined): Cursor | null {
  if (text === undefined) return null;
  const found = /^(\d{1,16})\.(.{1,128})$/su.exec(Buffer.from(text, 'base64url').toString('utf8'));
  if (!found?.[1] || !found[2]) {
    throw new ApiError(
      400,
      'request.invalid',
      'before: not a `next` of this list; leave it out to start at the newest',
    );
  }
  return { at: Number(found[1]) as EpochMs, id: found[2] };
}

/** Reads one row more than shown, and with it knows whether there is a next page. */
export async function readPage<Row, Item>(options: {
  readonly before: string | undefined;
  readonly limit: number;
  readonly read: (page: { readonly before: Cursor | null; readonly limit: number }) => Awaitable<readonly Row[]>;
  readonly cursorOf: (row: Row) => Cursor;
  readonly represent: (row: Row) => Item;
}): Promise<{ items: Item[]; next: string | null }> {
  const rows = await options.read({ before: decodeCursor(options.before), limit: options.limit + 1 });
  const shown = rows.slice(0, options.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(options.represent),
    next: rows.length > options.limit && last !== undefined ? encodeCursor(options.cursorOf(last)) : null,
  };
}
