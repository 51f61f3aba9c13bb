import type { IPoint } from 'influx';
import type { SiteId } from '../domain/ids.ts';
import type { Reading } from './collaborators.ts';

/**
 * A reading as a point: measurement by kind, tags that tell where it was taken, fields under their names in our API (the
 * unit is part of the name), the capture time in ms. Null where no value was reported. The same reading always makes the
 * same point, so that writing it twice changes nothing; InfluxDB keeps one point per series and millisecond.
 */
export function pointOf(reading: Reading, site: SiteId): IPoint | null {
  const tags = {
    site,
    device: reading.device,
    ...(reading.area === null ? {} : { area: reading.area }),
    ...(reading.kind === 'charging' ? { port: String(reading.port) } : {}),
  };
  const values = reading.kind === 'charging' ? chargingValues(reading) : fireValues(reading);
  const fields = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
  if (Object.keys(fields).length === 0) return null;
  return { measurement: reading.kind === 'charging' ? 'charging' : 'fire', tags, fields, timestamp: reading.at };
}

type Values = Readonly<Record<string, number | string | null>>;

const chargingValues = (reading: Extract<Reading, { kind: 'charging' }>): Values => ({
  state: reading.state,
  powerW: reading.powerW,
  voltageV: reading.voltageV,
  currentA: reading.currentA,
  energyKwh: reading.energyKwh,
  durationS: reading.durationS,
  ambientC: reading.ambientC,
  portC: reading.portC,
});

const fireValues = (reading: Extract<Reading, { kind: 'fire-telemetry' }>): Values => ({
  smokeDbm: reading.smokeDbm,
  temperatureC: reading.temperatureC,
  coPpm: reading.coPpm,
  batteryPct: reading.batteryPct,
  rssiDbm: reading.rssiDbm,
});
