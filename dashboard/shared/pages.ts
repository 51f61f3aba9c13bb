import { ref, type Ref } from 'vue';
import { errorText } from './errors.ts';
import { getJson } from './request.ts';
import type { List } from './types.ts';

export interface Pages<Item> {
  readonly items: Ref<Item[]>;
  readonly next: Ref<string | null>;
  readonly busy: Ref<boolean>;
  readonly loaded: Ref<boolean>;
  readonly fault: Ref<string>;
  /** Reads the newest page anew; what a later page has shown is let go. */
  refresh(): Promise<void>;
  more(): Promise<void>;
}

/** A list by page. `pathOf` names the page after the given `next`, or the newest for null. */
export const createPages = <Item>(pathOf: (before: string | null) => string): Pages<Item> =>
  createPagesBy((before) => getJson<List<Item>>(pathOf(before)));

/** The same with a reading of one's own. */
export function createPagesBy<Item>(readPage: (before: string | null) => Promise<List<Item>>): Pages<Item> {
  const items = ref([]) as Ref<Item[]>;
  const next = ref<string | null>(null);
  const busy = ref(false);
  const loaded = ref(false);
  const fault = ref('');
  // The filter may change while a page is on its way: only the answer to the last question counts.
  let question = 0;

  const read = async (before: string | null, keep: boolean): Promise<void> => {
    const mine = (question += 1);
    busy.value = true;
    try {
      const list = await readPage(before);
      if (mine !== question) return;
      items.value = keep ? [...items.value, ...list.items] : list.items;
      next.value = list.next;
      fault.value = '';
      loaded.value = true;
    } catch (error) {
      if (mine === question) fault.value = errorText(error);
    } finally {
      if (mine === question) busy.value = false;
    }
  };
  return {
    items,
    next,
    busy,
    loaded,
    fault,
    refresh: () => read(null, false),
    more: async () => {
      if (next.value !== null) await read(next.value, true);
    },
  };
}

/**
 * Everything of a list, page by page. `path` has a query already. Ten pages of 200: whoever has more open alerts or
 * charging bikes than that has other worries than this list.
 */
export async function everyPage<Item>(path: string): Promise<Item[]> {
  const found: Item[] = [];
  let next: string | null = '';
  for (let page = 0; page < 10 && next !== null; page += 1) {
    const before: string = next === '' ? '' : `&before=${encodeURIComponent(next)}`;
    const list: List<Item> = await getJson(`${path}&limit=200${before}`);
    found.push(...list.items);
    next = list.next;
  }
  return found;
}
