/** Ids and times of GA/T 1400 (standards.md 1.6). All are derived, so that every try of one item carries the same ones. */
import { createHash } from 'node:crypto';
import { DateTime } from 'luxon';
import type { EpochMs } from '../../lib/clock.ts';
import { rfc3339 } from '../../lib/local-time.ts';

/** 20 digits that the station issues: centre 8, trade 2, type 3, network 1 and serial 6. Never invented here. */
export const deviceIdPattern = /^\d{20}$/;
/** Code of the organisation in ids of subscriptions, orders and notifications. */
export const orgCodePattern = /^\d{12}$/;

/** Subtypes of an object seen in a picture (ImageCntObjectID). */
const objectSubtypes = { person: '01', motorVehicle: '02', nonMotorVehicle: '03', face: '06' } as const;
export type ObjectKind = keyof typeof objectSubtypes;
/** Subtypes of a business object (BusinessObjectID). */
const businessSubtypes = { disposition: '01', alarm: '02', subscribe: '03', notify: '04' } as const;
export type BusinessKind = keyof typeof businessSubtypes;

/** `20260102030405`, local time of the zone; with `milliseconds` three digits more. */
export function viidTime(at: EpochMs, timeZone: string, precision: 'seconds' | 'milliseconds' = 'seconds'): string {
  const digits = rfc3339(at, timeZone).replace(/\D/g, '');
  return digits.slice(0, precision === 'seconds' ? 14 : 17);
}

/** A time of 14 or 17 digits in the zone; null if it names no moment. */
export function parseViidTime(text: string, timeZone: string): EpochMs | null {
  const found = /^(\d{14})(\d{3})?$/.exec(text.trim());
  if (!found?.[1]) return null;
  const time = DateTime.fromFormat(`${found[1]}${found[2] ?? '000'}`, 'yyyyMMddHHmmssSSS', { zone: timeZone });
  return time.isValid ? (time.toMillis() as EpochMs) : null;
}

/**
 * Five digits that tell apart what has the same second in its id: the millisecond, and two digits of a hash of `seed`. The
 * same for every try; two of one source collide only in the same millisecond, and then once in a hundred.
 */
function serial(at: EpochMs, seed: string, index: number): string {
  const hash = (createHash('sha256').update(seed).digest().readUInt32BE(0) + index) % 100;
  return `${String(((at % 1000) + 1000) % 1000).padStart(3, '0')}${String(hash).padStart(2, '0')}`;
}

/** 41 digits: device, `02` picture, time, serial. `index` tells the pictures of one object apart; the whole one is 0. */
export function imageId(device: string, at: EpochMs, timeZone: string, seed: string, index = 0): string {
  return `${device}02${viidTime(at, timeZone)}${serial(at, seed, index)}`;
}

/** 48 digits: the id of its picture, what it is, and which of them in the picture (from 1). */
export function objectId(image: string, kind: ObjectKind, number = 1): string {
  return `${image}${objectSubtypes[kind]}${String(number).padStart(5, '0')}`;
}

/** 33 digits: organisation, what it is, time, serial. */
export function businessId(orgCode: string, kind: BusinessKind, at: EpochMs, timeZone: string, seed: string): string {
  return `${orgCode}${businessSubtypes[kind]}${viidTime(at, timeZone)}${serial(at, seed, 0)}`;
}
