import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { connectAsync, type IPublishPacket, type MqttClient, type Packet } from 'mqtt';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import {
  describeChannelContract,
  someAnswer,
  someDelivery,
  type ChannelHarness,
  type FarBehaviour,
  type FarItem,
} from '../gateway/channels/contract.ts';
import { openChannels } from '../gateway/channels/index.ts';
import { channelsOptions } from '../gateway/channels/options.ts';
import type { Delivery, Feedback } from '../gateway/domain/alert.ts';
import type { DeliveryId, RecipientId } from '../gateway/domain/ids.ts';
import { systemClock } from '../gateway/lib/clock.ts';
import { createLogger } from '../gateway/lib/logger.ts';
import { systemRandom } from '../gateway/lib/random.ts';
import { signWebhook, parseWebhookSecret, verifyWebhook } from '../gateway/lib/standard-webhooks.ts';
import { startMosquitto, type Mosquitto } from './support/mosquitto.ts';
import { until } from './support/viid-server/bench.ts';

const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const key = parseWebhookSecret(secret)!;
const root = 'kanmen/nb-0231/gw-1';

interface Station {
  readonly items: FarItem[];
  readonly packets: IPublishPacket[];
  behave(behaviour: FarBehaviour): void;
  answer(item: unknown, forged?: boolean): void;
  end(): Promise<void>;
}

/** A station at the broker, with a session that outlives its connection; answers each delivery over its response topic. */
async function openStation(url: string): Promise<Station> {
  let behaviour: FarBehaviour = { kind: 'accept' };
  const items: FarItem[] = [];
  const packets: IPublishPacket[] = [];
  const client: MqttClient = await connectAsync(url, {
    ...{ protocolVersion: 5, clientId: 'station', clean: false, reconnectPeriod: 50 },
    properties: { sessionExpiryInterval: 3600 },
  });
  const signed = (id: string, body: string) => {
    return signWebhook({ keys: [key], id, timestampS: Math.floor(Date.now() / 1000), body });
  };
  client.on('message', (_topic, payload, packet) => {
    packets.push(packet);
    const event = JSON.parse(payload.toString()) as FarItem;
    const { responseTopic, correlationData, userProperties = {} } = packet.properties ?? {};
    const header = (name: string): string => String(userProperties[name]);
    if (verifyWebhook({ keys: [key], header, body: payload, nowMs: Date.now() }).kind !== 'valid') return;
    const reply = (body: string): void => {
      if (responseTopic === undefined || !correlationData) return;
      client.publish(responseTopic, body, {
        qos: 1,
        properties: { correlationData, userProperties: signed(event.id, body) },
      });
    };
    switch (behaviour.kind) {
      case 'accept':
        items.push({ id: event.id, type: event.type, data: event.data });
        reply(behaviour.reply ?? '');
        return;
      case 'busy':
        reply(JSON.stringify({ status: 'busy', ...(behaviour.afterMs !== null && { afterMs: behaviour.afterMs }) }));
        return;
      case 'refuse':
        reply('{"status":"refused"}');
        return;
      case 'break':
      case 'hang':
        return;
    }
  });
  let over = false;
  let answering: Promise<void> = Promise.resolve();
  /** Reason code of the PUBACK; 0 where the station has ended meanwhile. */
  const publish = (body: string, forged: boolean): Promise<number> =>
    new Promise((done) => {
      const userProperties = forged ? signed('x', `${body} `) : signed(`a-${systemRandom.id()}`, body);
      client.publish(`${root}/feedback`, body, { qos: 1, properties: { userProperties } });
      const id = client.getLastMessageId();
      const end = (code: number): void => {
        clearInterval(waiting);
        client.removeListener('packetreceive', received);
        done(code);
      };
      const received = (packet: Packet): void => {
        if (packet.cmd === 'puback' && packet.messageId === id) setTimeout(() => end(packet.reasonCode ?? 0), 20);
      };
      const waiting = setInterval(() => {
        if (over) end(0);
      }, 20);
      client.on('packetreceive', received);
    });
  await client.subscribeAsync(`${root}/+/+`, { qos: 1 });
  return {
    items,
    packets,
    behave: (next) => {
      behaviour = next;
    },
    answer: (item, forged = false) => {
      const body = JSON.stringify({ feedback: [item] });
      answering = answering.then(async () => {
        // 0x10: nobody has the topic yet; a station that wants to be heard says it again.
        while (!over && (await publish(body, forged)) === 0x10);
      });
    },
    end: async () => {
      over = true;
      await client.endAsync(true);
      await answering;
    },
  };
}

