import type { Change } from '../domain/change.ts';
import type { DeviceStatus } from '../domain/device.ts';
import type { DeviceEvent } from '../domain/event.ts';
import type { DeviceClass, DeviceKey } from '../domain/ids.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import { parseDeviceKey } from './topic.ts';

/** Something that a device did without saying it. */
export interface Observation {
  readonly device: DeviceKey;
  readonly change: DeviceEvent['change'];
  readonly seconds: number | null;
}

export interface DeviceWatchOptions {
  readonly silentAfter: Readonly<Record<DeviceClass, number>>;
  /** ms */
  readonly clockSkew: number;
}

interface Seen {
  readonly deviceClass: DeviceClass;
  state: 'online' | 'offline' | 'silent';
  heardAt: EpochMs;
  heardMs: number;
  fault: string | null;
  faultAt: EpochMs;
  dirty: boolean;
  skewed: boolean;
  /** A clock that seems slow, waiting for a second message that says the same. */
  suspect: { readonly skewMs: number; readonly atMs: number } | null;
  address: string | null;
  /** When a connection from elsewhere took this credential over from a live one. */
  takenOver: { readonly from: string; readonly atMs: number } | null;
  conflictMs: number;
  refusedMs: number;
}

/** A slow clock shows the same skew again; a buffer being flushed does not. */
const sameSkewMs = 30_000;
const suspectForMs = 5000;
/** Two places in turn within this time is a conflict; longer apart it is a device that was given a new address. */
const conflictWithinMs = 10 * 60_000;
const conflictQuietMs = 3_600_000;
/** A device that is refused again and again is one event a minute; the counter shows every one. */
const refusedQuietMs = 60_000;

/**
 * What is known of every device now: when it was heard, whether its clock agrees, where it connects from. Answers with
 * observations when something changes, and collects `device-heard` rows so that they do not cost one a message. No I/O.
 */
