import {
  cameraCauses,
  cameraChanges,
  chargingStates,
  deviceChanges,
  fireAlarmKinds,
  pileAlarmKinds,
  systemChanges,
  vehicleCategories,
  zoneChanges,
  zoneSubjects,
  zoneUses,
  type EventKind,
  type GatewayEvent,
} from '../domain/event.ts';
import { plateColors, plateKinds } from '../domain/plate.ts';

/** How a rule sees one field of an event. */
export interface FieldSpec {
  readonly type: 'number' | 'string' | 'boolean' | 'plate';
  readonly nullable: boolean;
  /** The only values there are, for a field that is a choice. */
  readonly values: readonly string[] | null;
}

const field =
  (type: FieldSpec['type'], nullable: boolean) =>
  (values: readonly string[] | null = null): FieldSpec => ({ type, nullable, values });
const text = field('string', false);
const textOrNull = field('string', true);
const number = field('number', false)();
const numberOrNull = field('number', true)();
const yesNo = field('boolean', false)();
const yesNoOrNull = field('boolean', true)();
const plateOrNull = field('plate', true)();

/** Fields of an event that rules may name: all but `kind` (a choice of its own, below) and where in the picture it was. */
type FieldsOf<Kind extends EventKind> = {
  readonly [
    Field in Exclude<keyof Extract<GatewayEvent, { kind: Kind }>, 'kind' | 'boxPx' | 'faceQualityRatio' | 'clip'>
  ]-?: FieldSpec;
};

const base = {
  id: text(),
  at: number,
  receivedAt: number,
  area: textOrNull(),
  late: yesNo,
};

/** Every field of every kind; `tsc` proves that it is complete and has nothing that the domain does not have. */
const tables: { readonly [Kind in EventKind]: FieldsOf<Kind> } = {
  passage: {
    ...base,
    camera: text(),
    subject: text(['vehicle', 'person']),
    direction: text(['in', 'out', 'unknown']),
    startedAt: number,
    endedAt: number,
    plate: plateOrNull,
    registered: yesNoOrNull,
    category: textOrNull(vehicleCategories),
    registeredUntil: numberOrNull,
    watch: textOrNull(['exact', 'possible']),
    watchReason: textOrNull(),
    evidence: textOrNull(),
  },
  charging: {
    ...base,
    device: text(),
    port: number,
    report: text(['telemetry', 'session-start', 'session-end']),
    state: textOrNull(chargingStates),
    powerW: numberOrNull,
    voltageV: numberOrNull,
    currentA: numberOrNull,
    energyKwh: numberOrNull,
    durationS: numberOrNull,
    ambientC: numberOrNull,
    portC: numberOrNull,
    order: textOrNull(),
    stopReason: textOrNull(),
    sessionS: numberOrNull,
    startPeakW: numberOrNull,
  },
  'pile-alarm': { ...base, device: text(), port: numberOrNull, alarm: text(pileAlarmKinds), active: yesNo },
  fire: { ...base, device: text(), alarm: text(fireAlarmKinds), active: yesNo },
  'fire-telemetry': {
    ...base,
    device: text(),
    smokeDbm: numberOrNull,
    temperatureC: numberOrNull,
    coPpm: numberOrNull,
    batteryPct: numberOrNull,
    rssiDbm: numberOrNull,
  },
  device: { ...base, device: text(), change: text(deviceChanges), seconds: numberOrNull },
  camera: {
    ...base,
    camera: text(),
    change: text(cameraChanges),
    cause: textOrNull(cameraCauses),
    reason: textOrNull(),
  },
  zone: {
    ...base,
    camera: text(),
    zone: text(),
    use: text(zoneUses),
    change: text(zoneChanges),
    subject: text(zoneSubjects),
    visit: text(),
    plate: plateOrNull,
    seconds: numberOrNull,
  },
  system: { ...base, part: text(), change: text(systemChanges), value: numberOrNull, reason: textOrNull() },
};

export const plateFields: Readonly<Record<string, FieldSpec>> = {
  text: text(),
  confidenceRatio: number,
  kind: text(plateKinds),
  color: text(plateColors),
  accepted: yesNo,
};

export type Fields = Readonly<Record<string, FieldSpec>>;

/** The fields of one kind of event, without `kind` itself. */
export function fieldsOf(kind: EventKind): Fields {
  return tables[kind];
}

/**
 * The fields that an expression may name where the event is one of several kinds: those of any of them. A field that
 * the event at hand does not have is absent, and a comparison with it does not hold.
 */
export function joinedFields(kinds: readonly EventKind[]): Fields {
  const joined: Record<string, FieldSpec> = { kind: text(kinds) };
  for (const kind of kinds) {
    for (const [name, spec] of Object.entries(fieldsOf(kind))) {
      const other = joined[name];
      joined[name] = other === undefined ? spec : merge(other, spec);
    }
  }
  for (const [name, spec] of Object.entries(joined)) {
    if (name !== 'kind' && !kinds.every((kind) => name in fieldsOf(kind))) joined[name] = { ...spec, nullable: true };
  }
  return joined;
}

function merge(a: FieldSpec, b: FieldSpec): FieldSpec {
  return {
    type: a.type,
    nullable: a.nullable || b.nullable,
    values: a.values === null || b.values === null ? null : [...new Set([...a.values, ...b.values])],
  };
}

/** The choice by which events of a kind are sorted before any rule is asked, with all its values. */
export const sortingFields: Readonly<Record<EventKind, string | null>> = {
  passage: 'subject',
  charging: 'report',
  'pile-alarm': 'alarm',
  fire: 'alarm',
  'fire-telemetry': null,
  device: 'change',
  camera: 'change',
  zone: 'use',
  system: 'change',
};
