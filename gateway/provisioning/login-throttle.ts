import type { Clock } from '../lib/clock.ts';

interface Tries {
  failed: number;
  /** No try before this moment counts. */
  untilMs: number;
  lastMs: number;
}

/** Tries before the delay begins: people mistype. */
const freeTries = 5;
/** The same for one address over all names. A family behind one router has several accounts. */
const freeTriesPerAddress = 30;
const firstDelayMs = 1000;
const maxDelayMs = 15 * 60_000;
/** A name and address that were quiet for this long start anew. */
const forgetMs = 3_600_000;

/**
 * Slows down guessing: after a few failures of one name from one address, or more of one address over all names, each
 * further try must wait twice as long as the one before, up to 15 minutes. Holds at most `capacity` entries of each kind
 * and forgets the one that was quiet longest. A try counts as failed until `succeeded` is called, so tries made at the
 * same time do not slip through together.
 */
export function createLoginThrottle(clock: Clock, capacity = 10_000) {
  const byPair = new Map<string, Tries>();
  const byAddress = new Map<string, Tries>();

  const look = (tries: Map<string, Tries>, key: string, nowMs: number): number => {
    const known = tries.get(key);
    if (known === undefined) return 0;
    if (nowMs - known.lastMs > forgetMs) {
      tries.delete(key);
      return 0;
    }
    return Math.max(0, known.untilMs - nowMs);
  };
  const count = (tries: Map<string, Tries>, key: string, free: number, nowMs: number): void => {
    const failed = (tries.get(key)?.failed ?? 0) + 1;
    const delayMs = failed < free ? 0 : Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(failed - free, 30));
    // Set anew, so that the map stays in order of the last try.
    tries.delete(key);
    tries.set(key, { failed, untilMs: nowMs + delayMs, lastMs: nowMs });
    if (tries.size <= capacity) return;
    for (const oldest of tries.keys()) {
      tries.delete(oldest);
      break;
    }
  };

  return {
    /** Milliseconds to wait before a try of this name from this address is looked at; 0 = now, and it is counted. */
    attempt(name: string, address: string): number {
      const nowMs = clock.monotonic();
      const network = networkOf(address);
      const pair = `${network} ${name.toLowerCase()}`;
      const waitMs = Math.max(look(byPair, pair, nowMs), look(byAddress, network, nowMs));
      if (waitMs > 0) return Math.ceil(waitMs);
      count(byPair, pair, freeTries, nowMs);
      count(byAddress, network, freeTriesPerAddress, nowMs);
      return 0;
    },
    /** The last try of this name from this address was right. */
    succeeded(name: string, address: string): void {
      const network = networkOf(address);
      byPair.delete(`${network} ${name.toLowerCase()}`);
      const tries = byAddress.get(network);
      // Only this one is forgiven: else one own account would reset the guessing of others.
      if (tries !== undefined) {
        tries.failed -= 1;
        tries.untilMs = 0;
      }
    },
    size: (): number => byPair.size + byAddress.size,
  };
}

/** One subscriber: an IPv4 address, or the /64 of an IPv6 address, which one host owns whole. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:/i, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}
