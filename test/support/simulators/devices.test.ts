import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeStory, devicesPlan, storyDevices } from './story.ts';
import { startDevices, type Devices } from './start.ts';

interface Message {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly client: string | null;
  readonly said: Record<string, unknown>;
}

const story = makeStory(11);
/** The story's own pile and sensor in trouble, and a few others: the whole is tried by the demo. */
const [heat] = story.heats;
const [smoke] = story.smokes;
const piles = story.piles.filter((pile, index) => pile.id === heat!.pile || index < 2);
const sensors = story.sensors.filter((sensor, index) => sensor.id === smoke!.sensor || index < 3);
const credentials = storyDevices(story).map(({ key }) => ({
  username: key,
  password: `secret of ${key}`,
  topicPrefix: `community/demo/${key}`,
}));

const messages: Message[] = [];
const logins: string[] = [];
let broker: Aedes;
let server: Server;
let devices: Devices;
let held: (() => void)[] | null = null;

const of = (ending: string): Message[] => messages.filter((message) => message.topic.endsWith(ending));

beforeAll(async () => {
  broker = await Aedes.createBroker({
    authenticate: (_, username, password, done) => {
      const known = credentials.find((one) => one.username === username);
      logins.push(username ?? '');
      done(null, known?.password === String(password));
    },
    authorizePublish: (client, packet, done) => {
      messages.push({
        topic: packet.topic,
        qos: packet.qos,
        retain: packet.retain,
        client: client?.id ?? null,
        said: JSON.parse(packet.payload.toString()) as Record<string, unknown>,
      });
      // While something is held back, nothing is acknowledged.
      if (held) held.push(() => done(null));
      else done(null);
    },
  });
  server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const [first] = piles;
  const plan = {
    ...devicesPlan(story, `mqtt://127.0.0.1:${port}`, credentials),
    piles,
    sensors,
    sessions: [
      { atMs: 0, pile: first!.id, port: 2, order: 'o-1', powerW: 300, endsAfterMs: 2500, stopReason: 'full' as const },
      { atMs: 0, pile: heat!.pile, port: heat!.port, order: 'o-2', powerW: 200, endsAfterMs: null, stopReason: null },
    ],
    heats: [],
    smokes: [],
    telemetryEveryMs: 500,
    sensorEveryMs: 1000,
  };
  devices = await startDevices(plan);
});

