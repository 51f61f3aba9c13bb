import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeviceKey } from '../domain/ids.ts';
import { createFakeClock } from '../lib/fake-clock.ts';
import { device, publishPacket, startBench, until, type Bench } from './ingest-fixture.ts';

let bench: Bench;
const begin = async (settings?: Parameters<typeof startBench>[0]): Promise<Bench> => {
  bench = await startBench(settings);
  return bench;
};
afterEach(() => bench.end());

const now = (): string => new Date().toISOString();
const alarm = (extra: object = {}): string =>
  JSON.stringify({ v: 1, ts: now(), device: 'f1', kind: 'smoke', active: true, ...extra });
const telemetry = (extra: object = {}): string =>
  JSON.stringify({ v: 1, ts: now(), pile: 'c1', port: 1, state: 'charging', power_w: 310, ...extra });
const closed = (client: { once: (event: 'close', listener: () => void) => unknown }): Promise<void> =>
  new Promise((resolve) => {
    client.once('close', resolve);
  });

describe('the embedded broker', () => {
  it('lets a device in with its own user name and password, and nobody else', async () => {
    const { connect, ingest, sink } = await begin();
    await connect('fire/f1', { clientId: 'whatever it likes' });
    await expect(connect('fire/f1', { password: 'wrong' })).rejects.toMatchObject({ code: 4 });
    await expect(connect('fire/f1', { password: '' })).rejects.toMatchObject({ code: 4 });
    await expect(connect('fire/unknown')).rejects.toMatchObject({ code: 4 });
    await expect(connect('camera/f1')).rejects.toMatchObject({ code: 4 });
    expect(ingest.counts().loginsFailed).toBe(4);
    expect(ingest.connections()).toBe(1);
    expect(sink.events).toEqual([]);
  });

  it('hands a message over as an event with its key', async () => {
    const { connect, sink } = await begin();
    const client = await connect('fire/f1');
    await client.publishAsync('community/s1/fire/f1/alarm', alarm({ id: 'a-1' }), { qos: 1 });
    expect(sink.events).toMatchObject([
      { key: 'id:fire/f1:a-1', event: { kind: 'fire', device: 'fire/f1', alarm: 'smoke', active: true, late: false } },
    ]);
  });

  it('acknowledges only after the event is stored', async () => {
    const { connect, sink } = await begin();
    let store = (): void => undefined;
    sink.answerWith(
      () =>
        new Promise<void>((resolve) => {
          store = resolve;
        }),
    );
    const client = await connect('fire/f1');
    let acknowledged = false;
    const published = client.publishAsync('community/s1/fire/f1/alarm', alarm(), { qos: 1 }).then(() => {
      acknowledged = true;
    });
    await until('the event reached the sink', () => sink.events.length === 1);
    // A second client's round trip through the broker shows that time enough has passed for a wrong acknowledgement.
    const other = await connect('charger/c1');
    await other.subscribeAsync('community/s1/charger/c1/down/#', { qos: 1 });
    expect(acknowledged).toBe(false);
    store();
    await published;
    expect(acknowledged).toBe(true);
  });

  it('holds 500 messages at once and acknowledges all when they are stored', async () => {
    const { connect, sink, ingest } = await begin();
    const waiting: (() => void)[] = [];
    sink.answerWith(
      () =>
        new Promise<void>((resolve) => {
          waiting.push(resolve);
        }),
    );
    const client = await connect('charger/c1');
    const published = Array.from({ length: 500 }, (_, index) =>
      client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry({ id: `m${index}` }), { qos: 1 }),
    );
    let done = false;
    const all = Promise.all(published).then(() => {
      done = true;
    });
    await until('some are waiting', () => waiting.length > 0);
    expect(ingest.report()[0]).toMatchObject({ name: 'ingest', depth: waiting.length, dropped: 0 });
    while (!done) {
      for (const resolve of waiting.splice(0)) resolve();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    await all;
    expect(sink.events.map(({ key }) => key)).toEqual(Array.from({ length: 500 }, (_, i) => `id:charger/c1:m${i}`));
    expect(ingest.counts().accepted).toBe(500);
    await until('nothing is under way', () => ingest.report()[0]?.depth === 0);
  });

  it('does not acknowledge an alarm that the store could not take, and disconnects the sender so that it comes again', async () => {
    const { connect, sink, ingest } = await begin();
    sink.answerWith(() => Promise.reject(new Error('disk full')));
    const client = await connect('fire/f1');
    let acknowledged = false;
    client.publish('community/s1/fire/f1/alarm', alarm({ id: 'a-2' }), { qos: 1 }, (error) => {
      acknowledged = !error;
    });
    await closed(client);
    expect(acknowledged).toBe(false);
    expect(ingest.counts()).toMatchObject({ accepted: 0, notStored: 1 });
    sink.answerWith(() => Promise.resolve());
    const again = await connect('fire/f1');
    await again.publishAsync('community/s1/fire/f1/alarm', alarm({ id: 'a-2' }), { qos: 1, dup: true });
    expect(sink.events.map(({ key }) => key)).toEqual(['id:fire/f1:a-2', 'id:fire/f1:a-2']);
  });

  it('takes QoS 0 and QoS 2 too, the latter once under one key', async () => {
    const { connect, sink } = await begin();
    const client = await connect('charger/c1');
    await client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry({ id: 'q2' }), { qos: 2 });
    await client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry({ id: 'q0' }), { qos: 0 });
    await until('both came', () => sink.events.length === 2);
    expect(sink.events.map(({ key }) => key)).toEqual(['id:charger/c1:q2', 'id:charger/c1:q0']);
  });

  it('knows a QoS 2 repeat and a DUP repeat by its key, with and without an id', async () => {
    const { connectRaw, sink } = await begin();
    const socket = await connectRaw('charger/c1');
    const topic = 'community/s1/charger/c1/port/1/telemetry';
    const bare = '{"pile":"c1","power_w":5}';
    for (const [payload, messageId] of [
      [telemetry({ id: 'x' }), 7],
      [bare, 8],
    ] as const) {
      socket.write(publishPacket(topic, payload, messageId, 2, false));
      socket.write(publishPacket(topic, payload, messageId, 2, true));
    }
    await until('all four came', () => sink.events.length === 4);
    const keys = sink.events.map(({ key }) => key);
    expect(keys.slice(0, 2)).toEqual(['id:charger/c1:x', 'id:charger/c1:x']);
    expect(keys[2]).toMatch(/^sha256:/);
    expect(keys[3]).toBe(keys[2]);
  });

  it('puts a malformed message in quarantine and acknowledges it', async () => {
    const { connect, sink, ingest } = await begin();
    const client = await connect('fire/f1');
    await client.publishAsync('community/s1/fire/f1/alarm', '{"v":1,', { qos: 1 });
    await client.publishAsync('community/s1/fire/f1/no/such/thing', alarm(), { qos: 1 });
    expect(sink.events).toEqual([]);
    expect(sink.quarantined()).toMatchObject([
      { device: 'fire/f1', topic: 'community/s1/fire/f1/alarm', reason: 'the payload is not JSON' },
      { device: 'fire/f1', reason: 'no message is defined for this topic' },
    ]);
    expect(Buffer.from(sink.quarantined()[0]?.payload ?? []).toString()).toBe('{"v":1,');
    expect(ingest.counts().quarantined).toBe(2);
    expect(client.connected).toBe(true);
  });

  it.each([
    ['another device', 'community/s1/fire/f2/alarm', alarm({ device: 'f2' })],
    ['another site', 'community/s2/fire/f1/alarm', alarm()],
    ['no community topic', 'hello', '{}'],
    ['a payload that names another device', 'community/s1/fire/f1/alarm', alarm({ device: 'f2' })],
  ])('disconnects a device that publishes for %s, and reports it', async (_what, topic, payload) => {
    const { connect, sink, ingest } = await begin();
    const client = await connect('fire/f1');
    client.publish(topic, payload, { qos: 1 });
    await closed(client);
    expect(ingest.counts()).toMatchObject({ refused: 1, accepted: 0 });
    expect(sink.deviceChanges()).toMatchObject([{ device: 'fire/f1', change: 'refused' }]);
  });

  it('disconnects a device that announces an oversized packet before its body has come', async () => {
    const { connect, sink, ingest } = await begin({ mqtt: { maxPayloadBytes: '2kB' } });
    const client = await connect('fire/f1');
    client.publish('community/s1/fire/f1/alarm', Buffer.alloc(1_000_000, 0x20), { qos: 1 });
    await closed(client);
    expect(ingest.counts().refused).toBe(1);
    expect(sink.deviceChanges()).toMatchObject([{ change: 'refused' }]);
    expect(sink.quarantined()).toEqual([]);
  });

  it('closes on a stranger who announces an oversized packet', async () => {
    const { ingest } = await begin();
    const socket = createConnection(ingest.address()?.port ?? 0, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await new Promise((resolve) => {
      socket.once('close', resolve);
    });
    expect(ingest.counts().refused).toBe(1);
  });

  it('lets a device subscribe to its own down topics only', async () => {
    const { connect } = await begin();
    const client = await connect('charger/c1');
    const granted = async (filter: string): Promise<boolean> => {
      try {
        const grants = await client.subscribeAsync(filter, { qos: 1 });
        return grants.every((grant) => grant.qos < 128);
      } catch {
        return false;
      }
    };
    expect(await granted('community/s1/charger/c1/down/#')).toBe(true);
    expect(await granted('community/s1/charger/c2/down/#')).toBe(false);
    expect(await granted('community/#')).toBe(false);
    expect(await granted('#')).toBe(false);
    expect(await granted('$SYS/#')).toBe(false);
    expect(await granted('community/s1/charger/+/down/#')).toBe(false);
  });

  it('forwards nothing that a device publishes', async () => {
    const { connect } = await begin();
    const client = await connect('charger/c1');
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    await client.subscribeAsync('community/s1/charger/c1/down/#', { qos: 1 });
    await client.publishAsync('community/s1/charger/c1/down/x', telemetry(), { qos: 1, retain: true });
    await client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry(), { qos: 1 });
    expect(heard).toEqual([]);
  });

  it('turns a last will into an offline event when the link breaks', async () => {
    const { connect, sink, ingest } = await begin();
    const will = { topic: 'community/s1/fire/f1/status', qos: 1 as const, retain: true };
    const client = await connect('fire/f1', {
      will: { ...will, payload: Buffer.from('{"v":1,"device":"f1","state":"offline"}') },
    });
    await client.publishAsync(will.topic, JSON.stringify({ v: 1, ts: now(), device: 'f1', state: 'online' }), {
      qos: 1,
      retain: true,
    });
    client.stream.destroy();
    await until('the will arrived', () => sink.events.length === 2);
    expect(sink.deviceChanges().map((event) => event.change)).toEqual(['online', 'offline']);
    expect(ingest.state('fire/f1' as DeviceKey)).toBe('offline');
    expect(ingest.counts().wills).toBe(1);
  });

  it('hears no will of a device that says goodbye or that is back on a new connection', async () => {
    const { connect, sink, ingest } = await begin();
    const will = { topic: 'community/s1/fire/f1/status', payload: Buffer.from('{"device":"f1","state":"offline"}') };
    const first = await connect('fire/f1', { clientId: 'one', will });
    const gone = closed(first);
    const second = await connect('fire/f1', { clientId: 'two', will });
    await gone;
    await second.publishAsync('community/s1/fire/f1/telemetry', '{"device":"f1","ts":"' + now() + '"}', { qos: 1 });
    await second.endAsync();
    await until('it is gone', () => ingest.connections() === 0);
    expect(sink.events.map(({ event }) => event.kind)).toEqual(['fire-telemetry']);
    expect(ingest.counts().wills).toBe(0);
  });

  it('keeps one connection per credential, and no device can push out another by its client id', async () => {
    const { connect, ingest } = await begin();
    const first = await connect('charger/c1', { clientId: 'same' });
    const other = await connect('charger/c2', { clientId: 'same' });
    expect(first.connected && other.connected).toBe(true);
    const gone = closed(first);
    await connect('charger/c1', { clientId: 'another' });
    await gone;
    expect(other.connected).toBe(true);
    expect(ingest.connections()).toBe(2);
  });

  it('reports a credential that is used from two addresses in turn, not one that moved', async () => {
    const { connectFrom, sink } = await begin();
    await connectFrom('charger/c1', '127.0.0.1');
    await connectFrom('charger/c1', '127.0.0.2');
    expect(sink.deviceChanges()).toEqual([]);
    await connectFrom('charger/c1', '127.0.0.1');
    expect(sink.deviceChanges()).toMatchObject([{ device: 'charger/c1', change: 'credential-conflict' }]);
  });

  it('tells a client with a lasting session that the session is there, so that it keeps its unacknowledged messages', async () => {
    const { connect } = await begin();
    const client = await connect('charger/c1', { clean: false, clientId: 'x', manualConnect: false });
    expect(client.options.clean).toBe(false);
    const present = await new Promise((resolve) => {
      client.once('connect', (packet) => resolve(packet.sessionPresent));
      client.reconnect();
    });
    expect(present).toBe(true);
  });

  it('leaves a sender unread that is over its rate, and loses nothing of it', async () => {
    const clock = createFakeClock();
    const { connect, sink, ingest } = await begin({ mqtt: { maxMessagesPerMinute: 600 }, clock });
    const client = await connect('charger/c1');
    let acknowledged = 0;
    const all = Promise.all(
      Array.from({ length: 605 }, async (_, index) => {
        await client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry({ id: `r${index}` }), {
          qos: 1,
        });
        acknowledged += 1;
      }),
    );
    await until('the rate is spent', () => acknowledged === 600 && ingest.counts().overRate > 0);
    // Time stands still: nothing is given, however long it waits.
    const other = await connect('charger/c2');
    await other.publishAsync('community/s1/charger/c2/status', '{"pile":"c2","state":"online"}', { qos: 1 });
    expect(acknowledged).toBe(600);
    const everything = all.then(() => true);
    while (!(await Promise.race([everything, clock.advance(100).then(() => false)]))) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const keys = sink.events.map(({ key }) => key).filter((key) => key?.startsWith('id:charger/c1:r') === true);
    expect(keys).toEqual(Array.from({ length: 605 }, (_, index) => `id:charger/c1:r${index}`));
    expect(ingest.counts().overRate).toBe(5);
    // Five messages at ten a second.
    expect(ingest.report()[0]?.waitedMs).toBeGreaterThanOrEqual(100);
  });

  it('turns away more connections than allowed', async () => {
    const { connect, ingest } = await begin({ mqtt: { maxClients: 2 } });
    await connect('charger/c1');
    await connect('charger/c2');
    await expect(connect('fire/f1')).rejects.toBeDefined();
    expect(ingest.counts().turnedAway).toBe(1);
  });

  it('disconnects a device within two seconds when it is removed or its password is rotated', async () => {
    const clock = createFakeClock();
    const { connect, devices, provisioned } = await begin({ clock });
    const removed = await connect('charger/c1');
    const rotated = await connect('charger/c2');
    const kept = await connect('fire/f1');
    const gone = Promise.all([closed(removed), closed(rotated)]);
    devices.delete('charger/c1' as DeviceKey);
    devices.set('charger/c2' as DeviceKey, device('charger/c2', 'new password'));
    provisioned();
    await clock.advance(1500);
    await gone;
    expect(kept.connected).toBe(true);
  });

  it('writes the state of a device seldom, not once a message', async () => {
    const { connect, sink, ingest } = await begin();
    const client = await connect('charger/c1');
    for (let index = 0; index < 20; index += 1) {
      await client.publishAsync('community/s1/charger/c1/port/1/telemetry', telemetry({ id: `h${index}` }), { qos: 1 });
    }
    expect(sink.changes).toEqual([]);
    await ingest.stop();
    expect(sink.changes).toMatchObject([{ kind: 'device-heard', device: 'charger/c1', state: 'online', fault: null }]);
  });

  it('keeps the last fault of a device', async () => {
    const { connect, sink, ingest } = await begin();
    await connect('fire/f1', { password: 'wrong' }).catch(() => undefined);
    await ingest.stop();
    expect(sink.changes).toMatchObject([
      { kind: 'device-heard', device: 'fire/f1', fault: 'login with a wrong password from 127.0.0.1' },
    ]);
  });

  it('sends no offline events when the gateway itself stops, and can be stopped twice', async () => {
    const { connect, sink, ingest } = await begin();
    await connect('fire/f1', {
      will: { topic: 'community/s1/fire/f1/status', payload: Buffer.from('{"device":"f1","state":"offline"}') },
    });
    await ingest.stop();
    await ingest.stop();
    expect(sink.events).toEqual([]);
  });

  it('says which address it cannot listen on', async () => {
    const { ingest } = await begin();
    const port = ingest.address()?.port ?? 0;
    await expect(startBench({ mqtt: { listen: `127.0.0.1:${port}` } })).rejects.toMatchObject({
      code: 'mqtt.listen-failed',
      facts: { reason: 'EADDRINUSE' },
    });
  });
});
