/** One encrypted file of a gateway or a desk while it runs, and a new machine made of it. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openConnection } from '../gateway/lib/database/sqlite.ts';
import { connectDevice, createCommunity, smokeAlarm, type Community, type CommunityPlan } from './support/community.ts';
import {
  addDevices,
  addUser,
  createTestFolder,
  kanmen,
  startKanmen,
  type KanmenProcess,
} from './support/kanmen-process.ts';

const device = 'fire/f-1';

interface Running extends Community {
  stopBoth(): Promise<unknown>;
}

/** A gateway and a desk that run, with one alert at both. */
async function runningCommunity(plan: Partial<CommunityPlan> = {}): Promise<Running> {
  const community = await createCommunity({ devices: [device], ...plan });
  onTestFinished(() => community.close());
  await addUser(community.gatewayConfig, 'chen', 'manager', 'a-good-password');
  const desk = await community.startDesk();
  const gateway = await community.startGateway();
  await alarm(community, gateway);
  await expect.poll(async () => (await community.alertsAt('desk')).length, { timeout: 40_000 }).toBe(1);
  return { ...community, stopBoth: () => Promise.all([gateway.stop(), desk.stop()]) };
}

async function alarm(
  community: Community,
  gateway: KanmenProcess,
  credential = community.devices.get(device),
): Promise<void> {
  if (!credential) throw new Error('no such device');
  const client = await connectDevice(gateway, credential);
  await client.publishAsync(`${credential.topicPrefix}/alarm`, smokeAlarm(credential.username.replace('fire/', '')), {
    qos: 1,
  });
  await client.endAsync();
}

/** What the desk's own database says was done. */
async function auditedActions(config: string): Promise<unknown[]> {
  const connection = await openConnection(join(dirname(config), 'data/desk.sqlite'), { readOnly: true });
  try {
    return connection
      .prepare('SELECT action FROM audit')
      .all()
      .map((row) => (row as { readonly action: string }).action);
  } finally {
    connection.close();
  }
}

const lines = async (config: string): Promise<string> =>
  (await kanmen(['alerts', 'list', '--all', '--json', '-c', config])).stdout;

