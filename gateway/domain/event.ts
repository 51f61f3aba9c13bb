import type { EpochMs } from '../lib/clock.ts';
import type { AreaId, CameraId, DeviceKey, EventId, EvidenceId } from './ids.ts';
import type { PlateReading } from './plate.ts';

/** What every event carries. `at` is capture time, `receivedAt` when the gateway had it. */
interface EventBase {
  readonly id: EventId;
  readonly at: EpochMs;
  readonly receivedAt: EpochMs;
  /** Where it happened; null where the source stands in no area. */
  readonly area: AreaId | null;
  /** Older than 24 h at arrival (interfaces.md): recorded, no live alert. */
  readonly late: boolean;
}

export const chargingStates = ['idle', 'plugged', 'charging', 'float', 'full', 'fault', 'offline'] as const;
export type ChargingState = (typeof chargingStates)[number];

export const pileAlarmKinds = [
  'smoke',
  'heat',
  'water',
  'hot_melt',
  'power_cut',
  'door',
  'relay_stuck',
  'short_circuit',
  'over_temp',
  'over_power',
  'over_current',
  'over_voltage',
  'leakage',
] as const;
export type PileAlarmKind = (typeof pileAlarmKinds)[number];

export const fireAlarmKinds = [
  'smoke',
  'heat',
  'co',
  'gas',
  'manual',
  'water',
  'fault',
  'tamper',
  'low_battery',
  'test',
] as const;
export type FireAlarmKind = (typeof fireAlarmKinds)[number];

/** One vehicle or person through one gate: one row. */
export interface PassageEvent extends EventBase {
  readonly kind: 'passage';
  readonly camera: CameraId;
  readonly subject: 'vehicle' | 'person';
  readonly direction: 'in' | 'out' | 'unknown';
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  /** Null for a person, and for a vehicle whose plate could not be read. */
  readonly plate: PlateReading | null;
  /** Whether the register knows the plate; null where there is no plate or no register. */
  readonly registered: boolean | null;
  readonly evidence: EvidenceId | null;
}

/** A pile's port as reported: readings, or a session's beginning or end as the pile says it. */
export interface ChargingEvent extends EventBase {
  readonly kind: 'charging';
  readonly device: DeviceKey;
  readonly port: number;
  readonly report: 'telemetry' | 'session-start' | 'session-end';
  readonly state: ChargingState | null;
  readonly powerW: number | null;
  readonly voltageV: number | null;
  readonly currentA: number | null;
  readonly energyKwh: number | null;
  readonly durationS: number | null;
  readonly ambientC: number | null;
  readonly portC: number | null;
  /** The pile's own order number, if it has one. */
  readonly order: string | null;
  readonly stopReason: string | null;
}

/** A pile's own alarm, for one port or the whole pile. */
export interface PileAlarmEvent extends EventBase {
  readonly kind: 'pile-alarm';
  readonly device: DeviceKey;
  readonly port: number | null;
  readonly alarm: PileAlarmKind;
  readonly active: boolean;
}

/** A fire sensor's alarm, or its end. */
export interface FireEvent extends EventBase {
  readonly kind: 'fire';
  readonly device: DeviceKey;
  readonly alarm: FireAlarmKind;
  readonly active: boolean;
}

/** A fire sensor's readings. */
export interface FireTelemetryEvent extends EventBase {
  readonly kind: 'fire-telemetry';
  readonly device: DeviceKey;
  readonly smokeDbm: number | null;
  readonly temperatureC: number | null;
  readonly coPpm: number | null;
  readonly batteryPct: number | null;
  readonly rssiDbm: number | null;
}

export const deviceChanges = [
  'online',
  'offline',
  'silent',
  'back',
  'clock-skew',
  'credential-conflict',
  'refused',
] as const;

/** Something about a device itself. */
export interface DeviceEvent extends EventBase {
  readonly kind: 'device';
  readonly device: DeviceKey;
  readonly change: (typeof deviceChanges)[number];
  /** Seconds without a word, for `silent`; seconds of skew for `clock-skew`; else null. */
  readonly seconds: number | null;
}

export const cameraChanges = ['connected', 'silent', 'failed'] as const;

/** Something about a camera itself. */
export interface CameraEvent extends EventBase {
  readonly kind: 'camera';
  readonly camera: CameraId;
  readonly change: (typeof cameraChanges)[number];
  /** Why, in one line without secrets. */
  readonly reason: string | null;
}

/** What rules see. Closed. */
export type GatewayEvent =
  PassageEvent | ChargingEvent | PileAlarmEvent | FireEvent | FireTelemetryEvent | DeviceEvent | CameraEvent;

export type EventKind = GatewayEvent['kind'];
export const eventKinds = [
  'passage',
  'charging',
  'pile-alarm',
  'fire',
  'fire-telemetry',
  'device',
  'camera',
] as const satisfies readonly EventKind[];

/** One port from plug-in to plug-out. */
export interface ChargingSession {
  readonly id: string;
  readonly device: DeviceKey;
  readonly port: number;
  readonly area: AreaId | null;
  readonly order: string | null;
  readonly startedAt: EpochMs;
  /** Null while it goes on. */
  readonly endedAt: EpochMs | null;
  readonly lastAt: EpochMs;
  readonly energyKwh: number | null;
  readonly meanPowerW: number | null;
  readonly peakPowerW: number | null;
  readonly maxPortC: number | null;
  readonly stopReason: string | null;
  /** Power samples behind the mean. */
  readonly samples: number;
}
