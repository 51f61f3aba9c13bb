import type { Clock } from '../lib/clock.ts';

/** Five wrong tries at one name are a tired officer, not a machine; a whole station may stand behind one address. */
const freeTries = { name: 5, address: 30 } as const;
const firstWaitMs = 30_000;
const maxWaitMs = 15 * 60_000;
const forgetAfterMs = 60 * 60_000;
/** Bound on what an attacker can make us remember; the longest unused go first. */
const maxEntries = 10_000;

interface Tries {
  wrong: number;
  lastMs: number;
  blockedUntilMs: number;
}

export interface LoginThrottle {
  /** Milliseconds to wait before this name or address may try again; 0 = now. */
  waitMs(name: string, address: string): number;
  wrong(name: string, address: string): void;
  /** Takes back the `wrong` that was counted for this try. */
  right(name: string, address: string): void;
}

/**
 * Slows guessing down: after the free tries each further one doubles the wait. Counted by name *and* by address, so that
 * neither many names from one place nor one name from many places gets through; waits are capped, so that nobody can
 * lock an officer out for long.
 */
export function createLoginThrottle(clock: Clock): LoginThrottle {
  const seen = new Map<string, Tries>();
  const keysOf = (name: string, address: string) =>
    [
      { key: `name ${name}`, free: freeTries.name },
      { key: `address ${address}`, free: freeTries.address },
    ] as const;
  const current = (key: string): Tries | null => {
    const tries = seen.get(key);
    if (!tries) return null;
    if (clock.monotonic() - tries.lastMs <= forgetAfterMs) return tries;
    seen.delete(key);
    return null;
  };
  return {
    waitMs: (name, address) =>
      Math.max(0, ...keysOf(name, address).map(({ key }) => (current(key)?.blockedUntilMs ?? 0) - clock.monotonic())),
    wrong: (name, address) => {
      for (const { key, free } of keysOf(name, address)) {
        const tries = current(key) ?? { wrong: 0, lastMs: 0, blockedUntilMs: 0 };
        tries.wrong += 1;
        tries.lastMs = clock.monotonic();
        const over = tries.wrong - free;
        const waitMs = over < 0 ? 0 : Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(over, 20));
        tries.blockedUntilMs = tries.lastMs + waitMs;
        seen.delete(key);
        seen.set(key, tries);
      }
      while (seen.size > maxEntries) {
        const oldest = seen.keys().next().value;
        if (oldest === undefined) break;
        seen.delete(oldest);
      }
    },
    right: (name, address) => {
      seen.delete(`name ${name}`);
      // One right password says nothing of the others that are tried from there: only this try is taken back.
      const tries = current(`address ${address}`);
      if (!tries) return;
      tries.wrong -= 1;
      if (tries.wrong < freeTries.address) tries.blockedUntilMs = 0;
    },
  };
}