export function createDeviceWatch(clock: Clock, options: DeviceWatchOptions) {
  const devices = new Map<DeviceKey, Seen>();

  const entry = (device: DeviceKey): Seen => {
    const known = devices.get(device);
    if (known !== undefined) return known;
    const fresh: Seen = {
      deviceClass: parseDeviceKey(device)?.deviceClass ?? 'charger',
      state: 'offline',
      heardAt: clock.now(),
      heardMs: clock.monotonic(),
      fault: null,
      faultAt: clock.now(),
      dirty: false,
      skewed: false,
      suspect: null,
      address: null,
      takenOver: null,
      conflictMs: -Infinity,
      refusedMs: -Infinity,
    };
    devices.set(device, fresh);
    return fresh;
  };

  const judgeClock = (seen: Seen, skewMs: number, nowMs: number): boolean => {
    if (Math.abs(skewMs) <= options.clockSkew) {
      seen.skewed = false;
      seen.suspect = null;
      return false;
    }
    if (seen.skewed) return false;
    const ahead = skewMs < 0;
    const confirmed =
      seen.suspect !== null &&
      nowMs - seen.suspect.atMs >= suspectForMs &&
      Math.abs(seen.suspect.skewMs - skewMs) <= sameSkewMs;
    if (ahead || confirmed) {
      seen.skewed = true;
      seen.suspect = null;
      return true;
    }
    if (seen.suspect === null || Math.abs(seen.suspect.skewMs - skewMs) > sameSkewMs) {
      seen.suspect = { skewMs, atMs: nowMs };
    }
    return false;
  };

  return {
    /** Takes over what was known before a restart. Silence counts from now: the gateway was away, not the devices. */
    restore(statuses: readonly DeviceStatus[]): void {
      for (const status of statuses) {
        if (status.state === 'never' || status.lastHeardAt === null) continue;
        const seen = entry(status.key);
        seen.state = status.state;
        seen.heardAt = status.lastHeardAt;
      }
    },

    /** A message came in. `saidOffline`: it was a farewell. Skew in ms, positive = the device's clock is slow. */
    heard(device: DeviceKey, saidOffline: boolean, skewMs: number | null): readonly Observation[] {
      const nowMs = clock.monotonic();
      const seen = entry(device);
      const observations: Observation[] = [];
      const wasSilent = seen.state === 'silent';
      if (wasSilent && !saidOffline) {
        observations.push({ device, change: 'back', seconds: Math.round((nowMs - seen.heardMs) / 1000) });
      }
      if (skewMs !== null && judgeClock(seen, skewMs, nowMs)) {
        observations.push({ device, change: 'clock-skew', seconds: Math.round(skewMs / 1000) });
      }
      // A farewell is sent by the broker: it does not show that the device lives.
      if (!saidOffline) {
        seen.heardMs = nowMs;
        seen.heardAt = clock.now();
      }
      if (!(saidOffline && wasSilent)) seen.state = saidOffline ? 'offline' : 'online';
      seen.dirty = true;
      return observations;
    },

    /** Keeps the last fault of a device for `devices last-fault`; `refused` also makes an event, at most one a minute. */
    fault(device: DeviceKey, reason: string, refused: boolean): readonly Observation[] {
      const seen = entry(device);
      seen.fault = reason;
      seen.faultAt = clock.now();
      seen.dirty = true;
      const nowMs = clock.monotonic();
      if (!refused || nowMs - seen.refusedMs < refusedQuietMs) return [];
      seen.refusedMs = nowMs;
      return [{ device, change: 'refused', seconds: null }];
    },

    /** A device logged in. `livePeer`: address of a connection with the same credential that is still open. */
    connected(device: DeviceKey, address: string, livePeer: string | null): readonly Observation[] {
      const nowMs = clock.monotonic();
      const seen = entry(device);
      seen.address = address;
      if (livePeer === null || livePeer === address) return [];
      const inTurn = seen.takenOver;
      seen.takenOver = { from: livePeer, atMs: nowMs };
      // A to B alone is a device that was given a new address; A to B and back to A is two devices.
      if (inTurn === null || inTurn.from !== address || nowMs - inTurn.atMs > conflictWithinMs) return [];
      if (nowMs - seen.conflictMs < conflictQuietMs) return [];
      seen.conflictMs = nowMs;
      seen.faultAt = clock.now();
      seen.fault = `the same credential is used from ${livePeer} and ${address}`;
      seen.dirty = true;
      return [{ device, change: 'credential-conflict', seconds: null }];
    },

    /** Devices that have now been quiet for too long. */
    tick(): readonly Observation[] {
      const nowMs = clock.monotonic();
      const silent: Observation[] = [];
      for (const [device, seen] of devices) {
        if (seen.state === 'silent' || nowMs - seen.heardMs < options.silentAfter[seen.deviceClass]) continue;
        seen.state = 'silent';
        seen.dirty = true;
        silent.push({ device, change: 'silent', seconds: Math.round((nowMs - seen.heardMs) / 1000) });
      }
      return silent;
    },

    /** The event that said so could not be stored: the next tick says it again. */
    silenceUntold(device: DeviceKey): void {
      const seen = devices.get(device);
      if (seen?.state === 'silent') seen.state = 'offline';
    },

    forget(device: DeviceKey): void {
      devices.delete(device);
    },

    /** Rows for what changed since the last call, one a device. */
    collect(): Change[] {
      const changes: Change[] = [];
      for (const [device, seen] of devices) {
        if (!seen.dirty) continue;
        seen.dirty = false;
        // A fault of a device that is not there, such as a wrong password, is no word of the device: it has its own time.
        const at = seen.fault !== null && seen.state !== 'online' ? seen.faultAt : seen.heardAt;
        changes.push({ kind: 'device-heard', device, at, state: seen.state, fault: seen.fault });
        seen.fault = null;
      }
      return changes;
    },

    /** Puts back what could not be written, so that the next collection holds it again. */
    restoreDirty(changes: readonly Change[]): void {
      for (const change of changes) {
        if (change.kind !== 'device-heard') continue;
        const seen = devices.get(change.device);
        if (seen === undefined) continue;
        seen.dirty = true;
        seen.fault ??= change.fault;
      }
    },

    state: (device: DeviceKey): Seen['state'] | null => devices.get(device)?.state ?? null,
    keys: (): DeviceKey[] => [...devices.keys()],
    size: (): number => devices.size,
  };
}

export type DeviceWatch = ReturnType<typeof createDeviceWatch>;
