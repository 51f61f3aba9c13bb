import { ref, type Ref } from 'vue';
import { errorText } from './errors.ts';

export interface Attempts {
  /** What went wrong last, for people; empty while nothing has. */
  readonly fault: Ref<string>;
  readonly busy: Ref<boolean>;
  /** Does something that may be refused; answers whether it went well. */
  attempt(work: () => Promise<unknown>): Promise<boolean>;
}

/** For forms and buttons: what goes wrong is said beside them, and nothing is pressed twice. */
export function useAttempts(): Attempts {
  const fault = ref('');
  const busy = ref(false);
  return {
    fault,
    busy,
    attempt: async (work) => {
      fault.value = '';
      busy.value = true;
      try {
        await work();
        return true;
      } catch (error) {
        fault.value = errorText(error);
        return false;
      } finally {
        busy.value = false;
      }
    },
  };
}