afterAll(async () => {
  await devices.stop();
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

describe('simulated devices', () => {
  it('come each with their own credential and say so, retained', () => {
    expect([...logins].sort()).toEqual(
      [...piles, ...sensors].map(({ id }) => (id.startsWith('f') ? `fire/${id}` : `charger/${id}`)).sort(),
    );
    const statuses = of('/status');
    expect(statuses).toHaveLength(piles.length + sensors.length);
    expect(new Set(statuses.map((message) => message.client)).size).toBe(statuses.length);
    for (const message of statuses) {
      expect(message).toMatchObject({ qos: 1, retain: true, said: { v: 1, state: 'online' } });
    }
  });

  it('run a session from plug-in to plug-out, with energy that fits its power', async () => {
    await devices.order({ order: 'start' });
    await expect
      .poll(() => devices.records.filter((row) => row.record === 'session-ended').length, { timeout: 10_000 })
      .toBe(1);
    const topic = `community/demo/charger/${piles[0]!.id}/port/2`;
    const [start, end] = messages.filter((message) => message.topic === `${topic}/session`).map(({ said }) => said);
    expect(start).toMatchObject({ v: 1, pile: piles[0]!.id, port: 2, event: 'start', order: 'o-1' });
    expect(end).toMatchObject({ event: 'end', order: 'o-1', stop_reason: 'full' });
    expect(String(start?.['ts'])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00$/);
    const readings = messages.filter((message) => message.topic === `${topic}/telemetry`).map(({ said }) => said);
    expect(readings.length).toBeGreaterThan(2);
    const charging = readings.filter((said) => said['state'] === 'charging');
    expect(Math.max(...charging.map((said) => Number(said['power_w'])))).toBeLessThan(310);
    // At most 300 W for at most 3 s, and not nothing.
    expect(Number(end?.['energy_kwh'])).toBeGreaterThan(0);
    expect(Number(end?.['energy_kwh'])).toBeLessThan((300 * 3.2) / 3_600_000);
    const record = devices.records.find((row) => row.record === 'session-ended');
    expect(record).toMatchObject({ order: 'o-1', energyKwh: end?.['energy_kwh'], stopReason: 'full' });
  });

  it('overheat to what was ordered, past 60 °C within seconds', async () => {
    await devices.order({ order: 'overheat', pile: heat!.pile, port: heat!.port, toC: 66 });
    await expect
      .poll(() => devices.records.filter((row) => row.record === 'overheated').length, { timeout: 20_000 })
      .toBe(1);
    const hot = of(`charger/${heat!.pile}/port/${heat!.port}/telemetry`).map(({ said }) => Number(said['port_c']));
    expect(Math.max(...hot)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...hot)).toBeLessThanOrEqual(66.1);
  });

  it('sound the alarm when smoke has filled the chamber, and note when it was acknowledged', async () => {
    held = [];
    await devices.order({ order: 'smoke', sensor: smoke!.sensor });
    await expect.poll(() => of(`fire/${smoke!.sensor}/alarm`).length, { timeout: 15_000 }).toBe(1);
    expect(of('/alarm')[0]?.said).toMatchObject({ v: 1, device: smoke!.sensor, kind: 'smoke', active: true });
    expect(devices.records.filter((row) => row.record === 'smoke')).toEqual([]);
    const releasedAtMs = Date.now();
    for (const release of held.splice(0)) release();
    held = null;
    await expect
      .poll(() => devices.records.filter((row) => row.record === 'smoke').length, { timeout: 10_000 })
      .toBe(1);
    const record = devices.records.find((row) => row.record === 'smoke');
    expect(record?.acknowledgedAtMs).toBeGreaterThanOrEqual(releasedAtMs);
    expect(record?.atMs).toBeLessThan(releasedAtMs);
    await devices.order({ order: 'clear', sensor: smoke!.sensor });
    await expect.poll(() => of(`fire/${smoke!.sensor}/alarm`).at(-1)?.said['active'], { timeout: 15_000 }).toBe(false);
  });

  it('fall silent with a last will, and come back', async () => {
    const key = `charger/${piles[0]!.id}`;
    const wills = (): Message[] => of(`${key}/status`).filter((message) => message.said['state'] === 'offline');
    await devices.order({ order: 'silent', device: key, drop: true });
    await expect.poll(() => wills().length, { timeout: 10_000 }).toBe(1);
    expect(wills()[0]).toMatchObject({ qos: 1, retain: true });
    await devices.order({ order: 'resume', device: key });
    await expect.poll(() => logins.filter((login) => login === key).length, { timeout: 10_000 }).toBe(2);
    await expect.poll(() => of(`${key}/status`).at(-1)?.said['state'], { timeout: 10_000 }).toBe('online');
  });

  it('send a burst and know that all of it was acknowledged; no two ids are the same', async () => {
    const before = messages.length;
    await devices.order({ order: 'burst', count: 50, device: `fire/${sensors[0]!.id}` });
    await expect.poll(() => messages.length - before, { timeout: 10_000 }).toBeGreaterThanOrEqual(50);
    const counts = async () => {
      await devices.order({ order: 'report' });
      const row = devices.records.findLast((one) => one.record === 'counts');
      return row && row.published - row.acknowledged - row.failed;
    };
    await expect.poll(counts, { timeout: 10_000 }).toBe(0);
    const ids = messages
      .filter(({ said }) => said['id'] !== undefined)
      .map(({ client, said }) => `${client} ${String(said['id'])}`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refuse an order for a device that does not exist', async () => {
    await expect(devices.order({ order: 'smoke', sensor: 'f-9999' })).rejects.toThrow(/no sensor f-9999/);
  });
});
