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
export function createPages<Item>(pathOf: (before: string | null) => string): Pages<Item> {
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
      const list = await getJson<List<Item>>(pathOf(before));
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
