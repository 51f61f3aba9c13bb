import { reactive, watch } from 'vue';
import { followLive, type LiveState } from './live.ts';
import { session } from './session.ts';
import { createSnapshots } from './snapshots.ts';
import { serverNow } from './time.ts';

/** How what is shown stands to the server. */
export interface Following {
  live: LiveState;
  /** When it was last known to be true; null before the first time. */
  trueAt: number | null;
}

export const following = reactive<Following>({ live: 'connecting', trueAt: null });

/**
 * Follows the server while somebody is signed in: reads everything, then event by event; anew after each gap. Call it once.
 * `forget` is called at every sign-in and sign-out; `poll` every `everyMs`, for what is not pushed.
 */
export function followServer(options: {
  readonly read: () => Promise<() => void>;
  readonly apply: (name: string, value: unknown) => void;
  readonly forget: () => void;
  readonly poll: () => void;
  readonly everyMs: number;
}): void {
  const snapshots = createSnapshots(options.read, options.apply);
  let stop: (() => void) | null = null;
  let polling: ReturnType<typeof setInterval> | null = null;
  watch(
    () => session.state,
    (state) => {
      stop?.();
      stop = null;
      if (polling !== null) clearInterval(polling);
      polling = null;
      options.forget();
      if (state !== 'in') return;
      stop = followLive(
        (name, value) => {
          following.trueAt = serverNow();
          if (name === 'hello' || name === 'gap') snapshots.readAnew();
          else snapshots.event(name, value);
        },
        (live) => {
          if (following.live === 'live' && live === 'broken') following.trueAt = serverNow();
          following.live = live;
        },
      );
      polling = setInterval(options.poll, options.everyMs);
    },
    { immediate: true },
  );
}
