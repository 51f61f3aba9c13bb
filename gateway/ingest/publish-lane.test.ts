import { afterEach, describe, expect, it } from 'vitest';
import { createFakeClock } from '../lib/fake-clock.ts';
import { startBench, until, type Bench } from './ingest-fixture.ts';

let bench: Bench;
const begin = async (settings?: Parameters<typeof startBench>[0]): Promise<Bench> => {
  bench = await startBench(settings);
  return bench;
};
afterEach(() => bench.end());

const now = (): string => new Date().toISOString();
const alarm = (extra: object): string =>
  JSON.stringify({ v: 1, ts: now(), device: 'f1', kind: 'smoke', active: true, ...extra });
const telemetry = (extra: object): string => JSON.stringify({ v: 1, ts: now(), pile: 'c1', port: 1, ...extra });

describe('the short way for readings', () => {
  it('keeps a device that says nothing but readings: each of them renews its keep-alive', async () => {
    const { connect, sink } = await begin();
    const client = await connect('charger/c1', { keepalive: 1 });
    // The broker gives one and a half times the second (MQTT 3.1.1 section 3.1.2.10).
    const untilMs = performance.now() + 2500;
    for (let index = 0; performance.now() < untilMs && client.connected; index += 1) {
      await client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry({ id: `k${index}` }), { qos: 1 });
      await until('a tenth of a second has passed', () => performance.now() % 100 < 20);
    }
    expect(client.connected).toBe(true);
    expect(sink.events.length).toBeGreaterThan(5);
  });

  it('leaves a refused reading unanswered on a connection that stands, takes an alarm on it, and has the reading sent again once there is room', async () => {
    const clock = createFakeClock();
    const { connect, sink, ingest } = await begin({ clock });
    sink.answerWith(() => {
      const { event } = sink.events.at(-1) ?? {};
      return event?.kind === 'fire-telemetry' ? Promise.reject(new Error('disk full')) : Promise.resolve();
    });
    const client = await connect('fire/f1', { reconnectPeriod: 10 });
    const told: string[] = [];
    const say = (topic: string, payload: string): void => {
      client.publish(`community/s1/fire/f1/${topic}`, payload, { qos: 1 }, (error) => {
        if (!error) told.push(topic);
      });
    };
    say('telemetry', '{"device":"f1","id":"t-1","temperature_c":21}');
    say('alarm', alarm({ id: 'a-3' }));
    await until('the alarm is acknowledged', () => told.length > 0);
    expect(told).toEqual(['alarm']);
    // Long after the hold that an alarm would have had, the device is still there.
    await clock.advance(8000);
    expect(client.connected).toBe(true);
    expect(ingest.counts()).toMatchObject({ accepted: 1, notStored: 1 });
    sink.answerWith(() => Promise.resolve());
    // One is tried, comes back with what it has kept, and it is stored.
    await clock.advance(3000);
    await until('the reading is acknowledged', () => told.length > 1);
    expect(told).toEqual(['alarm', 'telemetry']);
    // Beside what is said of its clock.
    const said = sink.events.flatMap(({ key }) => key ?? []);
    expect(said).toEqual(['id:fire/f1:t-1', 'id:fire/f1:a-3', 'id:fire/f1:t-1']);
  });
});
