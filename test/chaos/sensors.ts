import { randomBytes } from 'node:crypto';
import mqtt from 'mqtt';
import type { IssuedCredential } from '../support/kanmen-process.ts';
import type { Raised } from './ledger.ts';
import { alertKindOf, tierOfAlarm, type Alarm } from './plan.ts';

/** Fire sensors, each with its own credential, that send an alarm until the broker has acknowledged it. */
export interface Sensors {
  /** Answers the id of the alarm at once; what becomes of it stands in `raised`. */
  raise(kind: Alarm['kind']): string;
  raised(): readonly Raised[];
  waiting(): number;
  close(): Promise<void>;
}

/** One sensor for each alarm, so that each is an alert of its own. `now` is the time by the sensors' clocks. */
export function createSensors(port: number, credentials: readonly IssuedCredential[], now: () => number): Sensors {
  const records: (Raised & { acknowledgedAtMs: number | null })[] = [];
  const under: Promise<void>[] = [];
  const clients = new Set<mqtt.MqttClient>();

  return {
    raise: (kind) => {
      const credential = credentials[records.length];
      if (!credential) throw new RangeError('there are more alarms than sensors');
      const record: (typeof records)[number] = {
        id: randomBytes(8).toString('hex'),
        device: credential.username,
        kind: alertKindOf(kind),
        tier: tierOfAlarm[kind],
        publishedAtMs: Date.now(),
        acknowledgedAtMs: null,
      };
      records.push(record);
      const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
        username: credential.username,
        password: credential.password,
        clientId: `sensor-${credential.username.replace('/', '-')}`,
        // As a sensor of the trade: it connects again, and sends again what was not acknowledged.
        ...{ clean: false, protocolVersion: 4, reconnectPeriod: 200, connectTimeout: 3000, keepalive: 3 },
      });
      clients.add(client);
      client.on('error', () => undefined);
      const body = JSON.stringify({
        v: 1,
        id: record.id,
        ts: new Date(now()).toISOString().replace('Z', '+00:00'),
        device: credential.username.split('/')[1],
        kind,
        active: true,
      });
      under.push(
        client.publishAsync(`${credential.topicPrefix}/alarm`, body, { qos: 1 }).then(
          async () => {
            record.acknowledgedAtMs = Date.now();
            clients.delete(client);
            await client.endAsync(true);
          },
          // Closed at the end of the run: it stays unacknowledged.
          () => undefined,
        ),
      );
      return record.id;
    },
    raised: () => records.map((record) => ({ ...record })),
    waiting: () => records.filter(({ acknowledgedAtMs }) => acknowledgedAtMs === null).length,
    close: async () => {
      for (const client of clients) await client.endAsync(true);
      await Promise.all(under);
    },
  };
}
