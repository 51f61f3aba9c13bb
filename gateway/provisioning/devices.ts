import { createHash } from 'node:crypto';
import type { Change, Commit } from '../domain/change.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import { deviceClasses, deviceKey, idPattern, type AreaId, type DeviceKey, type SiteId } from '../domain/ids.ts';
import type { Clock, EpochMs } from '../lib/clock.ts';
import { GatewayError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';

export interface DeviceReads {
  device(key: DeviceKey): Device | undefined;
  devices(): readonly Device[];
  deviceStatuses(): readonly DeviceStatus[];
}

/** Shown once, when a device is added or its password rotated (interfaces.md). */
export interface IssuedCredential {
  readonly username: DeviceKey;
  readonly password: string;
  /** `community/<site>/<class>/<id>`, without a slash at its end. */
  readonly topicPrefix: string;
}

/** A device and what is known of it now; without its password's hash. */
export interface DeviceListing {
  readonly key: DeviceKey;
  readonly area: AreaId | null;
  readonly createdAt: EpochMs;
  readonly state: DeviceStatus['state'];
  readonly lastHeardAt: EpochMs | null;
  readonly lastFault: string | null;
  readonly lastFaultAt: EpochMs | null;
}

export interface Devices {
  /** Lets a device in. Throws `device.invalid` for a name that is none, `device.exists` if it is in already. */
  add(name: string, area: AreaId | null, by: string): Promise<IssuedCredential>;
  /** The same for several, in their order: either all of them are let in or none. */
  addAll(names: readonly string[], area: AreaId | null, by: string): Promise<IssuedCredential[]>;
  /** Every device with its status, by name. */
  list(): DeviceListing[];
  /** Puts a device out; a running gateway ends its connection within two seconds. Throws `device.unknown`. */
  remove(name: string, by: string): Promise<void>;
  /** Issues a new password; the old one is void at once. Throws `device.unknown`. */
  rotate(name: string, by: string): Promise<IssuedCredential>;
  /** What the device last did wrong, or null. Throws `device.unknown`. */
  lastFault(name: string): { readonly fault: string; readonly at: EpochMs | null } | null;
}

/** 192 random bits: too many to guess, so the SHA-256 of the password is kept, without a slow hash. */
const passwordBytes = 24;

export function createDevices(parts: {
  readonly site: SiteId;
  readonly reads: DeviceReads;
  readonly commit: Commit;
  readonly clock: Clock;
  readonly random: Random;
}): Devices {
  const { site, reads, commit, clock, random } = parts;

  type Unlocked = Omit<Device, 'passwordSha256'>;
  const issue = async (devices: readonly Unlocked[], action: string, by: string): Promise<IssuedCredential[]> => {
    const issued = devices.map((device) => ({
      device,
      password: Buffer.from(random.bytes(passwordBytes)).toString('base64url'),
    }));
    await commit(
      issued.flatMap(({ device, password }): Change[] => [
        {
          kind: 'device-saved',
          device: { ...device, passwordSha256: createHash('sha256').update(password).digest('hex') },
        },
        { kind: 'audited', at: clock.now(), by, action, subject: device.key },
      ]),
    );
    return issued.map(({ device: { key }, password }) => ({
      username: key,
      password,
      topicPrefix: `community/${site}/${key}`,
    }));
  };
  const issueOne = async (device: Unlocked, action: string, by: string): Promise<IssuedCredential> => {
    const [credential] = await issue([device], action, by);
    if (!credential) throw new Error('one device has one credential');
    return credential;
  };
  const fresh = (name: string, area: AreaId | null): Unlocked => {
    const named = parseName(name);
    if (reads.device(named.key) !== undefined) {
      throw new GatewayError('device.exists', `the device ${name} is there already; rotate its password instead`, {
        facts: { name },
      });
    }
    return { ...named, area, createdAt: clock.now() };
  };
  const known = (name: string): Device => {
    const device = reads.device(parseName(name).key);
    if (device === undefined)
      throw new GatewayError('device.unknown', `there is no device ${name}`, { facts: { name } });
    return device;
  };

  return {
    add: async (name, area, by) => await issueOne(fresh(name, area), 'device.add', by),
    addAll: async (names, area, by) => {
      const twice = names.find((name, index) => names.indexOf(name) !== index);
      if (twice !== undefined)
        throw new GatewayError('device.invalid', `the device ${twice} is named twice`, { facts: { name: twice } });
      return await issue(
        names.map((name) => fresh(name, area)),
        'device.add',
        by,
      );
    },
    list: () => {
      const statuses = new Map(reads.deviceStatuses().map((status) => [status.key, status]));
      return [...reads.devices()]
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map((device) => {
          const status = statuses.get(device.key);
          return {
            key: device.key,
            area: device.area,
            createdAt: device.createdAt,
            state: status?.state ?? 'never',
            lastHeardAt: status?.lastHeardAt ?? null,
            lastFault: status?.lastFault ?? null,
            lastFaultAt: status?.lastFaultAt ?? null,
          };
        });
    },
    remove: async (name, by) => {
      const { key } = known(name);
      const changes: Change[] = [
        { kind: 'device-removed', device: key },
        { kind: 'audited', at: clock.now(), by, action: 'device.remove', subject: key },
      ];
      await commit(changes);
    },
    rotate: async (name, by) => await issueOne(known(name), 'device.rotate', by),
    lastFault: (name) => {
      const { key } = known(name);
      const status = reads.deviceStatuses().find((one) => one.key === key);
      return status === undefined || status.lastFault === null
        ? null
        : { fault: status.lastFault, at: status.lastFaultAt };
    },
  };
}

function parseName(name: string): Pick<Device, 'key' | 'deviceClass' | 'id'> {
  const [className, id, ...more] = name.split('/');
  const deviceClass = deviceClasses.find((known) => known === className);
  if (deviceClass === undefined || id === undefined || !idPattern.test(id) || more.length > 0) {
    throw new GatewayError(
      'device.invalid',
      `"${name}" is no device: write <class>/<id>, such as charger/10597059 or fire/f-0012; class is one of ${deviceClasses.join(', ')}`,
      { facts: { name } },
    );
  }
  return { key: deviceKey(deviceClass, id), deviceClass, id };
}
