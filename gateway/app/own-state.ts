import { statfsSync } from 'node:fs';
import type { DeviceStatus } from '../domain/device.ts';
import type { Recipient } from '../domain/delivery.ts';
import type { GatewayState } from '../domain/notice.ts';

/** How this gateway is, as its canaries tell the station. Read when a canary is sent, once a minute. */
export function createOwnState(given: {
  readonly version: string;
  readonly dataDir: string;
  readonly recipients: readonly Recipient[];
  readonly healthy: () => boolean;
  readonly cameras: () => readonly { readonly name: string; readonly state: string; readonly blind: unknown }[];
  readonly devices: () => readonly Pick<DeviceStatus, 'state'>[];
}): () => GatewayState {
  const { version, dataDir, recipients, healthy, cameras, devices } = given;
  const disk = (): GatewayState['disk'] => {
    try {
      const { bavail, blocks, bsize } = statfsSync(dataDir);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch {
      // A disk that cannot even be asked: `healthy` tells of it.
      return null;
    }
  };
  return () => {
    const seen = cameras();
    const known = devices();
    return {
      version,
      healthy: healthy(),
      disk: disk(),
      cameras: {
        total: seen.length,
        // One without pictures sees as little as one whose pictures show nothing.
        blind: seen
          .filter(({ state, blind }) => blind !== null || state === 'silent' || state === 'failed')
          .map(({ name }) => name),
      },
      devices: { total: known.length, silent: known.filter(({ state }) => state === 'silent').length },
      recipients: recipients.map(({ id, name, role }) => ({ id, name, role })),
    };
  };
}
