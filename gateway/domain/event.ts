import type { EpochMs } from '../lib/clock.ts';
import type { AreaId, CameraId, DeviceKey, EventId, EvidenceId } from './ids.ts';
import type { BoxPx, PlateReading } from './plate.ts';

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

export const vehicleCategories = ['resident', 'tenant', 'visitor', 'service'] as const;
export type VehicleCategory = (typeof vehicleCategories)[number];

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
  /** What the register has the vehicle down as, an ended entry too; absent in passages of before there was the field. */
  readonly category?: VehicleCategory | null;
  /** When the entry (a lease, a visit) ended or will end; null where it is for good or there is none. */
  readonly registeredUntil?: EpochMs | null;
  /** A hit on a watch list: every character the same, or all but one that cameras confuse. */
  readonly watch?: 'exact' | 'possible' | null;
  /** The list and why the plate stands on it. */
  readonly watchReason?: string | null;
  readonly evidence: EvidenceId | null;
  /** Where its clip will be found some seconds later; null or absent where none is kept. */
  readonly clip?: EvidenceId | null;
  /** Of the plate or face in the evidence picture; for platforms that want to know where to look. Rules do not see it. */
  readonly boxPx?: BoxPx | null;
  /** 0..1, of a person's face in the evidence picture: size, sharpness and pose; null for a vehicle. Rules do not see it. */
  readonly faceQualityRatio?: number | null;
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
  /** Seconds since the session began that this report belongs to, as the gateway reckons; null in none, absent in older rows. */
  readonly sessionS?: number | null;
  /** That session's highest power in its first minutes (`ChargingSession.startPeakW`). */
  readonly startPeakW?: number | null;
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

/** `blind`: it delivers pictures on which nothing can be seen (covered, out of focus, turned away); `seeing`: no more. */
export const cameraChanges = ['connected', 'silent', 'failed', 'blind', 'seeing'] as const;

/** Why a camera is `silent` or `failed` (the first seven), or `blind` (the rest). Words for people are made of it at the edge. */
export const cameraCauses = [
  'no-picture',
  'unreachable',
  'wrong-password',
  'unsupported',
  'interrupted',
  'undecodable',
  'gateway-fault',
  'dark',
  'covered',
  'blurred',
  'turned',
] as const;
export type CameraCause = (typeof cameraCauses)[number];

/** Something about a camera itself. */
export interface CameraEvent extends EventBase {
  readonly kind: 'camera';
  readonly camera: CameraId;
  readonly change: (typeof cameraChanges)[number];
  /** Null for `connected` and `seeing`; absent in events that were recorded before there were causes. */
  readonly cause?: CameraCause | null;
  /** More of it for those who mend it: one line of English without secrets. */
  readonly reason: string | null;
}

export const zoneUses = ['fire-lane', 'no-parking', 'entrance', 'lift', 'charging', 'other'] as const;
export const zoneSubjects = ['vehicle', 'ebike', 'person', 'object'] as const;
export const zoneChanges = ['entered', 'left'] as const;

/** Something came to stand in a zone that is drawn in a camera's picture, or is gone from it. */
export interface ZoneEvent extends EventBase {
  readonly kind: 'zone';
  readonly camera: CameraId;
  /** The zone's id, unique for the camera. */
  readonly zone: string;
  readonly use: (typeof zoneUses)[number];
  readonly change: (typeof zoneChanges)[number];
  readonly subject: (typeof zoneSubjects)[number];
  /** The same for the coming and the going of one subject. */
  readonly visit: string;
  readonly plate: PlateReading | null;
  /** How long it stood, for `left`. */
  readonly seconds: number | null;
}

export const systemChanges = ['disk-low', 'disk-ok', 'canary-failed', 'canary-ok', 'clock-jumped'] as const;

/** Something about the gateway itself. */
export interface SystemEvent extends EventBase {
  readonly kind: 'system';
  /** Which part: `disk`, `clock`, or `<channel>/<recipient>` for a canary. */
  readonly part: string;
  readonly change: (typeof systemChanges)[number];
  /** Free share of the disk, seconds without a receipt, seconds of a jump: what the change is about; else null. */
  readonly value: number | null;
  /** Why, in one line without secrets. */
  readonly reason: string | null;
}

/** What rules see. Closed. */
export type GatewayEvent =
  | PassageEvent
  | ChargingEvent
  | PileAlarmEvent
  | FireEvent
  | FireTelemetryEvent
  | DeviceEvent
  | CameraEvent
  | ZoneEvent
  | SystemEvent;

/** What an event came from: a device, a camera or a part of the gateway. */
export function sourceOf(event: GatewayEvent): string {
  if ('device' in event) return event.device;
  return event.kind === 'system' ? event.part : event.camera;
}

export type EventKind = GatewayEvent['kind'];
export const eventKinds = [
  'passage',
  'charging',
  'pile-alarm',
  'fire',
  'fire-telemetry',
  'device',
  'camera',
  'zone',
  'system',
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
  /** Highest power of the first five minutes: what a later rise is held against. Absent in older rows. */
  readonly startPeakW?: number | null;
  readonly maxPortC: number | null;
  readonly stopReason: string | null;
  /** Power samples behind the mean. */
  readonly samples: number;
}
