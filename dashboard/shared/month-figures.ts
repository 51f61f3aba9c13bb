import { ref, watch, type Ref } from 'vue';
import { errorText } from './errors.ts';
import { getJson } from './request.ts';
import { serverNow } from './time.ts';

/** This month and the twelve before, as `2026-11`, newest first; `timeZone`: the station's or the compound's. */
export function monthsUntilNow(timeZone: string | undefined): readonly string[] {
  const now = new Date(serverNow());
  const format = new Intl.DateTimeFormat('en-CA', {
    ...{ year: 'numeric', month: '2-digit' },
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  const [year = now.getFullYear(), month = now.getMonth() + 1] = format.format(now).split('-').map(Number);
  return Array.from({ length: 13 }, (_, back) =>
    new Date(Date.UTC(year, month - 1 - back, 15)).toISOString().slice(0, 7),
  );
}

/** The figures of the month that is chosen; an answer to a question that was asked before counts no more. */
export function useMonthFigures<Figures>(timeZone: string | undefined): {
  readonly months: readonly string[];
  readonly month: Ref<string>;
  readonly figures: Ref<Figures | null>;
  readonly fault: Ref<string>;
} {
  const months = monthsUntilNow(timeZone);
  const month = ref(months[0] ?? '');
  const figures = ref(null) as Ref<Figures | null>;
  const fault = ref('');
  let question = 0;
  watch(
    month,
    async (asked) => {
      const mine = (question += 1);
      try {
        const found = await getJson<Figures>(`api/figures?month=${asked}`);
        if (mine !== question) return;
        figures.value = found;
        fault.value = '';
      } catch (error) {
        if (mine === question) fault.value = errorText(error);
      }
    },
    { immediate: true },
  );
  return { months, month, figures, fault };
}
