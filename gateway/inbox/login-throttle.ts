import type { Clock } from '../lib/clock.ts';

/**
 * Wrong tries that are free. A known browser (one that this person has signed in with) has a count of its own, which nobody
 * else can use up: so a named officer is not kept out by somebody who tries his name from elsewhere. Unknown browsers are
 * counted by name and address together, by address (a whole station may stand behind one), and by name over all of them, so
 * that many addresses do not get through either (OWASP "device cookies").
 */
const freeTries = { device: 10, pair: 5, address: 30, name: 30 } as const;
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

export interface LoginTry {
  readonly name: string;
  readonly address: string;
  /** The browser's id, where it has signed this name in before; null for a browser that is not known. */
  readonly device: string | null;
}

export interface LoginThrottle {
  /** Milliseconds to wait before this may be tried again; 0 = now. */
  waitMs(attempt: LoginTry): number;
  wrong(attempt: LoginTry): void;
  /** Takes back the `wrong` that was counted for this try, and what was counted for this person there before. */
  right(attempt: LoginTry): void;
  /** Takes back the `wrong` that was counted for this try, and no more: it was neither right nor wrong. */
  undo(attempt: LoginTry): void;
}

/** Slows guessing down: after the free tries each further one doubles the wait, up to a cap. */
export function createLoginThrottle(clock: Clock): LoginThrottle {
  const seen = new Map<string, Tries>();
  const keysOf = ({ name, address, device }: LoginTry): readonly { readonly key: string; readonly free: number }[] =>
    device !== null
      ? [{ key: `device ${device} ${name}`, free: freeTries.device }]
      : [
          { key: `pair ${address} ${name}`, free: freeTries.pair },
          { key: `address ${address}`, free: freeTries.address },
          { key: `name ${name}`, free: freeTries.name },
        ];
  const current = (key: string): Tries | null => {
    const tries = seen.get(key);
    if (!tries) return null;
    if (clock.monotonic() - tries.lastMs <= forgetAfterMs) return tries;
    seen.delete(key);
    return null;
  };
  const takeBack = (attempt: LoginTry, all: boolean): void => {
    for (const { key, free } of keysOf(attempt)) {
      const tries = current(key);
      if (!tries) continue;
      if (all && /^(pair|device) /.test(key)) seen.delete(key);
      else {
        tries.wrong -= 1;
        if (tries.wrong < free) tries.blockedUntilMs = 0;
      }
    }
  };
  return {
    waitMs: (attempt) =>
      Math.max(0, ...keysOf(attempt).map(({ key }) => (current(key)?.blockedUntilMs ?? 0) - clock.monotonic())),
    wrong: (attempt) => {
      for (const { key, free } of keysOf(attempt)) {
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
    // One right password says nothing of the other names tried from there: of those keys only this try is taken back.
    right: (attempt) => takeBack(attempt, true),
    undo: (attempt) => takeBack(attempt, false),
  };
}
