/** `kanmen pair` beside a gateway that runs: real processes, real commands, and nobody starts anything anew. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDevice, createCommunity, smokeAlarm, type Community } from '../support/community.ts';
import { addDevices, kanmen, type IssuedCredential, type KanmenProcess } from '../support/kanmen-process.ts';
import { password, signIn, until, type Json, type TestOfficer } from './fixture.ts';

const sensors = ['f-1', 'f-2', 'f-3', 'f-4'] as const;
let community: Community;
let gateway: KanmenProcess;
let desk: KanmenProcess;
let officer: TestOfficer;
const credentials = new Map<string, IssuedCredential>();

/** One command, which must succeed: the JSON that it prints. */
async function command(...args: string[]): Promise<Json> {
  const { code, stdout, stderr } = await kanmen(args);
  if (code !== 0) throw new Error(`kanmen ${args.join(' ')}: ${code} ${stderr}`);
  return stdout.trim() === '' ? null : JSON.parse(stdout);
}
const atDesk = (...args: string[]): Promise<Json> => command('desk', ...args, '-c', community.deskConfig, '--json');
const pair = (...args: string[]): Promise<Json> => command('pair', ...args, '-c', community.gatewayConfig, '--json');

async function raise(sensor: string): Promise<void> {
  const issued = credentials.get(sensor)!;
  const device = await connectDevice(gateway, issued);
  await device.publishAsync(`${issued.topicPrefix}/alarm`, smokeAlarm(sensor), { qos: 1 });
  await device.endAsync();
}
/** Open alerts at the desk whose device is this one. */
const shownOf = async (sensor: string): Promise<Json> =>
  ((await officer.get('/api/alerts?state=open&limit=200')).json.items as Json[]).find(
    ({ source }) => source === `fire/${sensor}`,
  );
const ways = async (): Promise<Json> => {
  const health = (await (await fetch(`${gateway.ready.api}/health`)).json()) as Json;
  return health.canary;
};

beforeAll(async () => {
  community = await createCommunity({
    devices: [],
    areas: sensors,
    // As `kanmen init` leaves it where there is no desk yet: nobody is told.
    gateway: { channels: {}, recipients: [], alerts: { canary: { every: '2s', within: '1s' } } },
    desk: { title: '城东派出所', gateways: [] },
  });
  for (const sensor of sensors) {
    const [issued] = await addDevices(community.gatewayConfig, [`fire/${sensor}`], sensor);
    if (issued) credentials.set(sensor, issued);
  }
  const added = await kanmen(
    ['users', 'add', 'liu', '--role', 'duty', '--password-file', '-', '-c', community.deskConfig],
    `${password}\n`,
  );
  if (added.code !== 0) throw new Error(added.stderr);
  mkdirSync(join(community.folder.dir, 'gateway/keys'), { recursive: true });
  desk = await community.startDesk();
  gateway = await community.startGateway();
  officer = await signIn(desk.ready.api, 'liu');
}, 120_000);
afterAll(() => community.close());

describe('a gateway that runs while it is paired', () => {
  it('tells the desk of the next alert, takes its answer, goes over a new key, and over a new code after a revocation', async () => {
    await raise('f-1');
    await until(async () => (await community.alertsAt('gateway')).length === 1);

    const { link } = await atDesk('invite', 'gw-1', '--name', '东苑小区', '--url', desk.ready.api);
    expect(await pair(link)).toMatchObject({ desk: '城东派出所', channel: 'desk', running: true, fault: null });
    await raise('f-2');
    const shown = await until(() => shownOf('f-2'));
    expect((await officer.answer(shown.id, { kind: 'acknowledged' })).status).toBe(200);
    await until(async () =>
      (await community.alertsAt('gateway')).some(({ acknowledgedBy }) => acknowledgedBy === 'liu'),
    );
    // What was raised while nobody was configured is still the gateway's own.
    expect(await shownOf('f-1')).toBeUndefined();
    await until(async () => (await ways()).working === 1);

    const file = join(community.folder.dir, 'gateway/keys/desk-gw-1.secret');
    const first = readFileSync(file, 'utf8');
    expect(await pair('--rotate')).toMatchObject({ channel: 'desk', rotated: true, running: true, fault: null });
    expect(readFileSync(file, 'utf8')).not.toBe(first);
    await raise('f-3');
    await until(() => shownOf('f-3'));
    const [seen] = (await officer.get('/api/gateways')).json.items as Json[];
    expect(seen).toMatchObject({ id: 'gw-1', state: 'online', rotating: true });

    await atDesk('revoke', 'gw-1', '--reason', '设备被盗');
    await until(async () => (await ways()).broken === 1);
    await raise('f-4');
    const again = await atDesk('invite', 'gw-1', '--name', '东苑小区', '--url', desk.ready.api);
    expect(await pair(again.link)).toMatchObject({ running: true, fault: null });
    // Raised while the door was shut: red is kept until it opens.
    await until(() => shownOf('f-4'));
    await until(async () => (await ways()).working === 1);

    // The one that was started in the beginning, and nothing has gone out over an error.
    expect(gateway.child.exitCode).toBeNull();
    expect(new Set((await community.alertsAt('desk')).map(({ shownCount }) => shownCount))).toEqual(new Set([1]));
  }, 240_000);

  it('says what is wrong with a configuration that it cannot take, and goes on as before', async () => {
    const { token } = JSON.parse(readFileSync(join(community.folder.dir, 'gateway/data/run.json'), 'utf8')) as {
      token: string;
    };
    const text = readFileSync(community.gatewayConfig, 'utf8');
    const reload = async (config: string): Promise<{ status: number; json: Json }> => {
      community.folder.write('gateway/kanmen.yaml', config);
      const reply = await fetch(`${gateway.ready.api}/api/channels/reload`, {
        method: 'POST',
        headers: { 'x-kanmen-control': token, 'content-type': 'application/json' },
        body: '{}',
      });
      return { status: reply.status, json: await reply.json() };
    };
    const wrong = await reload(text.replace('kind: webhook', 'kind: pigeon'));
    expect([wrong.status, wrong.json.error.code]).toEqual([409, 'config.invalid']);
    expect(wrong.json.error.message).toContain('channels.desk.kind');
    expect(await reload(text)).toEqual({ status: 200, json: { added: [], renewed: [], removed: [] } });
    expect((await ways()).broken).toBe(0);
  }, 60_000);
});
