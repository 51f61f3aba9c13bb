import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { generate } from 'selfsigned';
import { readSteering, type Steering } from '../../gateway/lib/steering.ts';
import { freePort } from '../support/free-port.ts';
import { addDevices, createTestFolder, projectRoot, type TestFolder } from '../support/kanmen-process.ts';
import { startMosquitto, type Mosquitto } from '../support/mosquitto.ts';
import { startToxicProxy, type ToxicProxy } from '../support/toxic-proxy.ts';
import { createActor, launchChild, launchKanmen, type Actor } from './actor.ts';
import { alertKindOf, type Actor as ActorName, type Alarm, type Line } from './plan.ts';
import type { ReceiverPlan } from './receiver-child.ts';
import type { StationPlan } from './station-child.ts';
import { createSensors, type Sensors } from './sensors.ts';

/** Children are started from `dist/`, also by tests that run from source. */
const built = (name: string): string => join(projectRoot, 'dist/test/chaos', name);

/** Sets time and disk of the processes that read one file. */
export interface Steer {
  readonly file: string;
  /** At the real time `atMs`; now where it is absent. */
  now(atMs?: number): number;
  /** `realMs`: from when on; the same for several files keeps their clocks together. */
  set(change: {
    readonly realMs?: number;
    readonly jumpMs?: number;
    readonly rate?: number;
    readonly disk?: Steering['disk'];
  }): void;
}

export function createSteer(file: string): Steer {
  const now = (atMs = Date.now()): number => {
    const { fromMs, realMs, rate } = readSteering(file);
    return fromMs + (atMs - realMs) * rate;
  };
  return {
    file,
    now,
    set: ({ realMs = Date.now(), jumpMs = 0, rate, disk }) => {
      const before = readSteering(file);
      const next: Steering = {
        realMs,
        fromMs: now(realMs) + jumpMs,
        rate: rate ?? before.rate,
        disk: disk ?? before.disk,
      };
      // Whoever reads meanwhile reads the old one or the new one.
      writeFileSync(`${file}.new`, JSON.stringify(next));
      renameSync(`${file}.new`, file);
    },
  };
}

