import type { DeviceLink } from './device-link.ts';
import type { DeviceRecord, PlannedSensor } from './device-plan.ts';
import type { Random } from './random.ts';

/** A smoke sensor on its own connection. */
export interface FireSensor {
  readonly id: string;
  readonly link: DeviceLink;
  smoke(active: boolean): void;
  pass(nowMs: number): void;
  burst(count: number): void;
}

/** Obscuration at which such sensors sound (EN 14604: 0.05 to 0.20 dB/m), and how fast a chamber fills, for show. */
const soundsAtDbm = 0.15;
const fillingMs = 3000;

export function createFireSensor(options: {
  readonly plan: PlannedSensor;
  readonly link: DeviceLink;
  readonly random: Random;
  readonly sensorEveryMs: number;
  readonly onRecord: (record: DeviceRecord) => void;
}): FireSensor {
  const { plan, link, random, onRecord } = options;
  const temperatureC = random.between(19, 26);
  const batteryPct = random.integer(58, 100);
  const rssi = random.integer(-88, -62);
  let smokeDbm = random.between(0.005, 0.03);
  let goalDbm = smokeDbm;
  const restDbm = smokeDbm;
  let sounding = false;
  let lastMs = Date.now();
  let nextReportMs = lastMs + random.between(500, options.sensorEveryMs);

  const telemetry = (): void => {
    const warmer = sounding ? 6 * (smokeDbm / 0.4) : 0;
    void link.publish('telemetry', {
      smoke_dbm: Math.round(smokeDbm * 1000) / 1000,
      temperature_c: Math.round((temperatureC + warmer + random.next() * 0.3) * 10) / 10,
      co_ppm: sounding ? random.integer(8, 25) : 0,
      battery_pct: batteryPct,
      rssi: rssi + random.integer(-2, 2),
    });
  };
  const alarm = async (active: boolean, atMs: number): Promise<void> => {
    const acknowledgedAtMs = await link.publish('alarm', { atMs, kind: 'smoke', active });
    if (acknowledgedAtMs === null) return;
    onRecord({ record: 'smoke', sensor: plan.id, active, atMs, acknowledgedAtMs });
  };
  return {
    id: plan.id,
    link,
    smoke: (active) => {
      goalDbm = active ? 0.42 : restDbm;
    },
    pass: (nowMs) => {
      smokeDbm += (goalDbm - smokeDbm) * (1 - Math.exp(-(nowMs - lastMs) / fillingMs));
      lastMs = nowMs;
      // Sounds at the threshold, falls silent at half of it.
      const sounds = sounding ? smokeDbm > soundsAtDbm / 2 : smokeDbm >= soundsAtDbm;
      if (sounds !== sounding) {
        sounding = sounds;
        void alarm(sounds, nowMs);
        nextReportMs = nowMs;
      }
      if (nowMs >= nextReportMs) {
        nextReportMs = nowMs + (sounding ? 5000 : options.sensorEveryMs);
        telemetry();
      }
    },
    burst: (count) => {
      for (let sent = 0; sent < count; sent += 1) telemetry();
    },
  };
}
