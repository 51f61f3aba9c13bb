/**
 * Joins readings of everything with events that come meanwhile: while a reading is under way events wait, then the
 * reading is put in place and the events follow, so that neither an old reading hides a new event nor the other way
 * round. A reading that fails is tried again. `read` answers the function that puts what it read in place.
 */
export function createSnapshots(
  read: () => Promise<() => void>,
  apply: (name: string, value: unknown) => void,
  options: { readonly retryMs?: number } = {},
) {
  let reading = false;
  let again = false;
  let waiting: { readonly name: string; readonly value: unknown }[] = [];

  const run = async (): Promise<void> => {
    reading = true;
    do {
      again = false;
      try {
        const put = await read();
        put();
      } catch {
        again = true;
        await new Promise((resolve) => setTimeout(resolve, options.retryMs ?? 2000));
      }
    } while (again);
    reading = false;
    const missed = waiting;
    waiting = [];
    for (const { name, value } of missed) apply(name, value);
  };

  return {
    /** Reads everything anew; asked for during a reading, once more after it. */
    readAnew: (): void => {
      if (reading) again = true;
      else void run();
    },
    event: (name: string, value: unknown): void => {
      if (reading) waiting.push({ name, value });
      else apply(name, value);
    },
  };
}
