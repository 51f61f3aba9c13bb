import type { Clock } from '../lib/clock.ts';
import type { DeviceMessage } from './parse-message.ts';

/** interfaces.md: with neither id nor ts, the same hash within 60 s is a repeat. */
const windowMs = 60_000;
/** Messages without id and ts that are remembered at once; 2 000 sensors at one a minute fit twice. */
const capacity = 4096;

/**
 * Gives every message the key under which the line knows a repeat. A message with an id or a ts keeps its own. One with
 * neither gets a fresh key, unless the same was heard within 60 s or it carries a DUP flag and was heard before: then it
 * gets the key of that one. A DUP flag alone is not enough: the first copy may have died with the process that was to
 * store it, and a lost alarm is worse than a repeated one.
 */
export function createRepeatWindow(clock: Clock, capacityOverride = capacity): (message: DeviceMessage) => string {
  const heard = new Map<string, { key: string; lastMs: number }>();
  return (message) => {
    if (!message.weak) return message.messageKey;
    const nowMs = clock.monotonic();
    const known = heard.get(message.messageKey);
    if (known !== undefined && (message.duplicate || nowMs - known.lastMs < windowMs)) return known.key;
    // The wall clock makes the key unique over restarts.
    const fresh = { key: `${message.messageKey}@${clock.now()}`, lastMs: nowMs };
    heard.delete(message.messageKey);
    heard.set(message.messageKey, fresh);
    if (heard.size > capacityOverride) {
      for (const oldest of heard.keys()) {
        heard.delete(oldest);
        break;
      }
    }
    return fresh.key;
  };
}
