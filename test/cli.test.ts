import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestFolder, kanmen, projectRoot, startKanmen, type TestFolder } from './support/kanmen-process.ts';

interface Fault {
  readonly file: string;
  readonly line: number | null;
  readonly path: string;
  readonly value: string | null;
  readonly message: string;
  readonly allowed: string | null;
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

// Each command is a process of its own, and takes seconds to start where many others are busy.
vi.setConfig({ testTimeout: 120_000 });

let folder: TestFolder;
beforeAll(() => {
  folder = createTestFolder();
});
afterAll(() => folder.remove());

/** A gateway on free ports with one area; `more` is merged in. */
const gatewayConfig = (name: string, more: object = {}): string =>
  folder.write(`${name}/kanmen.yaml`, {
    site: { id: 'dongyuan', name: '东苑小区' },
    areas: [{ id: 'shed', name: '车棚' }],
    mqtt: { listen: '127.0.0.1:0' },
    api: { listen: '127.0.0.1:0' },
    ...more,
  });

describe('help', () => {
  it('names every command at each level, on standard output', async () => {
    const levels: Record<string, string[]> = {
      '': [
        'init',
        'run',
        'check',
        'desk',
        'pair',
        'demo',
        'inspect',
        'models',
        'rules',
        'devices',
        'users',
        'alerts',
        'deliveries',
        'backup',
        'restore',
      ],
      models: ['list', 'pull', 'add', 'verify'],
      desk: ['invite', 'gateways', 'revoke', 'audit'],
      rules: ['list', 'show', 'test', 'backtest', 'reload', 'apply'],
      devices: ['add', 'list', 'remove', 'rotate', 'last-fault'],
      users: ['add', 'list', 'remove', 'password'],
      deliveries: ['list', 'show', 'resend'],
      alerts: ['list', 'show', 'answer', 'ack', 'note', 'resolve', 'transfer', 'close'],
    };
    for (const [level, commands] of Object.entries(levels)) {
      const { code, stdout, stderr } = await kanmen([...(level === '' ? [] : [level]), '--help']);
      expect({ level, code, stderr }).toEqual({ level, code: 0, stderr: '' });
      const named = [...stdout.matchAll(/^ {2}([a-z-]+) .*$/gm)].map((found) => found[1]);
      expect(named.filter((name) => name !== 'help')).toEqual(commands);
    }
  });

  it('ends with 2 and a hint when the command line is wrong', async () => {
    const { code, stdout, stderr } = await kanmen(['chek']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain("unknown command 'chek'");
    expect(stderr).toContain('check');
  });
});

describe('init', () => {
  it('makes a gateway that check finds without fault and that runs', async () => {
    const dir = join(folder.dir, 'made');
    const file = join(dir, 'kanmen.yaml');
    const made = await kanmen(['init', dir, '--yes', '--site', 'xiyuan', '--name', '西苑小区']);
    expect(made.stderr).toBe('');
    expect(made.code).toBe(0);
    expect(made.stdout).toMatch(/^admin {5}admin$/m);
    expect(made.stdout).toMatch(/^password {2}[a-z2-9]{5}(-[a-z2-9]{5}){3} /m);
    // Keys are for their owner only.
    const keys = readdirSync(join(dir, 'keys')).filter((name) => !name.endsWith('.pem') && !name.endsWith('.crt'));
    expect(keys).toEqual(expect.arrayContaining(['evidence.key', 'server.key', 'station.secret']));
    for (const name of keys) expect([name, statSync(join(dir, 'keys', name)).mode & 0o077]).toEqual([name, 0]);

    const checked = await kanmen(['check', '-c', file]);
    expect(checked).toEqual({ code: 0, stdout: `${file}: no fault found\n`, stderr: '' });

    const patched = folder.write(
      'made/patched.yaml',
      readFileSync(file, 'utf8').replace(/^(\s+listen: )0\.0\.0\.0:\d+$/gm, '$1127.0.0.1:0'),
    );
    const gateway = await startKanmen('run', patched);
    try {
      const password = /^password {2}(\S+)/m.exec(made.stdout)?.[1] ?? '';
      const login = await fetch(`${gateway.ready.api}/api/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'admin', password }),
      });
      expect([login.status, await login.json()]).toEqual([
        200,
        expect.objectContaining({ user: { name: 'admin', role: 'admin' } }),
      ]);
      expect(gateway.ready.mqtt).toMatch(/^mqtt:\/\/127\.0\.0\.1:\d+$/);
      // The key that it told to keep a copy of is the one that seals: it makes itself no other.
      expect(existsSync(join(dir, 'data/evidence.key'))).toBe(false);
    } finally {
      expect(await gateway.stop()).toBe(0);
    }
  });

  it('overwrites nothing unless told to, and then keeps the keys', async () => {
    const dir = join(folder.dir, 'made');
    const file = join(dir, 'kanmen.yaml');
    const key = readFileSync(join(dir, 'keys/evidence.key'), 'utf8');
    folder.write('made/kanmen.yaml', `${readFileSync(file, 'utf8')}# mine\n`);
    const refused = await kanmen(['init', dir, '--yes']);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`${file} is there already; --force`);
    expect(readFileSync(file, 'utf8')).toContain('# mine');
    expect((await kanmen(['init', dir, '--yes', '--force'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).not.toContain('# mine');
    expect(readFileSync(join(dir, 'keys/evidence.key'), 'utf8')).toBe(key);
  });

  it('takes no site that could not stand in a topic', async () => {
    const dir = join(folder.dir, 'nowhere');
    const { code, stderr } = await kanmen(['init', dir, '--yes', '--site', 'a/b']);
    expect(code).toBe(2);
    expect(stderr).toContain('"a/b"');
    expect(existsSync(dir)).toBe(false);
  });

  it('makes a desk that check finds without fault and that runs', async () => {
    const dir = join(folder.dir, 'station');
    const file = join(dir, 'desk.yaml');
    const made = await kanmen(['init', dir, '--yes', '--desk', '--name', '城东派出所']);
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(made.stdout).toMatch(/^password {2}\S+/m);
    expect(await kanmen(['check', '-c', file])).toEqual({
      code: 0,
      stdout: `${file}: no fault found\n`,
      stderr: '',
    });
    const patched = folder.write(
      'station/patched.yaml',
      readFileSync(file, 'utf8').replace(/^listen: .*$/m, 'listen: 127.0.0.1:0'),
    );
    const desk = await startKanmen('desk', patched);
    const answer = await fetch(`${desk.ready.api}/health`);
    expect(answer.status).toBe(200);
    expect(await desk.stop()).toBe(0);
    const users = await kanmen(['users', 'list', '--json', '-c', file]);
    expect(jsonLines(users.stdout)).toEqual([{ name: 'admin', role: 'admin' }]);
  });
});

describe('check', () => {
  const rule = readFileSync(join(projectRoot, 'rules/fire-heat.yaml'), 'utf8');

  it('tells every fault of configuration and rules at once: file, line, path, value, what is allowed', async () => {
    const ruleFile = folder.write('wrong/rules/heat.yaml', rule.replace('tier: red\n', 'tier: purple\n'));
    const file = folder.write(
      'wrong/kanmen.yaml',
      `site: { id: dongyuan, name: 东苑小区 }
grdis: []
cameras:
  - { id: east, name: 东门, url: "admin:hunter2@10.0.0.7/stream" }
  - { id: east, name: 西门, url: "rtsp://10.0.0.8/stream" }
retention:
  passages: 5 parsecs
channels:
  desk: { kind: webhook, url: "http://127.0.0.1:1/x", secretFile: keys/none.secret }
recipients:
  - { id: station, name: 派出所, role: station, channel: dsk }
rules: { dir: rules }
`,
    );
    const { code, stdout, stderr } = await kanmen(['check', '-c', file, '--json']);
    expect([code, stderr]).toEqual([78, '7 faults\n']);
    const faults = jsonLines(stdout) as unknown as Fault[];
    const short = faults.map(({ file: where, line, path, value }) => ({ file: where, line, path, value }));
    expect(short).toEqual(
      [
        { file, line: 2, path: 'grdis', value: '[]' },
        { file, line: 4, path: 'cameras[0].url', value: '"***@10.0.0.7/stream"' },
        { file, line: 5, path: 'cameras[1].id', value: '"east"' },
        { file, line: 7, path: 'retention.passages', value: '"5 parsecs"' },
        { file, line: 9, path: 'channels.desk.secretFile', value: `"${join(folder.dir, 'wrong/keys/none.secret')}"` },
        { file, line: 11, path: 'recipients[0].channel', value: '"dsk"' },
        { file: ruleFile, line: 10, path: 'tier', value: '"purple"' },
      ].map((one) => ({ ...one, value: one.value.length > 60 ? `${one.value.slice(0, 57)}…` : one.value })),
    );
    const allowed = (path: string): string =>
      faults.filter((fault) => fault.path === path).map((fault) => `${fault.message} | ${fault.allowed ?? ''}`)[0] ??
      '';
    expect(allowed('grdis')).toMatch(/unknown key, did you mean "grids"\? \| .*\bgrids\b.*\bcameras\b/);
    expect(allowed('cameras[0].url')).toContain('rtsp://');
    expect(allowed('cameras[1].id')).toContain('the first is cameras[0]');
    expect(allowed('retention.passages')).toContain('between 1d and 365d');
    expect(allowed('channels.desk.secretFile')).toContain('does not exist');
    expect(allowed('recipients[0].channel')).toContain('| desk');
    expect(allowed('tier')).toContain('red, orange, yellow, blue');
    expect(stdout).not.toContain('hunter2');
  });

  it('says the same to people, a fault a line, and run starts on none of it', async () => {
    const file = folder.write('wrong/short.yaml', 'site: { id: a, name: b }\nretention: { faces: 90d }\nlog: loud\n');
    const lines = [
      `${file}:2:14 retention.faces = "90d": does not fit (allowed: a duration such as 30s, 5m or 2h between 1h and 30d)`,
      `${file}:3:1 log = "loud": does not fit (allowed: a block of keys)`,
    ];
    const checked = await kanmen(['check', '-c', file]);
    expect(checked).toEqual({ code: 78, stdout: `${lines.join('\n')}\n`, stderr: '2 faults\n' });
    for (const command of [['run'], ['devices', 'list'], ['alerts', 'list', '--json']]) {
      const { code, stdout, stderr } = await kanmen([...command, '-c', file]);
      expect([command, code, stdout]).toEqual([command, 78, '']);
      expect(stderr).toBe(`${lines.join('\n')}\n2 faults\n`);
    }
  });

  it('finds a wrong rule although the configuration is right, and run ends with 78', async () => {
    folder.write('ruled/rules/heat.yaml', rule.replace('tier: red\n', 'tier: purple\n'));
    const file = gatewayConfig('ruled', { rules: { dir: 'rules' } });
    const checked = await kanmen(['check', '-c', file]);
    expect(checked.code).toBe(78);
    expect(checked.stdout).toMatch(/heat\.yaml:10:7 tier = "purple": .*red, orange, yellow, blue/);
    await expect(startKanmen('run', file)).rejects.toThrow(/ended with 78 before it was ready[\s\S]*heat\.yaml:10:7/);
  });

  it('shows settings of rules where they stand', async () => {
    const file = folder.write(
      'settings/kanmen.yaml',
      `site: { id: a, name: b }
rules:
  settings:
    fire-heet: { enabled: false }
    charging-over-temperature:
      params: { warnC: hot }
`,
    );
    const { code, stdout } = await kanmen(['check', '-c', file, '--json']);
    expect(code).toBe(78);
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({ file, line: 4, path: 'rules.settings.fire-heet' }),
      expect.objectContaining({ file, line: 6, path: 'rules.settings.charging-over-temperature.params.warnC' }),
    ]);
    expect(stdout).toContain('did you mean \\"fire-heat\\"');
  });

  it('tries cameras, keys and files that the configuration names', async () => {
    folder.write('behind/station.secret', 'not a secret');
    folder.write('behind/vehicles.csv', 'plate,category,unit,until\n浙B12345,resident,1-101,\n浙B23456,king,1-102,\n');
    const file = gatewayConfig('behind', {
      // Port 1 of this machine: nothing listens there.
      cameras: [{ id: 'east', name: '东门', url: 'rtsp://admin:hunter2@127.0.0.1:1/stream' }],
      channels: { desk: { kind: 'webhook', url: 'http://127.0.0.1:1/x', secretFile: 'station.secret' } },
      recipients: [{ id: 'station', name: '派出所', role: 'station', channel: 'desk' }],
      register: { vehiclesFile: 'vehicles.csv' },
    });
    const { code, stdout } = await kanmen(['check', '-c', file, '--json']);
    expect(code).toBe(78);
    const faults = jsonLines(stdout) as unknown as Fault[];
    expect(faults.map(({ file: where, line, path }) => [where, line, path])).toEqual([
      [file, expect.any(Number), 'channels'],
      [join(folder.dir, 'behind/vehicles.csv'), 3, ''],
      [file, expect.any(Number), 'cameras[0].url'],
    ]);
    expect(faults[0]?.message).toContain('whsec_');
    expect(faults[2]?.message).toBe('the camera cannot be reached (ECONNREFUSED)');
    expect(stdout).not.toContain('hunter2');
  });

  it('knows a desk by what stands in it, also when it is wrong', async () => {
    const file = folder.write('wrong/desk.yaml', {
      listen: '127.0.0.1:0',
      gateways: [
        { id: 'gw-1', name: '东苑', secretFile: 'gw-1.secret' },
        { id: 'gw-1', name: '西苑', secretFile: 'gw-1.secret' },
      ],
      sesionLifetime: '8h',
    });
    folder.write('wrong/gw-1.secret', 'whsec_short');
    const { code, stdout } = await kanmen(['check', '-c', file, '--json']);
    expect(code).toBe(78);
    expect((jsonLines(stdout) as unknown as Fault[]).map(({ line, path, message }) => [line, path, message])).toEqual([
      [6, 'gateways[1].id', 'two gateways with the id gw-1; the first is gateways[0]'],
      [9, 'sesionLifetime', 'unknown key, did you mean "sessionLifetime"?'],
    ]);
    const users = await kanmen(['users', 'list', '-c', file]);
    expect([users.code, users.stderr]).toEqual([78, expect.stringContaining('gateways[1].id')]);
  });

  it.each([
    ['is not there', null, /: the file does not exist \(allowed: kanmen init DIR writes a working one\)\n$/],
    ['is not YAML', 'site: { id: a\nname: [\n', /:\d+:\d+: is not YAML: .*\n/],
    ['is empty', '', / site: is missing \(allowed: a block of keys\)\n$/],
    ['is a list', '- site\n', /:1:1: does not fit \(allowed: a block of keys\)\n$/],
    ['names a key twice', 'site: { id: a, name: b }\nsite: { id: c, name: d }\n', /:2:1: is not YAML: .*unique/],
  ])('ends with 78 for a file that %s', async (what, text, said) => {
    const file = join(folder.dir, `odd/${what.replaceAll(' ', '-')}.yaml`);
    if (text !== null) folder.write(`odd/${what.replaceAll(' ', '-')}.yaml`, text);
    const { code, stdout } = await kanmen(['check', '-c', file]);
    expect(code).toBe(78);
    expect(stdout.startsWith(file)).toBe(true);
    expect(stdout).toMatch(said);
  });
});

describe('devices', () => {
  it('are let in, listed, given a new password and shut out, with nothing but JSON on standard output', async () => {
    const config = gatewayConfig('devices');
    const run = (...args: string[]) => kanmen(['devices', ...args, '-c', config, '--json']);

    expect(await run('list')).toEqual({ code: 0, stdout: '', stderr: '' });
    const added = await run('add', 'fire/f-1', 'charger/10597059', '--area', 'shed');
    expect([added.code, added.stderr]).toEqual([0, '']);
    const issued = jsonLines(added.stdout);
    expect(issued).toEqual([
      {
        username: 'fire/f-1',
        password: expect.stringMatching(/^[\w-]{32}$/),
        topicPrefix: 'community/dongyuan/fire/f-1',
      },
      {
        username: 'charger/10597059',
        password: expect.stringMatching(/^[\w-]{32}$/),
        topicPrefix: 'community/dongyuan/charger/10597059',
      },
    ]);
    const again = await run('add', 'fire/f-1');
    expect(again).toEqual({
      code: 1,
      stdout: '',
      stderr: 'the device fire/f-1 is there already; rotate its password instead\n',
    });
    const listed = jsonLines((await run('list')).stdout);
    expect(listed).toEqual([
      expect.objectContaining({ device: 'charger/10597059', area: 'shed', state: 'never', lastFault: null }),
      expect.objectContaining({ device: 'fire/f-1', area: 'shed', lastHeardAt: null }),
    ]);
    const rotated = jsonLines((await run('rotate', 'fire/f-1')).stdout);
    expect(rotated).toEqual([{ ...issued[0], password: expect.stringMatching(/^[\w-]{32}$/) }]);
    expect(rotated[0]?.['password']).not.toBe(issued[0]?.['password']);
    expect(jsonLines((await run('last-fault', 'fire/f-1')).stdout)).toEqual([
      { device: 'fire/f-1', fault: null, at: null },
    ]);
    expect(jsonLines((await run('remove', 'fire/f-1')).stdout)).toEqual([{ removed: 'fire/f-1' }]);
    const gone = await run('rotate', 'fire/f-1');
    expect(gone).toEqual({ code: 1, stdout: '', stderr: 'there is no device fire/f-1\n' });
  });

  it('are refused with the reason when the name or the area is wrong', async () => {
    const config = gatewayConfig('devices');
    const wrongName = await kanmen(['devices', 'add', 'lamp/1', '-c', config, '--json']);
    expect([wrongName.code, wrongName.stdout]).toEqual([1, '']);
    expect(wrongName.stderr).toContain('"lamp/1" is no device: write <class>/<id>');
    const wrongArea = await kanmen(['devices', 'add', 'fire/f-9', '--area', 'roof', '-c', config, '--json']);
    expect(wrongArea).toEqual({ code: 1, stdout: '', stderr: 'there is no area roof; the configuration has: shed\n' });
  });

  it('are either all let in or none, so that no password is lost in a half-done list', async () => {
    const config = gatewayConfig('devices-half');
    const { code, stdout } = await kanmen(['devices', 'add', 'fire/a', 'fire/b', 'lamp/1', '-c', config, '--json']);
    expect([code, stdout]).toEqual([1, '']);
    expect(jsonLines((await kanmen(['devices', 'list', '-c', config, '--json'])).stdout)).toEqual([]);
  });
});

describe('users', () => {
  it('are let in with a password that was given or made, listed, and shut out; the last admin stays', async () => {
    const config = gatewayConfig('users');
    const run = (args: string[], input?: string) => kanmen(['users', ...args, '-c', config, '--json'], input);

    const made = await run(['add', 'li', '--role', 'admin']);
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(jsonLines(made.stdout)).toEqual([{ name: 'li', password: expect.stringMatching(/^[a-z2-9-]{23}$/) }]);
    const given = await run(['add', 'wang', '--role', 'viewer', '--password-file', '-'], 'a long enough one\n');
    expect([given.code, jsonLines(given.stdout)]).toEqual([0, [{ name: 'wang', password: null }]]);
    expect(jsonLines((await run(['list'])).stdout)).toEqual([
      { name: 'li', role: 'admin' },
      { name: 'wang', role: 'viewer' },
    ]);
    const short = await run(['password', 'wang', '--password-file', '-'], 'short\n');
    expect([short.code, short.stdout]).toEqual([1, '']);
    expect(short.stderr).toMatch(/a password has at least \d+ characters/);
    expect(await run(['add', 'wang'])).toMatchObject({ code: 1, stdout: '' });
    expect(await run(['remove', 'li'])).toMatchObject({ code: 1, stdout: '' });
    expect(jsonLines((await run(['remove', 'wang'])).stdout)).toEqual([{ removed: 'wang' }]);
    const role = await run(['add', 'zhao', '--role', 'king']);
    expect([role.code, role.stderr]).toEqual([1, expect.stringContaining('a role is one of admin')]);
  });
});

describe('alerts and rules', () => {
  it('has no alerts to show yet: nothing on standard output', async () => {
    const config = gatewayConfig('alerts');
    expect(await kanmen(['alerts', 'list', '--all', '--json', '-c', config])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(await kanmen(['alerts', 'list', '-c', config])).toEqual({ code: 0, stdout: '', stderr: 'no alerts\n' });
    expect(await kanmen(['alerts', 'show', 'a-1', '-c', config])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'there is no alert a-1\n',
    });
    expect(await kanmen(['alerts', 'answer', 'a-1', '--by', 'li', '-c', config])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'the gateway is not running: an answer needs it\n',
    });
    expect((await kanmen(['alerts', 'list', '--limit', 'many', '-c', config])).code).toBe(2);
  });

  it("runs the shipped rules' own examples, and all hold", async () => {
    const { code, stdout, stderr } = await kanmen(['rules', 'test', '--json']);
    const results = jsonLines(stdout);
    expect(code).toBe(0);
    expect(results.length).toBeGreaterThan(40);
    expect(results.filter(({ ok }) => ok !== true)).toEqual([]);
    expect(stderr).toBe(`${results.length} of ${results.length} examples hold\n`);
  });

  it('names the example that does not hold and ends with 1', async () => {
    const rule = readFileSync(join(projectRoot, 'rules/fire-heat.yaml'), 'utf8');
    folder.write('broken-rules/heat.yaml', rule.replace('expect: []', 'expect: [{ tier: red }]'));
    const { code, stdout, stderr } = await kanmen(['rules', 'test', '--dir', join(folder.dir, 'broken-rules')]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/a sensor's fault is not a fire\s+FAILED/);
    expect(stderr).toBe('1 of 2 examples hold\n');
  });
});
