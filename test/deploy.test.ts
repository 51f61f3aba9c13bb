import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { exitCodes, runProgram, type Commands } from '../gateway/cli/index.ts';
import { deskTemplate, gatewaySchema, gatewayTemplate } from '../gateway/config/index.ts';
import { deskOptionsSchema } from '../gateway/inbox/options.ts';
import { defaultMqttListen, mqttOptions } from '../gateway/ingest/options.ts';
import { watchdogOptions } from '../gateway/observability/options.ts';
import { parseDurationMs } from '../gateway/lib/quantities.ts';
import { seriesOptions } from '../gateway/series/options.ts';
import { projectRoot } from './support/kanmen-process.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly init?: boolean;
}
const composeText = read('docker-compose.yml');
const compose = parse(composeText) as {
  readonly services: Readonly<Record<'gateway' | 'desk' | 'influxdb' | 'mosquitto', Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const { gateway, desk, influxdb, mosquitto } = compose.services;
const packageJson = JSON.parse(read('package.json')) as {
  readonly version: string;
  readonly bin: { readonly kanmen: string };
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
};

/** The instructions of a Dockerfile, continued lines joined, comments left out. */
function instructionsOf(text: string): { readonly word: string; readonly rest: string }[] {
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => ({ word: line.split(' ', 1)[0] ?? '', rest: line.slice(line.indexOf(' ') + 1).trim() }));
}
const dockerfileText = read('gateway/deploy/Dockerfile');
const dockerfile = instructionsOf(dockerfileText);
const instruction = (word: string): string[] => dockerfile.filter((one) => one.word === word).map(({ rest }) => rest);

const unitText = read('gateway/deploy/kanmen.service');
const unit = new Map(
  unitText
    .split('\n')
    .filter((line) => /^[A-Za-z]+=/.test(line))
    .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);

/** What the command line makes of these words: the command's name and its options. */
async function understood(args: readonly string[]): Promise<unknown[]> {
  const called: unknown[] = [];
  const commands = new Proxy({} as Commands, {
    get:
      (_target, name) =>
      (...given: unknown[]) => {
        called.push(name, ...given);
        return Promise.resolve(0);
      },
  });
  const ignore = (): void => undefined;
  const code = await runProgram(args, { commands, version: '', out: ignore, err: ignore });
  expect([args, code]).toEqual([args, 0]);
  return called;
}

const published = (service: Service): { host: string; inside: number }[] =>
  (service.ports ?? []).map((text) => {
    const [inside = '', outside = '', host = '0.0.0.0'] = text.split(':').reverse();
    expect(outside).not.toBe('');
    return { host, inside: Number(inside) };
  });
const insidePorts = (service: Service): number[] => published(service).map(({ inside }) => inside);

const defaults = gatewaySchema.parse({ site: { id: 'a', name: 'a' } });
const tlsPort = mqttOptions.parse({ tls: { certFile: 'a', keyFile: 'b' } }).tls?.listen.port;

