import type { EpochMs } from '../lib/clock.ts';
import type { AreaId, DeviceClass, DeviceKey } from './ids.ts';

/** A device as provisioned. The password itself is shown once and never kept. */
export interface Device {
  readonly key: DeviceKey;
  readonly deviceClass: DeviceClass;
  readonly id: string;
  readonly area: AreaId | null;
  /** SHA-256 of the issued password, hex. Issued passwords are 192 random bits, so no slow hash is needed. */
  readonly passwordSha256: string;
  readonly createdAt: EpochMs;
}

/** What is known of a device now. */
export interface DeviceStatus {
  readonly key: DeviceKey;
  readonly state: 'never' | 'online' | 'offline' | 'silent';
  readonly lastHeardAt: EpochMs | null;
  readonly lastFault: string | null;
  readonly lastFaultAt: EpochMs | null;
}
