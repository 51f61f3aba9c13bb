import { ref, watch, type Ref } from 'vue';
import { errorText } from './errors.ts';
import { getJson, postJson, RequestError } from './request.ts';
import type { Answer } from './types.ts';

export interface OneAlert<Detail> {
  readonly alert: Ref<Detail | null>;
  readonly fault: Ref<string>;
  read(): Promise<void>;
  /** Sends one answer and shows what became of it; throws RequestError if it was refused, after reading what is so now. */
  submit(answer: Answer): Promise<void>;
}

/** One alert, read anew whenever something is heard of it. */
export function useAlert<Detail>(options: {
  readonly id: () => string;
  /** Rises with each change; an empty id: anything may have changed. */
  readonly news: () => { readonly id: string; readonly number: number };
  readonly seen?: (detail: Detail) => Detail;
}): OneAlert<Detail> {
  const { id, news, seen = (detail) => detail } = options;
  const alert = ref(null) as Ref<Detail | null>;
  const fault = ref('');
  const path = (): string => `api/alerts/${encodeURIComponent(id())}`;
  // Only the answer to the last question counts.
  let question = 0;

  async function read(): Promise<void> {
    const mine = (question += 1);
    try {
      const found = await getJson<Detail>(path());
      if (mine !== question) return;
      alert.value = seen(found);
      fault.value = '';
    } catch (error) {
      if (mine === question) fault.value = errorText(error);
    }
  }
  watch(
    id,
    () => {
      alert.value = null;
      void read();
    },
    { immediate: true },
  );
  watch(news, (now) => {
    if (now.id === '' || now.id === id()) void read();
  });

  return {
    alert,
    fault,
    read,
    submit: async (answer) => {
      const mine = (question += 1);
      try {
        const after = await postJson<Detail>(`${path()}/feedback`, answer);
        if (mine === question) alert.value = seen(after);
      } catch (error) {
        // Refused because somebody was quicker: what he did is shown with the refusal.
        if (error instanceof RequestError && error.status === 409) await read();
        throw error;
      }
    },
  };
}