describe('a backup', { timeout: 120_000 }, () => {
  it('of a running gateway makes the same gateway elsewhere: alerts, devices, people, keys, its own folders', async () => {
    const community = await runningCommunity();
    const { folder, gatewayConfig } = community;
    const [second] = await addDevices(gatewayConfig, ['fire/f-2']);
    const file = join(folder.dir, 'gw.age');
    const made = await kanmen(['backup', '-c', gatewayConfig, '-o', file, '--evidence', '--json']);
    expect(made.stderr).toBe('');
    const { bytes, passphrase } = JSON.parse(made.stdout) as { bytes: number; passphrase: string };
    expect(bytes).toBe(statSync(file).size);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file).subarray(0, 21).toString()).toBe('age-encryption.org/v1');
    // Nothing is left beside the gateway's own files.
    expect(readdirSync(join(folder.dir, 'gateway/data')).filter((name) => name.startsWith('.backup'))).toEqual([]);

    const secret = folder.write('passphrase', `${passphrase}\n`);
    const to = join(folder.dir, 'new/box');
    mkdirSync(join(folder.dir, 'new'));
    const looked = await kanmen(['restore', file, '--check', '--passphrase-file', secret]);
    expect(looked.stdout).toMatch(/^gateway 东苑小区, saved .*: whole\n$/);
    expect(existsSync(to)).toBe(false);
    const before = await lines(gatewayConfig);
    await community.stopBoth();
    const restored = await kanmen(['restore', file, '--to', to, '--passphrase-file', secret]);
    expect(restored.stderr).toBe('');
    expect(restored.stdout).toContain(`kanmen run -c ${to}/kanmen.yaml`);
    expect(await lines(join(to, 'kanmen.yaml'))).toBe(before);
    expect(readFileSync(join(to, 'data/evidence.key'), 'utf8')).toBe(
      readFileSync(join(folder.dir, 'gateway/data/evidence.key'), 'utf8'),
    );
    // It runs, knows its devices and people, and reaches the desk.
    await community.startDesk();
    const again = await startKanmen('run', join(to, 'kanmen.yaml'));
    onTestFinished(() => again.stop().then(() => undefined));
    const login = await fetch(`${again.ready.api}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'chen', password: 'a-good-password' }),
    });
    expect(login.status).toBe(200);
    await alarm(community, again, second);
    await expect.poll(async () => (await community.alertsAt('desk')).length, { timeout: 40_000 }).toBe(2);
    // What the desk had already was not shown again.
    expect((await community.alertsAt('desk')).map(({ shownCount }) => shownCount)).toEqual([1, 1]);
  });

  it('for a recipient cannot be opened by the machine that made it, and takes along what lies elsewhere', async () => {
    // As init leaves it: beside a key that is named lies the authority, which is not.
    const community = await runningCommunity({
      gateway: { evidence: { keyFile: 'keys/evidence.key' } },
      files: { 'keys/evidence.key': `${'0f'.repeat(32)}\n`, 'keys/ca.key': 'the authority' },
    });
    const { folder, gatewayConfig } = community;
    const outside = folder.write(
      'outside/station.secret',
      readFileSync(join(folder.dir, 'gateway/station.secret'), 'utf8'),
    );
    writeFileSync(
      gatewayConfig,
      readFileSync(gatewayConfig, 'utf8').replace('secretFile: station.secret', `secretFile: ${outside}`),
    );
    const identity = await generateIdentity();
    const keys = folder.write('key.txt', `# made by age-keygen\n${identity}\n`);
    const file = join(folder.dir, 'gw.age');
    const made = await kanmen([
      'backup',
      '-c',
      gatewayConfig,
      '-o',
      file,
      '--json',
      '--recipient',
      await identityToRecipient(identity),
    ]);
    expect(JSON.parse(made.stdout)).toMatchObject({ file, passphrase: null });
    const to = join(folder.dir, 'box');
    const wrong = await kanmen(['restore', file, '--to', to, '--passphrase-file', '-'], 'any words at all\n');
    expect(wrong).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not open with what was given') as string,
    });
    const restored = await kanmen(['restore', file, '--to', to, '--identity', keys]);
    expect(restored.stdout).toContain(`put back in its place: ${to}/elsewhere${outside}  →  ${outside}`);
    expect(existsSync(join(to, 'elsewhere', outside))).toBe(true);
    expect(readFileSync(join(to, 'keys/ca.key'), 'utf8')).toBe('the authority');
  });

  it('of a desk keeps its people, its alerts and the key of its pictures', async () => {
    const community = await runningCommunity();
    const { folder, deskConfig } = community;
    await addUser(deskConfig, 'liu', 'duty', 'another-good-password');
    const secret = folder.write('passphrase', 'twelve or more letters');
    const file = join(folder.dir, 'desk.age');
    const made = await kanmen(['backup', '-c', deskConfig, '-o', file, '--passphrase-file', secret]);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining(file) as string });
    // Who takes everything along stands in the log, and its chain holds.
    expect(await auditedActions(deskConfig)).toContain('backup.made');
    expect((await kanmen(['desk', 'audit', 'verify', '-c', deskConfig])).code).toBe(0);
    const before = await lines(deskConfig);
    await community.stopBoth();
    renameSync(join(folder.dir, 'desk'), join(folder.dir, 'burnt'));
    const restored = await kanmen(['restore', file, '--to', join(folder.dir, 'desk'), '--passphrase-file', secret]);
    expect(restored.stderr).toBe('');
    expect(await lines(deskConfig)).toBe(before);
    const desk = await community.startDesk();
    const login = await fetch(`${desk.ready.api}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'liu', password: 'another-good-password' }),
    });
    expect(login.status).toBe(200);
  });

  it('of a gateway whose data lie beside its configuration comes back whole', async () => {
    const folder = createTestFolder();
    onTestFinished(() => folder.remove());
    const config = folder.write('gw/kanmen.yaml', { site: { id: 'a', name: 'a' }, dataDir: '.' });
    await addUser(config, 'chen', 'manager', 'a-good-password');
    const secret = folder.write('passphrase', 'twelve or more letters');
    linkSync(folder.write('gw/rules/one', 'kept'), join(folder.dir, 'gw/rules/same'));
    const [file, to] = [join(folder.dir, 'gw.age'), join(folder.dir, 'box')];
    expect((await kanmen(['backup', '-c', config, '-o', file, '--passphrase-file', secret])).stderr).toBe('');
    expect((await kanmen(['restore', file, '--to', to, '--passphrase-file', secret])).stderr).toBe('');
    const people = (await kanmen(['users', 'list', '--json', '-c', join(to, 'kanmen.yaml')])).stdout;
    expect(people).toContain('"chen"');
    expect(readFileSync(join(to, 'rules/same'), 'utf8')).toBe('kept');
  });

  it('that is cut short, altered, or opened wrongly is refused, with nothing written; and so is a place that is taken', async () => {
    const community = await runningCommunity();
    const { folder, gatewayConfig } = community;
    const secret = folder.write('passphrase', 'twelve or more letters');
    const file = join(folder.dir, 'gw.age');
    const short = await kanmen([
      'backup',
      '-c',
      gatewayConfig,
      '-o',
      file,
      '--passphrase-file',
      folder.write('short', 'abc'),
    ]);
    expect(short).toMatchObject({ code: 1, stderr: 'a passphrase has at least 12 characters\n' });
    expect((await kanmen(['backup', '-c', gatewayConfig, '-o', file, '--passphrase-file', secret])).code).toBe(0);
    const whole = readFileSync(file);
    const twice = await kanmen(['backup', '-c', gatewayConfig, '-o', file, '--passphrase-file', secret]);
    expect(twice).toMatchObject({ code: 1, stderr: `is there already: ${file}\n` });
    expect(readFileSync(file).equals(whole)).toBe(true);

    const to = join(folder.dir, 'box');
    const restore = (from: string, ...more: string[]) =>
      kanmen(['restore', from, '--to', to, '--passphrase-file', secret, ...more]);
    for (const [name, bytes] of [
      ['cut', whole.subarray(0, whole.length - 1000)],
      ['header', whole.subarray(0, 90)],
      ['nothing', Buffer.alloc(0)],
      ['altered', Buffer.from(whole).fill(whole[whole.length >> 1]! ^ 1, whole.length >> 1, (whole.length >> 1) + 1)],
      ['other', readFileSync(gatewayConfig)],
    ] as const) {
      const bad = join(folder.dir, `${name}.age`);
      writeFileSync(bad, bytes);
      expect(await restore(bad), name).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(`cut short, altered, or no backup: ${bad}`) as string,
      });
    }
    expect(existsSync(to)).toBe(false);
    expect(readdirSync(folder.dir).filter((name) => name.startsWith('.restore'))).toEqual([]);

    mkdirSync(to);
    writeFileSync(join(to, 'mine'), '');
    expect(await restore(file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`is not empty: ${to}`) as string,
    });
    expect(readdirSync(to)).toEqual(['mine']);
    expect(await restore(join(folder.dir, 'not-there'), '--check')).toMatchObject({ code: 1 });
    const unsaid = await kanmen(['restore', file, '--to', join(folder.dir, 'other')], '');
    expect(unsaid).toMatchObject({ code: 2, stderr: expect.stringMatching('--passphrase-file') as string });
  });
});
