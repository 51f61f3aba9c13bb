/** A way out whose far side or key can be exchanged while it is in use. */
import type { OpenChannel } from '../channels/index.ts';
import type { Channel } from '../domain/delivery.ts';

export interface SwitchableChannel {
  /** The same for as long as the gateway runs: lanes, canaries and listeners hold on to it. */
  readonly channel: Channel;
  /** Everything goes over `next` from now on; what is being sent over the one before may still end there. */
  take(next: OpenChannel): void;
  close(): void;
}

interface InUse {
  readonly open: OpenChannel;
  /** Ends its way back. */
  readonly ending: AbortController;
  sending: number;
}

export function createSwitchableChannel(first: OpenChannel): SwitchableChannel {
  const use = (open: OpenChannel): InUse => ({ open, ending: new AbortController(), sending: 0 });
  let current = use(first);
  let taken: (() => void)[] = [];

  const retire = (used: InUse): void => {
    if (used !== current && used.sending === 0) used.open.close();
  };

  /** Resolves at the next `take`, or when the signal ends it. */
  const nextTake = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      taken.push(done);
    });

  const channel: Channel = {
    id: first.channel.id,
    get kind() {
      return current.open.channel.kind;
    },
    send: async (delivery, signal) => {
      const used = current;
      used.sending += 1;
      try {
        return await used.open.channel.send(delivery, signal);
      } finally {
        used.sending -= 1;
        retire(used);
      }
    },
    listen: async (onFeedback, signal) => {
      while (!signal.aborted) {
        const used = current;
        try {
          await used.open.channel.listen(onFeedback, AbortSignal.any([signal, used.ending.signal]));
        } catch (error) {
          if (used === current) throw error;
        }
        // It has no way back; the next one may have.
        if (used === current) await nextTake(signal);
      }
    },
    fault: () => current.open.channel.fault?.() ?? null,
    wants: (passage) => current.open.channel.wants?.(passage) ?? true,
  };

  return {
    channel,
    take: (next) => {
      const before = current;
      current = use(next);
      before.ending.abort();
      retire(before);
      for (const tell of taken.splice(0)) tell();
    },
    close: () => {
      current.open.close();
      taken = [];
    },
  };
}