export interface Setting {
  readonly folder: TestFolder;
  readonly actors: Readonly<Record<ActorName, Actor>>;
  readonly lines: Readonly<Record<Line, ToxicProxy>>;
  readonly steers: { readonly gateway: Steer; readonly desk: Steer; readonly world: Steer };
  readonly sensors: Sensors;
  readonly deskConfig: string;
  readonly gatewayConfig: string;
  readonly ledgers: { readonly receiver: string; readonly station: string };
  restartBroker(downMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Recipient of each kind, by the name that the ledger has for it. */
export const recipients = ['station', 'property', 'worker'] as const;

const rule = (alarm: Alarm['kind'], tier: string): string => `id: chaos-${alarm.replace('_', '-')}
title: { zh: ${alarm}, en: ${alarm} }
reason: The chaos suite raises it.
source: test/chaos
kind: ${alertKindOf(alarm)}
when: { kind: fire, alarm: ${alarm}, active: true }
tier: ${tier}
to: [station, community, grid]
key: '${alarm}:{{event.device}}'
message: { zh: '{{event.device}}', en: '{{event.device}}' }
examples:
  - name: it is told
    given: [{ kind: fire, alarm: ${alarm}, device: fire/f1 }]
    expect: [{ tier: ${tier}, key: '${alarm}:fire/f1' }]
  - name: its end is nothing
    given: [{ kind: fire, alarm: ${alarm}, active: false }]
    expect: []
`;

async function certificate(folder: TestFolder, name: string, expired: boolean) {
  const dayMs = 86_400_000;
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 30 * dayMs),
    notAfterDate: new Date(Date.now() + (expired ? -dayMs : 30 * dayMs)),
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  folder.write(`${name}.pem`, made.cert);
  return { key: made.private, cert: made.cert };
}

/**
 * Gateway, desk, a webhook recipient behind TLS, a broker and a station at it, each a process of its own, with a faulty line
 * before each. Nothing runs yet but the broker and the lines.
 */
export async function createSetting(options: {
  readonly sensors: number;
  readonly unit: () => number;
  /** Another build of the gateway, or a recipient that shows repeats: the planted bugs. */
  readonly program?: string;
  readonly carelessReceiver?: boolean;
  /** `property` also gets every vehicle's passage. */
  readonly passages?: boolean;
}): Promise<Setting> {
  const folder = createTestFolder();
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  for (const name of ['gateway/station.secret', 'gateway/property.secret', 'gateway/worker.secret', 'desk/gw-1.secret'])
    folder.write(name, secret);
  const [gatewayPort, deskPort, receiverPort, apiPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  let broker: Mosquitto = await startMosquitto();
  const brokerPort = Number(new URL(broker.url).port);
  const lines = {
    desk: await startToxicProxy(deskPort, options.unit),
    receiver: await startToxicProxy(receiverPort, options.unit),
    broker: await startToxicProxy(brokerPort, options.unit),
    sensors: await startToxicProxy(gatewayPort, options.unit),
  };
  const steers = {
    gateway: createSteer(join(folder.dir, 'gateway.steer.json')),
    desk: createSteer(join(folder.dir, 'desk.steer.json')),
    world: createSteer(join(folder.dir, 'world.steer.json')),
  };
  const tls = {
    sound: await certificate(folder, 'gateway/sound', false),
    expired: await certificate(folder, 'gateway/expired', true),
  };
  // Both authorities are trusted: it is the date alone that is wrong.
  folder.write('gateway/ca.pem', `${tls.sound.cert}\n${tls.expired.cert}`);
  for (const [alarm, tier] of [
    ['smoke', 'red'],
    ['heat', 'orange'],
    ['water', 'yellow'],
    ['low_battery', 'blue'],
  ] as const)
    folder.write(`gateway/rules/${alarm}.yaml`, rule(alarm, tier));
  const deskConfig = folder.write('desk/desk.yaml', {
    dataDir: 'data',
    listen: `127.0.0.1:${deskPort}`,
    gateways: [{ id: 'gw-1', name: '东苑小区', secretFile: 'gw-1.secret' }],
    log: { level: 'warn' },
  });
  const gatewayConfig = folder.write('gateway/kanmen.yaml', {
    site: { id: 'dongyuan', name: '东苑小区' },
    gateway: { id: 'gw-1' },
    dataDir: 'data',
    rules: { dir: 'rules' },
    mqtt: { listen: `127.0.0.1:${gatewayPort}` },
    api: { listen: `127.0.0.1:${apiPort}` },
    // The failing file layer (lib/steering.ts) leaves no room for the reserve either.
    store: { reserve: '0B' },
    channels: {
      desk: {
        kind: 'webhook',
        url: `http://127.0.0.1:${lines.desk.port}/notices/gw-1`,
        feedbackUrl: `http://127.0.0.1:${lines.desk.port}/feedback/gw-1`,
        secretFile: 'station.secret',
        timeout: '2s',
      },
      property: {
        kind: 'webhook',
        url: `https://localhost:${lines.receiver.port}/`,
        secretFile: 'property.secret',
        timeout: '1s',
        tls: { caFile: 'ca.pem' },
      },
      worker: {
        kind: 'mqtt',
        url: `mqtt://127.0.0.1:${lines.broker.port}`,
        secretFile: 'worker.secret',
        timeout: '2s',
        keepalive: '2s',
      },
    },
    recipients: [
      { id: 'station', name: '派出所', role: 'station', channel: 'desk' },
      { id: 'property', name: '物业', role: 'community', channel: 'property', passages: options.passages === true },
      { id: 'worker', name: '网格员', role: 'grid', channel: 'worker' },
    ],
    log: { level: 'warn' },
  });
  const keys = Array.from({ length: options.sensors }, (_, index) => `fire/f-${String(index + 1).padStart(4, '0')}`);
  const credentials = await addDevices(gatewayConfig, keys);
  const ledgers = { receiver: join(folder.dir, 'receiver.jsonl'), station: join(folder.dir, 'station.jsonl') };
  const receiverPlan: ReceiverPlan = {
    port: receiverPort,
    ledger: ledgers.receiver,
    secret,
    steering: steers.world.file,
    careless: options.carelessReceiver === true,
    tls,
  };
  const stationPlan: StationPlan = {
    broker: broker.url,
    topic: 'kanmen/dongyuan/gw-1',
    ledger: ledgers.station,
    secret,
    steering: steers.world.file,
  };
  const receiverFile = folder.write('receiver.json', JSON.stringify(receiverPlan));
  const stationFile = folder.write('station.json', JSON.stringify(stationPlan));
  const test = (steer: Steer): Record<string, string> => ({ KANMEN_TEST: '1', KANMEN_STEER: steer.file });
  const actors = {
    gateway: createActor('gateway', (more) =>
      launchKanmen('run', gatewayConfig, { ...test(steers.gateway), ...more }, options.program),
    ),
    desk: createActor('desk', (more) =>
      launchKanmen('desk', deskConfig, { ...test(steers.desk), ...more }, options.program),
    ),
    receiver: createActor('receiver', () => launchChild(built('receiver-child.js'), receiverFile)),
    station: createActor('station', () => launchChild(built('station-child.js'), stationFile)),
  };
  const sensors = createSensors(lines.sensors.port, credentials, () => steers.world.now());
  let restarting: Promise<void> = Promise.resolve();
  return {
    folder,
    actors,
    lines,
    steers,
    sensors,
    deskConfig,
    gatewayConfig: resolve(gatewayConfig),
    ledgers,
    restartBroker: (downMs) =>
      (restarting = restarting.then(async () => {
        await broker.stop();
        await new Promise((done) => setTimeout(done, downMs));
        broker = await startMosquitto('', brokerPort);
      })),
    close: async () => {
      await sensors.close();
      for (const actor of Object.values(actors)) await actor.stop();
      await restarting.catch(() => undefined);
      await broker.stop();
      for (const line of Object.values(lines)) await line.close();
      folder.remove();
    },
  };
}
