import { createHash } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { connectAsync, MqttClient, type IClientOptions } from 'mqtt';
import type { Change } from '../domain/change.ts';
import type { Device, DeviceStatus } from '../domain/device.ts';
import type { DeviceEvent, GatewayEvent } from '../domain/event.ts';
import type { DeviceKey } from '../domain/ids.ts';
import { systemClock, type Clock, type EpochMs } from '../lib/clock.ts';
import { silentLogger } from '../lib/logger.ts';
import { systemRandom } from '../lib/random.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { mqttOptions } from './options.ts';
import { parseDeviceKey } from './topic.ts';

export const password = 'correct horse battery staple';

export function device(key: string, secret = password): Device {
  const named = parseDeviceKey(key);
  if (named === null) throw new Error(`not a device key: ${key}`);
  return {
    ...named,
    area: null,
    passwordSha256: createHash('sha256').update(secret).digest('hex'),
    createdAt: 0 as EpochMs,
  };
}

/** Test double of the line and the store: keeps what it gets, and answers as it is told. */
export function createSink() {
  const events: { event: GatewayEvent; key: string | null }[] = [];
  const changes: Change[] = [];
  let answer: () => Promise<unknown> = () => Promise.resolve();
  return {
    events,
    changes,
    /** How `accept` answers from now on. */
    answerWith: (next: () => Promise<unknown>) => {
      answer = next;
    },
    accept: (event: GatewayEvent, key: string | null) => {
      events.push({ event, key });
      return answer();
    },
    record: (more: Change[]) => {
      changes.push(...more);
      return Promise.resolve();
    },
    deviceChanges: () =>
      events.map(({ event }) => event).filter((event): event is DeviceEvent => event.kind === 'device'),
    quarantined: () => changes.filter((change) => change.kind === 'quarantined'),
  };
}

export interface Bench {
  readonly ingest: Ingest;
  readonly sink: ReturnType<typeof createSink>;
  readonly devices: Map<DeviceKey, Device>;
  readonly connect: (key: string, options?: IClientOptions) => Promise<MqttClient>;
  /** The same from another local address; resolves when the broker has let it in. */
  readonly connectFrom: (key: string, localAddress: string) => Promise<MqttClient>;
  /** A bare socket that has logged in, for packets that no client library would send. */
  readonly connectRaw: (key: string) => Promise<Socket>;
  readonly provisioned: () => void;
  readonly end: () => Promise<void>;
}

/** A real ingest with a real aedes on a free port, for devices `charger/c1`, `charger/c2` and `fire/f1`. */
export async function startBench(
  settings: { readonly mqtt?: object; readonly clock?: Clock; readonly statuses?: readonly DeviceStatus[] } = {},
): Promise<Bench> {
  const devices = new Map(['charger/c1', 'charger/c2', 'fire/f1'].map((key) => [key as DeviceKey, device(key)]));
  const sink = createSink();
  let version = 1;
  const ingest = createIngest({
    options: mqttOptions.parse({ listen: '127.0.0.1:0', ...settings.mqtt }),
    site: 's1',
    devices: {
      find: (key) => devices.get(key),
      statuses: () => settings.statuses ?? [],
      version: () => version,
    },
    sink,
    clock: settings.clock ?? systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  await ingest.start(new AbortController().signal);
  const clients: MqttClient[] = [];
  const sockets: Socket[] = [];
  const url = (): string => `mqtt://127.0.0.1:${ingest.address()?.port ?? 0}`;
  return {
    ingest,
    sink,
    devices,
    provisioned: () => {
      version += 1;
    },
    connect: async (key, options = {}) => {
      const client = await connectAsync(
        url(),
        { username: key, password, reconnectPeriod: 0, connectTimeout: 5000, ...options },
        false,
      );
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    },
    connectFrom: async (key, localAddress) => {
      const port = ingest.address()?.port ?? 0;
      const client = new MqttClient(() => createConnection({ port, host: '127.0.0.1', localAddress }), {
        username: key,
        password,
        reconnectPeriod: 0,
        protocolVersion: 4,
      });
      client.on('error', () => undefined);
      clients.push(client);
      await new Promise((resolve) => {
        client.once('connect', resolve);
      });
      return client;
    },
    connectRaw: async (key) => {
      const socket = createConnection(ingest.address()?.port ?? 0, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
      socket.write(connectPacket(key, password));
      await new Promise((resolve) => {
        socket.once('data', resolve);
      });
      return socket;
    },
    end: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(clients.map((client) => client.endAsync(true)));
      await ingest.stop();
    },
  };
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

/** MQTT 3.1.1 section 2.2: fixed header, remaining length in 7-bit groups. */
function packet(header: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let left = body.length; ; left >>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
    if (left <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([header, ...length]), body]);
}

function connectPacket(username: string, secret: string): Buffer {
  const flags = Buffer.from([4, 0xc2, 0, 60]);
  return packet(0x10, Buffer.concat([text('MQTT'), flags, text('raw'), text(username), text(secret)]));
}

/** Bytes of a PUBLISH at QoS 1 or 2. */
export function publishPacket(topic: string, payload: string, messageId: number, qos: 1 | 2, dup: boolean): Buffer {
  const header = 0x30 | (dup ? 8 : 0) | (qos << 1);
  return packet(
    header,
    Buffer.concat([text(topic), Buffer.from([messageId >> 8, messageId & 0xff]), Buffer.from(payload)]),
  );
}

/** Resolves when the condition holds; fails after 10 s with `what`. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