describe('docker-compose.yml', () => {
  it('publishes the ports that are the defaults of the code', () => {
    expect(insidePorts(gateway)).toEqual([defaultMqttListen.port, tlsPort, defaults.api.listen.port]);
    expect(insidePorts(desk)).toEqual([deskOptionsSchema.parse({}).listen.port]);
  });

  it('publishes those that kanmen init writes down', () => {
    const written = gatewaySchema.parse(parse(gatewayTemplate({ siteId: 'a', siteName: 'a', gatewayId: 'a' })));
    expect(insidePorts(gateway)).toEqual([
      written.mqtt.listen?.port,
      written.mqtt.tls?.listen.port,
      written.api.listen.port,
    ]);
    expect(insidePorts(desk)).toEqual([deskOptionsSchema.parse(parse(deskTemplate('a'))).listen.port]);
    // Inside a container loopback reaches nobody.
    expect([written.mqtt.listen?.host, written.api.listen.host]).toEqual(['0.0.0.0', '0.0.0.0']);
  });

  it('names an image and its version for every service, ours with the version of the package', () => {
    for (const service of Object.values(compose.services)) expect(service.image).toMatch(/^[\w./-]+:[\w.-]+$/);
    expect([gateway.image, desk.image]).toEqual([`kanmen:${packageJson.version}`, `kanmen:${packageJson.version}`]);
    for (const { build } of [gateway, desk]) {
      expect(existsSync(join(projectRoot, build?.context ?? '', build?.dockerfile ?? 'missing'))).toBe(true);
    }
  });

  it('runs commands that the command line understands, on a configuration that is mounted', async () => {
    expect(await understood(gateway.command ?? [])).toEqual(['run', { config: '/etc/kanmen/kanmen.yaml' }]);
    expect(await understood(desk.command ?? [])).toEqual(['desk', { config: '/etc/kanmen/desk.yaml' }]);
    for (const service of [gateway, desk]) expect(service.volumes?.join()).toMatch(/^\.\/[\w-]+:\/etc\/kanmen$/);
  });

  it('explains itself with commands that exist', async () => {
    const shown = [...composeText.matchAll(/^# .*docker compose run --rm \w+ (.+)$/gm)].map((found) => found[1] ?? '');
    expect(shown.length).toBeGreaterThan(0);
    for (const command of shown) expect((await understood(command.split(' ')))[0]).toBe('init');
  });

  it('asks a path for its health that the API has, on the port it listens on', () => {
    const { paths } = JSON.parse(read('gateway/api/openapi.json')) as { paths: Record<string, { get?: unknown }> };
    const script = gateway.healthcheck?.test.at(-1) ?? '';
    const url = new URL(/fetch\('([^']+)'\)/.exec(script)?.[1] ?? 'http://missing/');
    expect(paths[url.pathname]?.get).toBeDefined();
    expect([url.hostname, Number(url.port)]).toEqual(['127.0.0.1', defaults.api.listen.port]);
    expect(gateway.healthcheck?.test.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
  });

  it('sets no variable that nobody reads', () => {
    // Node and ICU read TZ; INFLUXDB_DB and INFLUXDB_<SECTION>_<KEY> are read by the image's entry point and by influxd.
    for (const service of [gateway, desk]) expect(Object.keys(service.environment ?? {})).toEqual(['TZ']);
    expect(Object.keys(influxdb.environment ?? {})).toEqual(['INFLUXDB_DB', 'INFLUXDB_REPORTING_DISABLED']);
  });

  it('has the database and the broker that its comments send the gateway to, and shows them to this machine only', () => {
    const series = seriesOptions.parse({
      influx: {
        url: /series\.influx\.url (http\S+)/.exec(composeText)?.[1],
        database: influxdb.environment?.['INFLUXDB_DB'],
      },
    });
    const influx = new URL(series.influx?.url ?? '');
    expect(compose.services).toHaveProperty([influx.hostname]);
    expect(insidePorts(influxdb)).toEqual([Number(influx.port)]);
    const external = mqttOptions.parse({
      external: { url: /mqtt\.external\.url (mqtt\S+)/.exec(composeText)?.[1] },
    }).external;
    const broker = new URL(external?.url ?? '');
    expect(compose.services).toHaveProperty([broker.hostname]);
    expect(insidePorts(mosquitto)).toEqual([Number(broker.port)]);
    for (const service of [influxdb, mosquitto]) {
      expect(published(service).map(({ host }) => host)).toEqual(['127.0.0.1']);
      expect(service.profiles).toHaveLength(1);
    }
  });

  it('declares every named volume', () => {
    const named = Object.values(compose.services)
      .flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':', 1)[0] ?? ''))
      .filter((name) => !name.startsWith('.'));
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
  });
});

