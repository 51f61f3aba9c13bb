/** A gateway joins the desk by a code, with the very commands that people use. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { v7 } from 'uuid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { gatewayTemplate, loadConfiguration } from '../../gateway/config/index.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { createFakeClock } from '../../gateway/lib/fake-clock.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import { createDeskCommands } from '../../gateway/tools/desk.ts';
import { createPairCommand } from '../../gateway/tools/pair.ts';
import { createTestGateway, noticeEvent, startDesk, until, type Json, type TestDesk } from './fixture.ts';

/** A gateway's folder as `kanmen init` leaves it, and `kanmen pair` in it. */
function gatewayFolder() {
  const dir = mkdtempSync(join(tmpdir(), 'kanmen-pair-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'kanmen.yaml');
  writeFileSync(file, gatewayTemplate({ gatewayId: 'gw-1', siteId: 'dongyuan', siteName: '东苑小区' }));
  // What init makes beside it.
  mkdirSync(join(dir, 'keys'));
  for (const name of ['station.secret', 'evidence.key', 'server.pem', 'server.key']) {
    writeFileSync(join(dir, 'keys', name), `whsec_${'A'.repeat(44)}\n`);
  }
  const printed = { out: '', err: '' };
  const command = createPairCommand(commandContext(dir, printed));
  return {
    dir,
    file,
    printed,
    pair: (link: string | undefined, more: Record<string, unknown> = {}) =>
      command.pair(link, { config: file, json: true, rotate: false, ...more }),
    channels: () => (parse(readFileSync(file, 'utf8')) as { channels: Record<string, Json> }).channels,
    secret: () => readFileSync(join(dir, 'keys', 'station-desk-dongyuan.secret'), 'utf8').trim(),
  };
}

const commandContext = (dir: string, printed: { out: string; err: string }) => ({
  out: (text: string) => {
    printed.out += text;
  },
  err: (text: string) => {
    printed.err += text;
  },
  stdin: Readable.from([]),
  installDir: pathToFileURL(`${dir}/`),
  ...{ version: '0.0.0-test', clock: systemClock, random: systemRandom, logger: silentLogger },
});

async function invited(desk: TestDesk, id = 'dongyuan') {
  const admin = await desk.addUser(`主管${v7().slice(-4)}`, 'admin');
  const invite = await admin.post('/api/gateways/invites', { id, name: '东苑' });
  expect(invite.status).toBe(200);
  return { admin, invite: invite.json };
}

describe('pairing', () => {
  it('lets a gateway in by a code; the secret never crosses the wire, and nobody copies it', async () => {
    const desk = await startDesk({ gateways: [] });
    const { admin, invite } = await invited(desk);
    expect(invite.link).toBe(`${invite.code}@${desk.url}`);
    const crossed: string[] = [];
    const between = await relay(desk.url, crossed);
    const gateway = gatewayFolder();
    expect([await gateway.pair(`${invite.code}@${between}`), gateway.printed.err]).toEqual([0, '']);
    const secret = gateway.secret();
    expect(secret).toMatch(/^whsec_/);
    expect(statSync(join(gateway.dir, 'keys', 'station-desk-dongyuan.secret')).mode & 0o077).toBe(0);
    const wire = crossed.join('\n');
    expect(wire).toContain('publicKey');
    expect(wire).not.toContain(secret.slice(6));
    for (const part of (invite.code as string).split('-').slice(1)) expect(wire).not.toContain(part);
    // The configuration is whole, keeps its comments, and leads there.
    expect(readFileSync(gateway.file, 'utf8')).toContain('# Who is told');
    expect(gateway.channels()['station-desk']).toMatchObject({ url: `${between}/notices/dongyuan` });
    expect(loadConfiguration(gateway.file).ok).toBe(true);
    // And the desk takes what is signed with it.
    const alertId = v7();
    const east = createTestGateway(desk.url, 'dongyuan', secret);
    expect((await east.send(noticeEvent('raised', { alertId, version: 1 }))).status).toBe(200);
    expect((await east.poll('', 0)).verified).toBe(true);
    expect((await admin.get('/api/gateways')).json.items).toMatchObject([
      { id: 'dongyuan', name: '东苑', joined: 'paired', state: 'online' },
    ]);
    const actions = ((await admin.get('/api/audit?action=gateway')).json.items as Json[]).map(
      ({ action }) => action as unknown,
    );
    expect(actions).toEqual(['gateway.paired', 'gateway.invited']);
  });

  it('takes a code once, not after its time, not when it was cancelled, and gives up after five wrong proofs', async () => {
    const clock = createFakeClock(Date.now());
    const desk = await startDesk({ gateways: [], clock: { ...systemClock, now: () => clock.now() } });
    const { admin, invite } = await invited(desk);
    const folder = gatewayFolder();
    const outcome = async (link: string): Promise<string> => {
      folder.printed.err = '';
      return (await folder.pair(link)) === 0 ? 'paired' : folder.printed.err.trim();
    };
    const again = async (): Promise<Json> => {
      clock.jumpWall(1);
      return (await admin.post('/api/gateways/invites', { id: 'dongyuan', name: '东苑' })).json;
    };
    expect(await outcome(invite.link)).toBe('paired');
    expect(await outcome(invite.link)).toContain('wrong, was used, or is over');
    const cancelled = await again();
    expect((await admin.post(`/api/gateways/invites/${cancelled.invite}/cancel`)).status).toBe(204);
    expect(await outcome(cancelled.link)).toContain('wrong, was used');
    const old = await again();
    clock.jumpWall(31 * 60_000);
    expect(await outcome(old.link)).toContain('wrong, was used');
    const guessed = await again();
    const code = String(guessed.code);
    const wrong = `${code.slice(0, -1)}${code.endsWith('0') ? '1' : '0'}@${desk.url}`;
    for (let time = 0; time < 5; time += 1) expect(await outcome(wrong)).toContain('wrong, was used');
    expect(await outcome(guessed.link)).toContain('wrong, was used');
    const states = ((await admin.get('/api/gateways/invites')).json.items as Json[]).map(
      ({ state }) => state as unknown,
    );
    expect(states).toEqual(['locked', 'expired', 'cancelled', 'used']);
    // Another desk, or nobody at all, is told apart from a wrong code.
    expect(await outcome(`${invite.code}@http://127.0.0.1:9`)).toContain('cannot be reached');
    expect(await folder.pair('nonsense')).toBe(2);
  }, 60_000);

  it('is noticed when somebody stands in between who does not know the code', async () => {
    const desk = await startDesk({ gateways: [] });
    const { invite } = await invited(desk);
    const folder = gatewayFolder();
    const before = readFileSync(folder.file, 'utf8');
    // He takes the request for himself, with a key of his own.
    const forger = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      const publicKey = Buffer.alloc(32, 9).toString('base64url');
      response.end(JSON.stringify({ gateway: { id: 'dongyuan', name: '东苑' }, title: 'x', publicKey, proof: 'AAAA' }));
    });
    await new Promise<void>((done) => forger.listen(0, '127.0.0.1', done));
    onTestFinished(() => new Promise<void>((done) => void forger.close(() => done())));
    const port = (forger.address() as AddressInfo).port;
    expect(await folder.pair(`${invite.code}@http://127.0.0.1:${port}`)).toBe(1);
    expect(folder.printed.err).toContain('does not know the code');
    expect(readFileSync(folder.file, 'utf8')).toBe(before);
  });

  it('makes keys anew without a gap: both are good until a day after the new one was seen in use', async () => {
    const clock = createFakeClock(Date.now());
    const desk = await startDesk({
      gateways: [],
      clock: { ...systemClock, now: () => clock.now() },
      config: { sessionLifetime: '30d' },
    });
    const { admin, invite } = await invited(desk);
    const folder = gatewayFolder();
    await folder.pair(invite.link);
    const first = folder.secret();
    const status = async (secret: string): Promise<number> =>
      (
        await createTestGateway(desk.url, 'dongyuan', secret).send(
          noticeEvent('raised', { alertId: v7(), version: 1 }),
          {
            at: new Date(clock.now()),
          },
        )
      ).status;
    // Made, and lost on the way: the gateway goes on with its old key, and makes another.
    expect(await folder.pair(undefined, { rotate: true })).toBe(0);
    writeFileSync(join(folder.dir, 'keys', 'station-desk-dongyuan.secret'), `${first}\n`);
    expect(await folder.pair(undefined, { rotate: true })).toBe(0);
    const second = folder.secret();
    expect(second).not.toBe(first);
    expect(await status(first)).toBe(200);
    clock.jumpWall(3 * 86_400_000);
    expect(await status(first)).toBe(200);
    expect((await admin.get('/api/gateways')).json.items[0].rotating).toBe(true);
    // From here the end of the old one runs.
    expect(await status(second)).toBe(200);
    expect(await status(first)).toBe(200);
    clock.jumpWall(86_400_001);
    await until(async () => (await status(first)) === 401);
    expect(await status(second)).toBe(200);
  }, 60_000);

  it('ends at once when it is revoked, also from the command line, and begins anew by a new code', async () => {
    const desk = await startDesk({ gateways: ['east'] });
    const { admin, invite } = await invited(desk);
    const folder = gatewayFolder();
    await folder.pair(invite.link);
    const paired = createTestGateway(desk.url, 'dongyuan', folder.secret());
    expect((await paired.send(noticeEvent('raised', { alertId: v7(), version: 1 }))).status).toBe(200);
    expect((await admin.post('/api/gateways/dongyuan/revoke', { reason: '设备被盗' })).json).toMatchObject({
      ...{ state: 'revoked', faults: ['revoked'], openAlerts: 1 },
    });
    expect((await paired.send(noticeEvent('raised', { alertId: v7(), version: 1 }))).json.error.code).toBe(
      'gateway.unknown',
    );
    // One of desk.yaml, by another process.
    await desk.tools(({ gateways }) => gateways.revoke('east', '换设备', '命令行'));
    const east = desk.gateway('east');
    await until(async () => (await east.poll('', 0)).status === 404);
    const again = (await admin.post('/api/gateways/invites', { id: 'dongyuan', name: '东苑' })).json;
    expect(await folder.pair(again.link)).toBe(0);
    const anew = createTestGateway(desk.url, 'dongyuan', folder.secret());
    expect((await anew.send(noticeEvent('raised', { alertId: v7(), version: 1 }))).status).toBe(200);
    expect((await paired.send(noticeEvent('raised', { alertId: v7(), version: 1 }))).status).toBe(401);
  });

  it('is done at the desk by command as well: invite, gateways, revoke, audit verify', async () => {
    const desk = await startDesk({ gateways: [] });
    const printed = { out: '', err: '' };
    const file = join(desk.dir, 'desk.yaml');
    writeFileSync(file, `listen: 127.0.0.1:0\ntitle: 东门派出所\ndataDir: data\n${databaseLine(desk)}`);
    const commands = createDeskCommands(commandContext(desk.dir, printed));
    const common = { config: file, json: true };
    expect(await commands.deskInvite('dongyuan', { ...common, name: '东苑', url: desk.url })).toBe(0);
    const { link } = JSON.parse(printed.out);
    const folder = gatewayFolder();
    await until(async () => (await folder.pair(link)) === 0);
    printed.out = '';
    expect(await commands.deskGateways(common)).toBe(0);
    expect(JSON.parse(printed.out)).toMatchObject({ id: 'dongyuan', name: '东苑', joined: 'paired' });
    printed.out = '';
    expect(await commands.deskAuditVerify(common)).toBe(0);
    const verdict = JSON.parse(printed.out);
    expect(verdict).toMatchObject({ kind: 'intact', rows: 2 });
    expect(await commands.deskAuditVerify({ ...common, hash: verdict.lastHash as string })).toBe(0);
    expect(await commands.deskAuditVerify({ ...common, hash: 'f'.repeat(64) })).toBe(1);
    expect(await commands.deskRevoke('dongyuan', { ...common, reason: 'x' })).toBe(0);
    expect(await commands.deskRevoke('nobody', { ...common, reason: 'x' })).toBe(1);
    printed.out = '';
    expect(await commands.deskInvite('dongyuan', { ...common, json: false, name: '东苑', url: desk.url })).toBe(0);
    expect(printed.out).toMatch(/[█▀▄][\s\S]*code {6}[0-9A-Z]{4}-/);
  });
});

const databaseLine = (desk: TestDesk): string =>
  desk.config.database.kind === 'postgres'
    ? `database: { kind: postgres, urlFile: ${desk.config.database.urlFile} }\n`
    : '';

/** Everything that crosses the wire between gateway and desk, as text. */
async function relay(target: string, seen: string[]): Promise<string> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces);
      seen.push(body.toString());
      void fetch(`${target}${request.url ?? ''}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      }).then(async (reply) => {
        const text = await reply.text();
        seen.push(text);
        response.writeHead(reply.status, { 'content-type': 'application/json' }).end(text);
      });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => new Promise<void>((done) => void server.close(() => done())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