function openChannel(url: string, options: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kanmen-mqtt-'));
  writeFileSync(join(folder, 'secret'), secret);
  writeFileSync(join(folder, 'new.secret'), `whsec_${Buffer.alloc(32, 9).toString('base64')}`);
  const refused: string[] = [];
  const lines: string[] = [];
  const opening = openChannels(
    channelsOptions.parse({ desk: { kind: 'mqtt', url, secretFile: 'secret', timeout: '3s', ...options } }),
    {
      ...{ baseDir: folder, source: '/community/nb-0231/gateway/gw-1', timeZone: 'Asia/Shanghai' },
      recipients: [{ id: 'station' as RecipientId, name: '派出所', role: 'station', grid: null, channel: 'desk' }],
      evidence: { read: () => Promise.resolve(null) },
      refused: (channel, reason, subject) => refused.push(`${channel} ${reason} ${subject}`),
      ...{ clock: systemClock, random: systemRandom },
      logger: createLogger({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } }),
    },
  );
  return opening.then((channels) => ({
    channel: channels.byId.get('desk')!,
    refused,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    close: () => {
      channels.close();
      rmSync(folder, { recursive: true });
    },
  }));
}

async function openHarness(): Promise<ChannelHarness> {
  const broker = await startMosquitto();
  const station = await openStation(broker.url);
  const opened = await openChannel(broker.url);
  return {
    channel: opened.channel,
    items: station.items,
    behave: (behaviour) => station.behave(behaviour),
    answer: (item) => station.answer(item),
    close: async () => {
      opened.close();
      await station.end();
      await broker.stop();
    },
  };
}

describeChannelContract('mqtt', openHarness);

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});
const numbered = (n: number): Delivery =>
  someDelivery({ id: `019b7c3e-0000-7000-8000-${String(n).padStart(12, '0')}` as DeliveryId });
async function brokerOn(settings?: string, port?: number): Promise<Mosquitto> {
  const broker = await startMosquitto(settings, port);
  endings.push(() => broker.stop());
  return broker;
}
async function channelAt(url: string, options?: Record<string, unknown>) {
  const opened = await openChannel(url, options);
  endings.push(() => opened.close());
  const send = (delivery: Delivery) => opened.channel.send(delivery, new AbortController().signal);
  return { ...opened, send };
}
const portOf = (broker: Mosquitto): number => Number(new URL(broker.url).port);