describe('gateway/deploy/Dockerfile', () => {
  const copies = instruction('COPY').map((rest) => {
    const words = rest.split(/\s+/);
    const from = words.find((word) => word.startsWith('--from='));
    const paths = words.filter((word) => !word.startsWith('--'));
    return { built: from !== undefined, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
  });
  const final = copies.slice(copies.findIndex(({ built }) => built));

  it('copies what is there or what the build makes', () => {
    const made = ['dist/gateway', 'dist/dashboard', 'node_modules'];
    for (const { sources } of copies) {
      for (const source of sources.map((path) => path.replace(/^\/src\//, ''))) {
        const known = source === '.' || made.includes(source) || existsSync(join(projectRoot, source));
        expect([source, known]).toEqual([source, true]);
      }
    }
    expect(packageJson.scripts['build:gateway']).toContain('tsconfig.json');
    expect((JSON.parse(read('tsconfig.json')) as { compilerOptions: object }).compilerOptions).toMatchObject({
      outDir: 'dist',
      rootDir: '.',
    });
    expect(read('dashboard/vite.config.ts')).toContain("'../dist/dashboard'");
  });

  it('keeps nothing away from the build that it copies', () => {
    const ignored = read('.dockerignore').split('\n');
    const needed = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'LICENSE', 'THIRD_PARTY.md'];
    expect(
      [...needed, 'gateway', 'dashboard', 'models', 'rules', 'test'].filter((name) => ignored.includes(name)),
    ).toEqual([]);
    expect(ignored).toEqual(expect.arrayContaining(['node_modules', 'dist', '.git', 'etc']));
  });

  it('brings everything that the program looks for beside itself', () => {
    const sources = readdirSync(join(projectRoot, 'gateway'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => read(join('gateway', name)))
      .join('\n');
    const wanted = [
      ...sources.matchAll(/\binstalled\('([^']+)'\)|new URL\('([^']+)', (?:context|settings)\.installDir\)/g),
    ].map((found) => found[1] ?? found[2] ?? '');
    expect(wanted.length).toBeGreaterThan(3);
    const brought = final.flatMap(({ sources: from }) => from.map((path) => path.replace(/^\/src\//, '')));
    // The demo is for a clone; it says so where it is missing.
    const missing = [...wanted, 'models', 'package.json'].filter(
      (path) => !path.startsWith('dist/test/') && !brought.some((one) => path === one || path.startsWith(`${one}/`)),
    );
    expect(missing).toEqual([]);
  });

  it('exposes the ports that compose publishes', () => {
    const exposed = instruction('EXPOSE').flatMap((rest) => rest.split(/\s+/).map(Number));
    expect(exposed).toEqual([...insidePorts(gateway), ...insidePorts(desk)]);
  });

  it('starts the installed binary with a command that it understands', async () => {
    const entry = JSON.parse(instruction('ENTRYPOINT')[0] ?? '[]') as string[];
    const workdir = instruction('WORKDIR').at(-1) ?? '';
    expect(entry.slice(0, 3)).toEqual(['tini', '--', 'node']);
    expect(entry[3]).toBe(join(workdir, packageJson.bin.kanmen));
    const command = JSON.parse(instruction('CMD')[0] ?? '[]') as string[];
    expect(await understood(command)).toEqual(['run', { config: '/etc/kanmen/kanmen.yaml' }]);
    // tini is there to reap ffmpeg's leftovers as process 1: a second one before it would leave it nothing to do.
    expect([gateway.init, desk.init]).toEqual([undefined, undefined]);
  });

  it('runs on a Node that the package allows, without rights, with the programs that the gateway calls', () => {
    const image = /node:(\d+)-/.exec(instruction('ARG')[0] ?? '')?.[1];
    const least = /\d+/.exec(packageJson.engines.node)?.[0];
    expect(Number(image)).toBeGreaterThanOrEqual(Number(least));
    expect(instruction('USER')).toEqual(['node']);
    const installed = instruction('RUN').find((rest) => rest.includes('apt-get install')) ?? '';
    for (const program of ['ffmpeg', 'tini']) expect(installed.split(/\s+/)).toContain(program);
  });
});

describe('every architecture', () => {
  it('is left open: nothing names a platform', () => {
    for (const text of [composeText, dockerfileText, unitText]) {
      expect(text.replace(/^\s*#.*$/gm, '')).not.toMatch(/platform|amd64|x86|arm64|aarch64/i);
    }
  });
});

describe('gateway/deploy/kanmen.service', () => {
  it('waits for at least two words of the watchdog', () => {
    const { period } = watchdogOptions.parse({});
    expect(Number(unit.get('WatchdogSec')) * 1000).toBeGreaterThanOrEqual(2 * period);
    expect([unit.get('Type'), unit.get('NotifyAccess')]).toEqual(['notify', 'all']);
    expect(read('gateway/main.ts')).toContain("process.env['NOTIFY_SOCKET']");
  });

  it('does not start again what a wrong configuration ended, and anything else at once', () => {
    expect(unit.get('RestartPreventExitStatus')).toBe(String(exitCodes.wrongConfiguration));
    expect(unit.get('Restart')).toBe('always');
  });

  it('starts the binary where its comment puts it, with a command that it understands', async () => {
    const words = unit.get('ExecStart')?.split(' ') ?? [];
    const [, folder] = /installed under (\S+)/.exec(unitText) ?? [];
    expect(words.slice(0, 2)).toEqual(['/usr/bin/node', join(folder ?? '', packageJson.bin.kanmen)]);
    expect(await understood(words.slice(2))).toEqual(['run', { config: '/etc/kanmen/kanmen.yaml' }]);
  });

  it('lets the gateway write where its data lie, and nowhere else', () => {
    const [, config] = /-c (\S+)\/kanmen\.yaml$/.exec(unit.get('ExecStart') ?? '') ?? [];
    const { dataDir } = gatewaySchema.parse(parse(gatewayTemplate({ siteId: 'a', siteName: 'a', gatewayId: 'a' })));
    // A relative data folder lies beside the configuration.
    expect(dataDir.startsWith('/')).toBe(false);
    expect(unit.get('ReadWritePaths')).toBe(config);
    expect(unit.get('ProtectSystem')).toBe('strict');
  });

  it('gives the gateway, like compose, more time to stop than its slowest part may take', () => {
    const slowest = Number(/stopDeadlineMs = ([\d_]+)/.exec(read('gateway/app.ts'))?.[1]?.replaceAll('_', ''));
    expect(slowest).toBeGreaterThan(0);
    expect(Number(unit.get('TimeoutStopSec')) * 1000).toBeGreaterThan(slowest);
    expect(parseDurationMs(gateway.stop_grace_period ?? '')).toBeGreaterThan(slowest);
  });

  it('sets no variable that nobody reads', () => {
    expect([...unit.keys()].filter((key) => /^Environment/.test(key))).toEqual([]);
  });
});

describe('the nightly backup', () => {
  const text = read('gateway/deploy/kanmen-backup.service');
  const start = /^ExecStart=(.*)$/m.exec(text)?.[1]?.split(' ') ?? [];

  it('starts the same binary on the same configuration, with a command that it understands', async () => {
    const served = unit.get('ExecStart')?.split(' ') ?? [];
    expect(start.slice(0, 2)).toEqual(served.slice(0, 2));
    expect(await understood(start.slice(2))).toMatchObject([
      'backup',
      { config: '/etc/kanmen/kanmen.yaml', recipient: ['${RECIPIENT}'], evidence: false },
    ]);
    expect(/^User=(.*)$/m.exec(text)?.[1]).toBe(unit.get('User'));
  });

  it('keeps what it writes where it removes the old ones, and has a timer of its name', () => {
    const [, folder] = /^WorkingDirectory=(.*)$/m.exec(text) ?? [];
    const [, cleaned, pattern] = /^ExecStartPost=\S+ (\S+) .*-name (\S+) /m.exec(text) ?? [];
    expect(cleaned).toBe(folder);
    expect(`/var/lib/${/^StateDirectory=(.*)$/m.exec(text)?.[1]}`).toBe(folder);
    // As tools/backup.ts names them.
    expect('kanmen-gateway-20261122T193209.tar.gz.age').toMatch(
      new RegExp(`^${(pattern ?? '').replaceAll('.', '\\.').replace('*', '.*')}$`),
    );
    expect(read('gateway/deploy/kanmen-backup.timer')).toMatch(/^OnCalendar=/m);
  });
});
