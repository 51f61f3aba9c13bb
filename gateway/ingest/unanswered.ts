import type { Clock } from '../lib/clock.ts';
import type { DeviceConnection } from './device-broker.ts';

/**
 * Devices with readings that the store could not take. They get no acknowledgement and keep their connection, since an alarm
 * of theirs must come through while a full disk refuses readings; thrown off, 2 000 of them would come back every few
 * seconds to be refused again. MQTT devices send again what is unanswered when they reconnect (MQTT 3.1.1 section 4.4), so
 * somebody has to end their connection once there is room: one is tried every ten seconds, and when its reading (or
 * anybody's) is stored, the others follow.
 */
export interface Unanswered {
  refused(connection: DeviceConnection): void;
  /** A reading was stored. */
  stored(): void;
  /** The connections to end now; to be asked every second. */
  due(): readonly DeviceConnection[];
}

const tryEveryMs = 10_000;
/** Connections ended in a second: each comes back at once with what it has kept, over TLS perhaps. */
const perSecond = 50;

export function createUnanswered(clock: Clock): Unanswered {
  const waiting = new Map<string, DeviceConnection>();
  let room = false;
  let triedMs = clock.monotonic();
  return {
    refused: (connection) => {
      room = false;
      waiting.set(connection.device, connection);
    },
    stored: () => {
      room = true;
    },
    due: () => {
      if (waiting.size === 0) return [];
      const nowMs = clock.monotonic();
      if (!room && nowMs - triedMs < tryEveryMs) return [];
      triedMs = nowMs;
      const due = [...waiting.values()].slice(0, room ? perSecond : 1);
      for (const { device } of due) waiting.delete(device);
      return due;
    },
  };
}
