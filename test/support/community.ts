import { randomBytes } from 'node:crypto';
import mqtt, { type MqttClient } from 'mqtt';
import {
  addDevices,
  createTestFolder,
  kanmen,
  startKanmen,
  type IssuedCredential,
  type KanmenProcess,
  type TestFolder,
} from './kanmen-process.ts';
import { freePort } from './free-port.ts';

/** One line of `kanmen alerts list --json` (interfaces.md). */
export interface AlertLine {
  readonly id: string;
  readonly tier: string;
  readonly kind: string;
  readonly state: string;
  readonly shownCount: number;
  readonly raisedAt: string;
  readonly receivedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly closedAt: string | null;
}

export interface Community {
  readonly folder: TestFolder;
  readonly gatewayConfig: string;
  readonly deskConfig: string;
  readonly devices: ReadonlyMap<string, IssuedCredential>;
  startDesk(environment?: Readonly<Record<string, string>>): Promise<KanmenProcess>;
  startGateway(environment?: Readonly<Record<string, string>>): Promise<KanmenProcess>;
  alertsAt(where: 'gateway' | 'desk'): Promise<AlertLine[]>;
  /** Kills whatever still runs and removes the folder. */
  close(): Promise<void>;
}

export interface CommunityPlan {
  readonly devices: readonly string[];
  /** Merged into kanmen.yaml. */
  readonly gateway?: Readonly<Record<string, unknown>>;
  readonly desk?: Readonly<Record<string, unknown>>;
  /** Channels besides `desk`, and the files that they name. */
  readonly channels?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Areas besides `shed`, where all devices stand. */
  readonly areas?: readonly string[];
}

/** A gateway and a desk with their keys and devices, as real processes over real sockets, ready to be started. */
export async function createCommunity(plan: CommunityPlan): Promise<Community> {
  const folder = createTestFolder();
  const [deskPort, mqttPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  folder.write('gateway/station.secret', secret);
  folder.write('desk/gw-1.secret', secret);
  for (const [name, text] of Object.entries(plan.files ?? {})) folder.write(`gateway/${name}`, text);
  const deskConfig = folder.write('desk/desk.yaml', {
    dataDir: 'data',
    listen: `127.0.0.1:${deskPort}`,
    gateways: [{ id: 'gw-1', name: '东苑小区', secretFile: 'gw-1.secret' }],
    log: { level: 'warn' },
    ...plan.desk,
  });
  const gatewayConfig = folder.write('gateway/kanmen.yaml', {
    site: { id: 'dongyuan', name: '东苑小区' },
    gateway: { id: 'gw-1' },
    dataDir: 'data',
    grids: [{ id: 'grid-1', name: '第一网格', people: ['王'] }],
    areas: ['shed', ...(plan.areas ?? [])].map((id) => ({ id, name: id, grid: 'grid-1' })),
    mqtt: { listen: `127.0.0.1:${mqttPort}` },
    api: { listen: `127.0.0.1:${apiPort}` },
    channels: {
      desk: {
        kind: 'webhook',
        url: `http://127.0.0.1:${deskPort}/notices/gw-1`,
        feedbackUrl: `http://127.0.0.1:${deskPort}/feedback/gw-1`,
        secretFile: 'station.secret',
      },
      ...plan.channels,
    },
    recipients: [{ id: 'station', name: '派出所', role: 'station', channel: 'desk' }],
    log: { level: 'warn' },
    ...plan.gateway,
  });
  const issued = plan.devices.length === 0 ? [] : await addDevices(gatewayConfig, plan.devices, 'shed');
  const running: KanmenProcess[] = [];
  const start = async (
    command: 'run' | 'desk',
    config: string,
    environment?: Readonly<Record<string, string>>,
  ): Promise<KanmenProcess> => {
    const started = await startKanmen(command, config, environment);
    running.push(started);
    return started;
  };
  return {
    folder,
    gatewayConfig,
    deskConfig,
    devices: new Map(issued.map((credential) => [credential.username, credential])),
    startDesk: (environment) => start('desk', deskConfig, environment),
    startGateway: (environment) => start('run', gatewayConfig, environment),
    alertsAt: async (where) => {
      const { stdout, code, stderr } = await kanmen([
        'alerts',
        'list',
        '--all',
        '--json',
        '-c',
        where === 'desk' ? deskConfig : gatewayConfig,
      ]);
      if (code !== 0) throw new Error(`alerts list ended with ${code}: ${stderr}`);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AlertLine);
    },
    close: async () => {
      for (const each of running) await each.stop('SIGKILL');
      folder.remove();
    },
  };
}

/** A device that keeps trying: reconnects and sends again what was not acknowledged, as MQTT asks of it. */
export async function connectDevice(gateway: KanmenProcess, credential: IssuedCredential): Promise<MqttClient> {
  if (gateway.ready.mqtt === null) throw new Error('the gateway has no broker of its own');
  return mqtt.connectAsync(gateway.ready.mqtt, {
    username: credential.username,
    password: credential.password,
    clientId: `device-${credential.username.replace('/', '-')}`,
    clean: false,
    reconnectPeriod: 200,
    protocolVersion: 4,
  });
}

export function smokeAlarm(device: string, active = true): string {
  return JSON.stringify({
    v: 1,
    id: randomBytes(8).toString('hex'),
    ts: new Date().toISOString().replace('Z', '+00:00'),
    device,
    kind: 'smoke',
    active,
  });
}
