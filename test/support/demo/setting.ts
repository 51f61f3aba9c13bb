import { randomBytes } from 'node:crypto';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { addDevices, kanmen, startKanmen, type IssuedCredential, type KanmenProcess } from '../kanmen-process.ts';
import { startCameras, startDevices, type Cameras, type Devices } from '../simulators/start.ts';
import { camerasPlan, devicesPlan, storyDevices, type Story } from '../simulators/story.ts';

export interface Login {
  readonly name: string;
  readonly password: string;
}

/** Everything that the demo runs, as separate processes over real sockets. */
export interface Setting {
  readonly dir: string;
  readonly gateway: KanmenProcess;
  readonly desk: KanmenProcess;
  readonly cameras: Cameras;
  readonly devices: Devices;
  readonly manager: Login;
  readonly officer: Login;
  stop(): Promise<void>;
}

export interface SettingOptions {
  readonly story: Story;
  /** Ports 8080 and 8090, so that a person finds them; else free ones. */
  readonly fixedPorts: boolean;
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

/** The only recipient; the story expects a receipt of each alert from it. */
export const station = { id: 'station', name: '城东派出所' };
const gatewayId = 'gw-demo';
const password = (): string => randomBytes(9).toString('base64url');

/** Starts cameras, desk, gateway and devices in the order in which an installer would, and stops them all on a failure. */
export async function startSetting({ story, fixedPorts, keep, say }: SettingOptions): Promise<Setting> {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-demo-'));
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
    if (!keep) rmSync(dir, { recursive: true, force: true });
  };
  try {
    say('starting two simulated gate cameras (RTSP, Digest, H.264)');
    const cameras = await startCameras(
      camerasPlan(
        story,
        story.cameras.map((_, index) => ({ user: 'admin', password: `demo-${index + 1}`, port: 0 })),
      ),
    );
    stops.push(() => cameras.stop());
    const files = writeConfigurations(dir, story, cameras, fixedPorts);
    say(`letting ${storyDevices(story).length} devices in, each with its own password`);
    const credentials = await admitDevices(files.gateway, story);
    const manager = await admitUser(files.gateway, 'admin', 'admin');
    const officer = await admitUser(files.desk, 'officer', 'manager');
    say("starting the station's desk and the gateway");
    const desk = await startKanmen('desk', files.desk);
    stops.push(() => desk.stop());
    const gateway = await startKanmen('run', await pointAtDesk(files.gateway, files.settings, desk.ready.api));
    stops.push(() => gateway.stop());
    say(`connecting ${story.piles.length} charging piles and ${story.sensors.length} fire sensors (MQTT)`);
    const devices = await startDevices(devicesPlan(story, gateway.ready.mqtt ?? '', credentials));
    stops.push(() => devices.stop());
    return { dir, gateway, desk, cameras, devices, manager, officer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function write(path: string, content: string | object): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : stringify(content), { mode: 0o600 });
  return path;
}

interface Files {
  readonly gateway: string;
  readonly desk: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

function writeConfigurations(dir: string, story: Story, cameras: Cameras, fixedPorts: boolean): Files {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  write(join(dir, 'gateway/keys/station.secret'), secret);
  write(join(dir, 'desk/keys/gateway.secret'), secret);
  const desk = write(join(dir, 'desk/desk.yaml'), {
    title: station.name,
    dataDir: 'data',
    listen: fixedPorts ? '127.0.0.1:8090' : '127.0.0.1:0',
    gateways: [{ id: gatewayId, name: story.site.name, secretFile: 'keys/gateway.secret' }],
    log: { level: 'warn' },
  });
  const settings = {
    site: story.site,
    gateway: { id: gatewayId },
    dataDir: 'data',
    grids: story.grids,
    areas: story.areas,
    cameras: story.cameras.map(({ id, name, area, direction }) => ({
      id,
      name,
      area,
      direction,
      url: cameras.urls.get(id),
    })),
    mqtt: { listen: fixedPorts ? '127.0.0.1:1883' : '127.0.0.1:0' },
    api: { listen: fixedPorts ? '127.0.0.1:8080' : '127.0.0.1:0' },
    // Two cores have to do for everything, the simulators included.
    perception: { workers: 1 },
    recipients: [{ ...station, role: 'station', channel: 'desk' }],
    // Only deadlines are shorter than in life.
    tiers: { red: { acknowledgeWithin: '2m' }, orange: { acknowledgeWithin: '5m' } },
    log: { level: 'warn' },
  };
  // Without channels for now: the desk's port is not known before it runs.
  const gateway = write(join(dir, 'gateway/kanmen.yaml'), { ...settings, recipients: [] });
  return { gateway, desk, settings };
}

/** Writes the gateway's configuration again, now that the desk's address is known. */
function pointAtDesk(file: string, settings: Files['settings'], desk: string): Promise<string> {
  const channel = {
    kind: 'webhook',
    url: `${desk}/notices/${gatewayId}`,
    feedbackUrl: `${desk}/feedback/${gatewayId}`,
    secretFile: 'keys/station.secret',
  };
  return Promise.resolve(write(file, { ...settings, channels: { desk: channel } }));
}

async function admitDevices(config: string, story: Story): Promise<IssuedCredential[]> {
  const issued: IssuedCredential[] = [];
  for (const area of new Set(storyDevices(story).map((device) => device.area))) {
    const keys = storyDevices(story).flatMap((device) => (device.area === area ? [device.key] : []));
    issued.push(...(await addDevices(config, keys, area)));
  }
  return issued;
}

async function admitUser(config: string, name: string, role: string): Promise<Login> {
  const login = { name, password: password() };
  const { code, stderr } = await kanmen(
    ['users', 'add', name, '--role', role, '--password-file', '-', '-c', config],
    `${login.password}\n`,
  );
  if (code !== 0) throw new Error(`users add ended with ${code}: ${stderr}`);
  return login;
}
