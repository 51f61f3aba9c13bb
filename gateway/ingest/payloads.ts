import { z } from 'zod';
import { chargingStates, fireAlarmKinds, pileAlarmKinds } from '../domain/event.ts';
import { rfc3339Pattern } from './timestamp.ts';

/**
 * What devices say, one schema a message (interfaces.md "MQTT, device side", standards.md 4.4). Fields that are not
 * named here are allowed and ignored: devices add their own. Bounds are wide: they catch a broken device, not a hot one.
 */
// z.object drops fields it does not name, which is cheaper than carrying them along.
const reading = (min: number, max: number, what: string) => z.number().min(min).max(max).nullish().describe(what);

const envelope = {
  v: z.literal(1).optional().describe('Version of this form; 1, also when absent'),
  ts: z
    .string()
    .regex(rfc3339Pattern, { error: 'a time as in RFC 3339, with offset: 2026-01-02T03:04:05+08:00' })
    .nullish()
    .meta({ format: 'date-time', description: 'Capture time, RFC 3339 with offset; absent = time of receipt' }),
  id: z.string().min(1).max(64).nullish().describe('Unique per device: how a repeat is known. Kept 7 days'),
};
const pile = z.string().describe('The id in the topic');
const device = z.string().describe('The id in the topic');
const port = z.int().min(1).max(999).nullish().describe('The port in the topic, from 1');

const online = z.enum(['online', 'offline']).describe('offline is the last will');

export const pileStatus = z.object({
  ...envelope,
  pile: pile.optional(),
  device: device.optional().describe('The id in the topic; a pile may call it pile'),
  state: online,
});

export const pileTelemetry = z.object({
  ...envelope,
  pile,
  port,
  state: z.enum(chargingStates).nullish(),
  power_w: reading(0, 100_000, 'W'),
  voltage_v: reading(0, 10_000, 'V'),
  current_a: reading(0, 10_000, 'A'),
  energy_kwh: reading(0, 1_000_000, 'kWh in this session'),
  duration_s: reading(0, 31_536_000, 's since the session began'),
  ambient_c: reading(-100, 2000, '°C in the housing'),
  port_c: reading(-100, 2000, '°C at the port'),
  order: z.string().max(128).nullish().describe('The order number of the pile'),
  rssi: reading(-200, 200, 'As the modem says it'),
});

/** Our own definition: standards.md 4.4 names the topic and leaves the payload open. */
export const pileSession = z.object({
  ...envelope,
  pile,
  port,
  event: z.enum(['start', 'end']).describe('start at plug-in, end at plug-out or stop'),
  order: z.string().max(128).nullish().describe('The order number of the pile, the same at start and end'),
  energy_kwh: reading(0, 1_000_000, 'At the end: kWh in all'),
  duration_s: reading(0, 31_536_000, 'At the end: s in all'),
  max_w: reading(0, 100_000, 'At the end: peak power, W'),
  stop_reason: z
    .string()
    .max(128)
    .nullish()
    .describe('At the end: full, user, timeout, over_power, … in the words of the pile'),
});

export const pileAlarm = z.object({
  ...envelope,
  pile,
  kind: z.enum(pileAlarmKinds),
  port: port.describe('Port concerned, from 1; null for the whole pile'),
  active: z.boolean().describe('false: the alarm is over'),
  source: z.string().max(128).nullish().describe('Where it comes from, such as dny:42'),
});

export const fireStatus = z.object({ ...envelope, device, state: online });

export const fireTelemetry = z.object({
  ...envelope,
  device,
  smoke_dbm: reading(0, 1000, 'dB/m, obscuration'),
  temperature_c: reading(-100, 2000, '°C'),
  co_ppm: reading(0, 1_000_000, 'ppm'),
  battery_pct: reading(0, 100, '%'),
  rssi: reading(-200, 200, 'dBm'),
});

export const fireAlarm = z.object({
  ...envelope,
  device,
  kind: z.enum(fireAlarmKinds),
  active: z.boolean().describe('false: the alarm is over'),
});

/** Every message a device can send: topic below `community/<site>/`, schema, what it means. `docs` prints this table. */
export const deviceMessages = [
  {
    name: 'pileStatus',
    topic: 'charger/{id}/status',
    schema: pileStatus,
    title: 'A pile comes or goes (retained, last will)',
  },
  {
    name: 'pileTelemetry',
    topic: 'charger/{id}/port/{port}/telemetry',
    schema: pileTelemetry,
    title: 'Readings of one port',
  },
  {
    name: 'pileSession',
    topic: 'charger/{id}/port/{port}/session',
    schema: pileSession,
    title: 'A charging session begins or ends',
  },
  { name: 'pileAlarm', topic: 'charger/{id}/alarm', schema: pileAlarm, title: 'An alarm of the pile, or its end' },
  {
    name: 'fireStatus',
    topic: 'fire/{id}/status',
    schema: fireStatus,
    title: 'A fire sensor comes or goes (retained, last will)',
  },
  { name: 'fireTelemetry', topic: 'fire/{id}/telemetry', schema: fireTelemetry, title: 'Readings of a fire sensor' },
  { name: 'fireAlarm', topic: 'fire/{id}/alarm', schema: fireAlarm, title: 'An alarm of a fire sensor, or its end' },
] as const;
