import type { ChargingEvent, EventKind, FireTelemetryEvent, GatewayEvent } from '../domain/event.ts';
import type { AreaId, DeviceKey, EventId } from '../domain/ids.ts';
import type { EpochMs } from '../lib/clock.ts';

/**
 * One source's events of one kind, oldest first by event time. Readings are kept as rows of plain numbers and texts, and made
 * into events again when somebody asks for one, which is seldom: minutes of readings kept as objects were half of the whole
 * cost of a reading, for the garbage collector alone (5.4 of 10 s for 450 000 events).
 */
export interface Lane {
  readonly size: number;
  /** Event time of the last. */
  readonly newestAt: number;
  /** Receive time of the earliest received, so that nothing is looked through for nothing. */
  readonly oldestReceivedAt: number;
  at(index: number): number;
  receivedAt(index: number): number;
  event(index: number): GatewayEvent;
  /** Puts it in its place by event time, behind those of the same. */
  add(event: GatewayEvent): void;
  /** Forgets what was received earlier than this, and more than so many. */
  keep(receivedFrom: number, most: number): void;
}

type Row = string | null | GatewayEvent;

/** How events of one kind become rows. The first two numbers are `at` and `receivedAt`. */
interface Packing {
  /** Appends one row to each. */
  readonly write: (event: GatewayEvent, numbers: number[], texts: Row[]) => void;
  readonly event: (numbers: readonly number[], texts: readonly Row[]) => GatewayEvent;
}

// Events come from JSON, which has neither: NaN stands for null, -Infinity for a field that is not there.
const asNumber = (value: number | null | undefined): number => value ?? (value === null ? Number.NaN : -Infinity);
const orNull = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;
const isThere = (value: number | undefined): boolean => value !== undefined && value !== -Infinity;

const charging: Packing = {
  write: (given, numbers, texts) => {
    const event = given as ChargingEvent;
    numbers.push(
      event.at,
      event.receivedAt,
      event.port,
      asNumber(event.powerW),
      asNumber(event.voltageV),
      asNumber(event.currentA),
      asNumber(event.energyKwh),
      asNumber(event.durationS),
      asNumber(event.ambientC),
      asNumber(event.portC),
      asNumber(event.sessionS),
      asNumber(event.startPeakW),
    );
    texts.push(event.id, event.area, event.device, event.report, event.state, event.order, event.stopReason);
  },
  event: (numbers, texts): ChargingEvent => ({
    id: texts[0] as EventId,
    kind: 'charging',
    at: numbers[0] as EpochMs,
    receivedAt: numbers[1] as EpochMs,
    area: texts[1] as AreaId | null,
    late: false,
    device: texts[2] as DeviceKey,
    port: numbers[2] ?? 0,
    report: texts[3] as ChargingEvent['report'],
    state: texts[4] as ChargingEvent['state'],
    powerW: orNull(numbers[3]),
    voltageV: orNull(numbers[4]),
    currentA: orNull(numbers[5]),
    energyKwh: orNull(numbers[6]),
    durationS: orNull(numbers[7]),
    ambientC: orNull(numbers[8]),
    portC: orNull(numbers[9]),
    order: texts[5] as string | null,
    stopReason: texts[6] as string | null,
    ...(isThere(numbers[10]) && { sessionS: orNull(numbers[10]) }),
    ...(isThere(numbers[11]) && { startPeakW: orNull(numbers[11]) }),
  }),
};

const fireTelemetry: Packing = {
  write: (given, numbers, texts) => {
    const event = given as FireTelemetryEvent;
    numbers.push(
      event.at,
      event.receivedAt,
      asNumber(event.smokeDbm),
      asNumber(event.temperatureC),
      asNumber(event.coPpm),
      asNumber(event.batteryPct),
      asNumber(event.rssiDbm),
    );
    texts.push(event.id, event.area, event.device);
  },
  event: (numbers, texts): FireTelemetryEvent => ({
    id: texts[0] as EventId,
    kind: 'fire-telemetry',
    at: numbers[0] as EpochMs,
    receivedAt: numbers[1] as EpochMs,
    area: texts[1] as AreaId | null,
    late: false,
    device: texts[2] as DeviceKey,
    smokeDbm: orNull(numbers[2]),
    temperatureC: orNull(numbers[3]),
    coPpm: orNull(numbers[4]),
    batteryPct: orNull(numbers[5]),
    rssiDbm: orNull(numbers[6]),
  }),
};

/** Everything that is not a reading comes seldom, and stays what it is. */
const whole: Packing = {
  write: (event, numbers, texts) => {
    numbers.push(event.at, event.receivedAt);
    texts.push(event);
  },
  event: (_numbers, [event]) => event as GatewayEvent,
};

const packings: Readonly<Partial<Record<EventKind, Packing>>> = { charging, 'fire-telemetry': fireTelemetry };

/** A lane for events of one kind of one source, with its first event in it. Late events are not kept in lanes. */
export function createLane(first: GatewayEvent): Lane {
  const packing = packings[first.kind] ?? whole;
  const numbers: number[] = [];
  const texts: Row[] = [];
  packing.write(first, numbers, texts);
  const [width, textWidth] = [numbers.length, texts.length];
  let size = 1;
  let newestAt: number = first.at;
  let oldestReceivedAt: number = first.receivedAt;
  const atOf = (index: number): number => numbers[index * width] ?? 0;

  return {
    get size() {
      return size;
    },
    get newestAt() {
      return newestAt;
    },
    get oldestReceivedAt() {
      return oldestReceivedAt;
    },
    at: atOf,
    receivedAt: (index) => numbers[index * width + 1] ?? 0,
    event: (index) =>
      packing.event(
        numbers.slice(index * width, (index + 1) * width),
        texts.slice(index * textWidth, (index + 1) * textWidth),
      ),
    add: (event) => {
      if (event.at >= newestAt || size === 0) {
        packing.write(event, numbers, texts);
        newestAt = event.at;
      } else {
        let place = size;
        while (place > 0 && atOf(place - 1) > event.at) place -= 1;
        const [itsNumbers, itsTexts]: [number[], Row[]] = [[], []];
        packing.write(event, itsNumbers, itsTexts);
        numbers.splice(place * width, 0, ...itsNumbers);
        texts.splice(place * textWidth, 0, ...itsTexts);
      }
      size += 1;
      if (event.receivedAt < oldestReceivedAt) oldestReceivedAt = event.receivedAt;
    },
    keep: (receivedFrom, most) => {
      let fitting = 0;
      for (let index = 0; index < size; index += 1) if ((numbers[index * width + 1] ?? 0) >= receivedFrom) fitting += 1;
      let tooMany = Math.max(0, fitting - most);
      let to = 0;
      oldestReceivedAt = Infinity;
      for (let index = 0; index < size; index += 1) {
        const receivedAt = numbers[index * width + 1] ?? 0;
        if (receivedAt < receivedFrom) continue;
        if (tooMany > 0) {
          tooMany -= 1;
          continue;
        }
        if (to < index) {
          for (let at = 0; at < width; at += 1) numbers[to * width + at] = numbers[index * width + at] ?? 0;
          for (let at = 0; at < textWidth; at += 1) texts[to * textWidth + at] = texts[index * textWidth + at] ?? null;
        }
        if (receivedAt < oldestReceivedAt) oldestReceivedAt = receivedAt;
        to += 1;
      }
      size = to;
      numbers.length = size * width;
      texts.length = size * textWidth;
      newestAt = size > 0 ? atOf(size - 1) : -Infinity;
    },
  };
}
