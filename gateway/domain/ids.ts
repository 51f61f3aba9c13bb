import type { Brand } from '../lib/brand.ts';

export type SiteId = Brand<string, 'SiteId'>;
export type AreaId = Brand<string, 'AreaId'>;
export type GridId = Brand<string, 'GridId'>;
export type CameraId = Brand<string, 'CameraId'>;
/** `<class>/<id>` as in the MQTT user name: `charger/10597059`, `fire/f-0012`. */
export type DeviceKey = Brand<string, 'DeviceKey'>;
export type EventId = Brand<string, 'EventId'>;
export type AlertId = Brand<string, 'AlertId'>;
export type NoticeId = Brand<string, 'NoticeId'>;
/** Stable over every try of one item to one recipient; the receiver's idempotency key. */
export type DeliveryId = Brand<string, 'DeliveryId'>;
export type RecipientId = Brand<string, 'RecipientId'>;
export type ChannelId = Brand<string, 'ChannelId'>;
export type RuleId = Brand<string, 'RuleId'>;
export type EvidenceId = Brand<string, 'EvidenceId'>;

/** Device classes that have a canonical topic (interfaces.md). */
export const deviceClasses = ['charger', 'fire'] as const;
export type DeviceClass = (typeof deviceClasses)[number];

/** Form of an id that stands in topics, file names and URLs. */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export function deviceKey(deviceClass: DeviceClass, id: string): DeviceKey {
  return `${deviceClass}/${id}` as DeviceKey;
}
