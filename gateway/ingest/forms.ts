import type { z } from 'zod';
import type { GatewayEvent } from '../domain/event.ts';
import type { AreaId, DeviceKey, EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';
import { fireAlarm, fireStatus, fireTelemetry, pileAlarm, pileSession, pileStatus, pileTelemetry } from './payloads.ts';
import type { DeviceTopic } from './topic.ts';

/** What the events of every form share. */
export interface EventFrame {
  readonly id: EventId;
  readonly at: EpochMs;
  readonly receivedAt: EpochMs;
  readonly area: AreaId | null;
  readonly late: boolean;
  readonly device: DeviceKey;
}

/** A payload that fits its schema, with what the parser still has to hold against the topic. */
export interface Reading {
  readonly ts: string | null;
  readonly id: string | null;
  /** Every id of a device that the payload names. */
  readonly names: readonly string[];
  readonly port: number | null;
  /** `offline` of a status: usually the last will. */
  readonly farewell: boolean;
  readonly toEvent: (frame: EventFrame) => GatewayEvent;
}

export type Form = (value: unknown, topic: DeviceTopic) => Reading | z.ZodError;

interface Envelope {
  readonly ts?: string | null | undefined;
  readonly id?: string | null | undefined;
  readonly pile?: string | undefined;
  readonly device?: string | undefined;
  readonly port?: number | null | undefined;
}

function form<Schema extends z.ZodType<Envelope>>(
  schema: Schema,
  toEvent: (said: z.output<Schema>, frame: EventFrame, topic: DeviceTopic) => GatewayEvent,
): Form {
  return (value, topic) => {
    const read = schema.safeParse(value);
    if (!read.success) return read.error;
    const said = read.data;
    return {
      ts: said.ts ?? null,
      id: said.id ?? null,
      names: [said.pile, said.device].filter((name) => name !== undefined),
      port: said.port ?? null,
      farewell: topic.kind === 'status' && 'state' in said && said.state === 'offline',
      toEvent: (frame) => toEvent(said, frame, topic),
    };
  };
}

const statusEvent = (said: { readonly state: 'online' | 'offline' }, frame: EventFrame): GatewayEvent => ({
  ...frame,
  kind: 'device',
  change: said.state,
  seconds: null,
});

const noReadings = {
  state: null,
  powerW: null,
  voltageV: null,
  currentA: null,
  energyKwh: null,
  durationS: null,
  ambientC: null,
  portC: null,
} as const;

const forms = {
  'charger/status': form(pileStatus, statusEvent),
  'charger/telemetry': form(pileTelemetry, (said, frame, topic) => ({
    ...frame,
    kind: 'charging',
    port: topic.port ?? 1,
    report: 'telemetry',
    state: said.state ?? null,
    powerW: said.power_w ?? null,
    voltageV: said.voltage_v ?? null,
    currentA: said.current_a ?? null,
    energyKwh: said.energy_kwh ?? null,
    durationS: said.duration_s ?? null,
    ambientC: said.ambient_c ?? null,
    portC: said.port_c ?? null,
    order: said.order ?? null,
    stopReason: null,
  })),
  'charger/session': form(pileSession, (said, frame, topic) => ({
    ...frame,
    ...noReadings,
    kind: 'charging',
    port: topic.port ?? 1,
    report: said.event === 'start' ? 'session-start' : 'session-end',
    // At the end of a session this is its peak, as the pile measured it between two telemetry messages.
    powerW: said.max_w ?? null,
    energyKwh: said.energy_kwh ?? null,
    durationS: said.duration_s ?? null,
    order: said.order ?? null,
    stopReason: said.stop_reason ?? null,
  })),
  'charger/alarm': form(pileAlarm, (said, frame) => ({
    ...frame,
    kind: 'pile-alarm',
    port: said.port ?? null,
    alarm: said.kind,
    active: said.active,
  })),
  'fire/status': form(fireStatus, statusEvent),
  'fire/telemetry': form(fireTelemetry, (said, frame) => ({
    ...frame,
    kind: 'fire-telemetry',
    smokeDbm: said.smoke_dbm ?? null,
    temperatureC: said.temperature_c ?? null,
    coPpm: said.co_ppm ?? null,
    batteryPct: said.battery_pct ?? null,
    rssiDbm: said.rssi ?? null,
  })),
  'fire/alarm': form(fireAlarm, (said, frame) => ({ ...frame, kind: 'fire', alarm: said.kind, active: said.active })),
} as const satisfies Record<string, Form>;

/** The form of a topic's payload; null where the topic has no meaning. */
export function formOf(topic: DeviceTopic): Form | null {
  if (topic.kind === null) return null;
  const found = `${topic.deviceClass}/${topic.kind}`;
  return found in forms ? forms[found as keyof typeof forms] : null;
}