describe('the broker of the station', () => {
  it('may stop, start again and have lost everything: what was not answered is not taken for delivered', async () => {
    const first = await startMosquitto();
    const port = portOf(first);
    const { channel, send } = await channelAt(first.url);
    // Nobody listens yet: the broker would throw it away.
    expect(await send(numbered(1))).toMatchObject({ kind: 'retry', reason: 'nobody is subscribed at the broker' });
    const before = await openStation(first.url);
    expect((await send(numbered(1))).kind).toBe('delivered');
    before.behave({ kind: 'hang' });
    // Taken by the broker, not by the station; then the broker dies with it.
    expect(await send(numbered(2))).toMatchObject({ kind: 'retry', reason: 'no answer of the station within 3000 ms' });
    await first.stop();
    await before.end();
    await until(() => channel.fault?.());
    expect((await send(numbered(2))).kind).toBe('retry');
    expect((await send(numbered(3))).kind).toBe('retry');

    await brokerOn(undefined, port);
    const after = await openStation(`mqtt://127.0.0.1:${port}`);
    endings.push(() => after.end());
    for (const n of [2, 3]) await until(async () => (await send(numbered(n))).kind === 'delivered');
    // Nothing came out of a memory of its own: each is there once.
    expect(after.items.map(({ id }) => id)).toEqual([numbered(2).id, numbered(3).id]);
    expect(channel.fault?.()).toBeNull();
  });

  it('may be enough by itself where the channel says so', async () => {
    const broker = await brokerOn();
    const { send } = await channelAt(broker.url, { receipt: 'broker' });
    expect(await send(numbered(1))).toMatchObject({ kind: 'retry' });
    const station = await openStation(broker.url);
    endings.push(() => station.end());
    expect(await send(numbered(1))).toEqual({ kind: 'delivered', receipt: 'taken by the broker', feedback: [] });
    await until(() => station.packets.length === 1);
    expect(station.packets[0]).toMatchObject({ qos: 1, topic: `${root}/notices/station` });
    expect(station.packets[0]?.properties).not.toHaveProperty('responseTopic');
  });

  it('keeps answers for a gateway that is away, and gives them once', async () => {
    const broker = await brokerOn();
    const station = await openStation(broker.url);
    endings.push(() => station.end());
    const { channel } = await channelAt(broker.url);
    const listen = async (count: number): Promise<string[]> => {
      const ending = new AbortController();
      const ids: string[] = [];
      const listening = channel.listen((feedback: Feedback) => {
        ids.push(feedback.id);
        return Promise.resolve();
      }, ending.signal);
      await until(() => ids.length === count);
      ending.abort();
      await listening;
      return ids;
    };
    station.answer(someAnswer({ id: 'f-1' }));
    expect(await listen(1)).toEqual(['f-1']);
    // Nobody listens now; the broker keeps it.
    station.answer(someAnswer({ id: 'f-2' }));
    expect(await listen(1)).toEqual(['f-2']);
  });

  it('lets no answer through that is not signed by the station', async () => {
    const broker = await brokerOn();
    const station = await openStation(broker.url);
    endings.push(() => station.end());
    const { channel, logged, refused } = await channelAt(broker.url);
    const ending = new AbortController();
    const taken: string[] = [];
    const listening = channel.listen(({ id }) => {
      taken.push(id);
      return Promise.resolve();
    }, ending.signal);
    station.answer(someAnswer({ id: 'forged' }), true);
    await until(() => logged().some(({ msg }) => msg === 'answer without a good signature refused'));
    station.answer(someAnswer({ id: 'good' }));
    await until(() => taken.length === 1);
    ending.abort();
    await listening;
    expect(taken).toEqual(['good']);
    expect(refused).toEqual(['desk wrong-signature an answer']);
  });

  it('takes no receipt that is unsigned, of another delivery, of another time, or its own event sent back', async () => {
    const broker = await brokerOn();
    const forger = await connectAsync(broker.url, { protocolVersion: 5 });
    endings.push(() => forger.endAsync(true));
    const at = (ageS: number) => Math.floor(Date.now() / 1000) - ageS;
    const signed = (id: string, body: string, ageS = 0) => signWebhook({ keys: [key], id, timestampS: at(ageS), body });
    const forgeries: ((id: string, event: IPublishPacket) => { body: string; userProperties?: object })[] = [
      () => ({ body: '' }),
      (id) => ({ body: '{"status":"received"}', userProperties: signed(id, '') }),
      () => ({ body: '', userProperties: signed(numbered(99).id, '') }),
      (id) => ({ body: '', userProperties: signed(id, '', 600) }),
      (_, { payload, properties }) => ({
        body: payload.toString(),
        userProperties: { ...properties?.userProperties },
      }),
    ];
    forger.on('message', (_topic, _payload, packet) => {
      const { responseTopic = '', correlationData } = packet.properties ?? {};
      const forgery = forgeries.shift();
      if (!forgery || !correlationData) return;
      const { body, userProperties } = forgery(correlationData.toString(), packet);
      forger.publish(responseTopic, body, {
        qos: 1,
        properties: { correlationData, ...(userProperties && { userProperties: userProperties as never }) },
      });
    });
    await forger.subscribeAsync(`${root}/notices/#`, { qos: 1 });
    const { send, refused } = await channelAt(broker.url, { timeout: '1s' });
    for (let n = 1; n <= 5; n += 1)
      expect(await send(numbered(n))).toMatchObject({
        kind: 'retry',
        reason: 'no answer of the station within 1000 ms',
      });
    expect(refused).toEqual(
      ['unsigned', 'wrong-signature', 'replayed', 'expired', 'replayed'].map((fault) => `desk ${fault} a receipt`),
    );
  });

  it('is not relied upon for who may answer, unless the channel says so', async () => {
    const parse = (options: object) =>
      channelsOptions.safeParse({ desk: { kind: 'mqtt', url: 'mqtt://127.0.0.1:1', ...options } });
    expect(parse({}).error?.issues).toMatchObject([
      { path: ['desk', 'secretFile'], message: expect.stringMatching(/unsignedAnswers: accept/) as string },
    ]);
    expect(parse({ unsignedAnswers: 'accept' }).success).toBe(true);
    const broker = await brokerOn();
    const station = await connectAsync(broker.url, { protocolVersion: 5 });
    endings.push(() => station.endAsync(true));
    station.on('message', (_topic, _payload, { properties }) => {
      const { responseTopic = '', correlationData } = properties ?? {};
      if (correlationData) station.publish(responseTopic, '', { qos: 1, properties: { correlationData } });
    });
    await station.subscribeAsync(`${root}/notices/#`, { qos: 1 });
    const { send } = await channelAt(broker.url, { secretFile: undefined, unsignedAnswers: 'accept' });
    expect((await send(numbered(1))).kind).toBe('delivered');
  });

  it('is spoken to with the old secret and the new while it is being changed', async () => {
    const broker = await brokerOn();
    // The station has the old one still.
    const station = await openStation(broker.url);
    endings.push(() => station.end());
    const changing = await channelAt(broker.url, { secretFile: 'new.secret', previousSecretFile: 'secret' });
    expect(await changing.send(numbered(1))).toMatchObject({ kind: 'delivered', receipt: 'received by the station' });
    const changed = await channelAt(broker.url, { secretFile: 'new.secret', clientId: 'other' });
    expect(await changed.send(numbered(2))).toMatchObject({ kind: 'retry' });
    expect(station.items.map(({ id }) => id)).toEqual([numbered(1).id]);
  });

  it('that nobody answers at is tried again, and stands in health', async () => {
    const { send, channel } = await channelAt('mqtt://127.0.0.1:1');
    expect(await send(numbered(1))).toMatchObject({ kind: 'retry' });
    expect(channel.fault?.()).toMatch(/ECONNREFUSED|closed/);
  });

  it('is spoken to over TLS only where its authority is known', async () => {
    const { private: privateKey, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256',
      keySize: 2048,
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    });
    const folder = mkdtempSync(join(tmpdir(), 'kanmen-mqtts-'));
    endings.push(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'cert.pem'), cert);
    const broker = await brokerOn();
    // In front of the broker, as a load balancer is: run by root, Mosquitto gives its rights up before it reads a key.
    const front = createServer({ key: privateKey, cert }, (socket) => {
      const inner = connect(portOf(broker), '127.0.0.1');
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    });
    front.on('tlsClientError', () => undefined);
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    endings.push(() => front.close());
    const { port } = front.address() as AddressInfo;
    const station = await openStation(broker.url);
    endings.push(() => station.end());
    const stranger = await channelAt(`mqtts://localhost:${port}`);
    expect(await stranger.send(numbered(1))).toMatchObject({ kind: 'retry' });
    expect(station.packets).toEqual([]);
    const known = await channelAt(`mqtts://localhost:${port}`, { tls: { caFile: join(folder, 'cert.pem') } });
    expect((await known.send(numbered(1))).kind).toBe('delivered');
  });
});
