// Events for the rules' benchmarks: what an estate of 200 piles and 2 000 sensors says, in the order in which it says it.
import type { ChargingEvent, GatewayEvent } from '../../gateway/domain/event.ts';
import type { AreaId, CameraId, DeviceKey, EventId } from '../../gateway/domain/ids.ts';
import type { EpochMs } from '../../gateway/lib/clock.ts';

export interface Estate {
  readonly piles: number;
  readonly ports: number;
  readonly sensors: number;
  readonly areas: number;
}
export const busyEstate: Estate = { piles: 200, ports: 10, sensors: 2000, areas: 40 };

const sessionMs = 7_200_000;

/** mulberry32: the same numbers for the same seed. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * `count` events spread evenly over `spanMs`, most of which match nothing: 65 % readings of ports, 32.5 % of sensors, 2 %
 * passages (many times what gates see beside 200 readings a second), the rest devices that come and go and alarms.
 */
export function* mixedEvents(
  count: number,
  given: { readonly fromMs: number; readonly spanMs: number; readonly seed: number; readonly estate?: Estate },
): Generator<GatewayEvent> {
  const random = numbers(given.seed);
  const { piles, ports, sensors, areas } = given.estate ?? busyEstate;
  const pick = (below: number): number => Math.floor(random() * below);
  const areaOf = (number: number): AreaId => `shed-${(number % areas) + 1}` as AreaId;
  for (let index = 0; index < count; index += 1) {
    const at = Math.round(given.fromMs + (given.spanMs * index) / count) as EpochMs;
    const base = { id: `b-${given.seed}-${index}` as EventId, at, receivedAt: (at + 40) as EpochMs, late: false };
    const share = random();
    if (share < 0.65) {
      const pile = pick(piles);
      const port = pick(ports) + 1;
      // A port charges for two hours or not at all, as in life: what goes on is not told anew at every reading.
      const sinceMs = at - (at % sessionMs);
      const its = numbers(sinceMs / sessionMs + pile * 31 + port * 7);
      const charging = its() < 0.4;
      // A port keeps its temperature and its charger's power, within what a probe wavers.
      const [warmthC, drawW] = [25 + its() * 18, 150 + its() * 200];
      const hot = random() < 0.0004;
      const event: ChargingEvent = {
        ...base,
        kind: 'charging',
        area: areaOf(pile),
        device: `charger/p${pile}` as DeviceKey,
        port,
        report: 'telemetry',
        state: charging ? 'charging' : 'idle',
        powerW: charging ? Math.round(drawW + random() * 10) : 0,
        voltageV: 220,
        currentA: 1.1,
        energyKwh: Math.round(random() * 90) / 100,
        durationS: charging ? Math.round((at - sinceMs) / 1000) : null,
        ambientC: 22,
        portC: hot ? 62 : Math.round((warmthC + random() * 2) * 10) / 10,
        order: null,
        stopReason: null,
      };
      yield event;
    } else if (share < 0.975) {
      const sensor = pick(sensors);
      yield {
        ...base,
        kind: 'fire-telemetry',
        area: areaOf(sensor),
        device: `fire/f${sensor}` as DeviceKey,
        smokeDbm: 0.02,
        temperatureC: 20 + Math.round(random() * 8),
        coPpm: 0,
        batteryPct: 90,
        rssiDbm: -70,
      };
    } else if (share < 0.995) {
      const plate = pick(3000);
      yield {
        ...base,
        kind: 'passage',
        area: 'gate' as AreaId,
        camera: `gate-${pick(4) + 1}` as CameraId,
        subject: 'vehicle',
        direction: random() < 0.5 ? 'in' : 'out',
        startedAt: at,
        endedAt: at,
        plate: {
          text: `浙B${String(plate).padStart(5, '0')}`,
          confidenceRatio: 0.97,
          kind: 'small',
          color: 'blue',
          accepted: true,
          characters: [],
        } as unknown as Extract<GatewayEvent, { kind: 'passage' }>['plate'],
        registered: plate < 2700,
        evidence: null,
      };
    } else if (share < 0.9995) {
      const sensor = pick(sensors);
      yield {
        ...base,
        kind: 'device',
        area: areaOf(sensor),
        device: `fire/f${sensor}` as DeviceKey,
        change: random() < 0.5 ? 'offline' : 'online',
        seconds: null,
      };
    } else {
      const sensor = pick(sensors);
      const device = `fire/f${sensor}` as DeviceKey;
      yield { ...base, kind: 'fire', area: areaOf(sensor), device, alarm: 'smoke', active: random() < 0.1 };
    }
  }
}
