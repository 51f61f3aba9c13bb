/** What the desk knows of its gateways, fetches from them and deletes again; and TLS of its own. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { v7 } from 'uuid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../gateway/lib/clock.ts';
import { createFakeClock } from '../../gateway/lib/fake-clock.ts';
import { createPostgresData, createSqliteData } from '../../gateway/inbox/index.ts';
import { createEvidenceFiles } from '../../gateway/inbox/evidence-files.ts';
import { loadDeskKeys } from '../../gateway/inbox/desk-key.ts';
import { createRetention } from '../../gateway/inbox/retention.ts';
import { silentLogger } from '../../gateway/lib/logger.ts';
import { systemRandom } from '../../gateway/lib/random.ts';
import { deskFolder, noticeEvent, startDesk, until, type Json } from './fixture.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const canary = (state: Record<string, unknown> | null, sentAt = new Date(), more: Record<string, unknown> = {}) => ({
  ...{ specversion: '1.0', id: v7(), source: '/community/test/gateway/east', type: 'kanmen.canary.v1' },
  ...{ time: sentAt.toISOString(), datacontenttype: 'application/json' },
  data: { gateway: 'east', channel: 'desk', sentAt: sentAt.toISOString(), ...(state && { state }), ...more },
});

describe('a gateway', () => {
  it('says with its canaries how it is, and what is wrong there is shown', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'duty');
    const shown = async (): Promise<Json> => (await officer.get('/api/gateways')).json.items[0];
    expect(await shown()).toMatchObject({ state: 'never', said: null, faults: [] });
    const well = {
      ...{ version: '0.3.1', healthy: true, disk: { freeBytes: 50, totalBytes: 100 } },
      ...{ cameras: { total: 2, blind: [] }, devices: { total: 7, silent: 0 } },
      recipients: [{ id: 'fire', name: '消防救援站', role: 'department' }],
    };
    await desk.gateway('east').send(canary(well));
    expect(await shown()).toMatchObject({
      ...{ state: 'online', faults: [], recipients: [{ name: '消防救援站' }] },
      said: { version: '0.3.1', healthy: true },
    });
    const ill = { ...well, healthy: false, disk: { freeBytes: 2, totalBytes: 100 } };
    const off = new Date(Date.now() - 120_000);
    await desk
      .gateway('east')
      .send(canary({ ...ill, cameras: { total: 2, blind: ['北门'] }, devices: { total: 7, silent: 3 } }, off));
    const after = await shown();
    expect(after.faults).toEqual(['clock', 'disk', 'cameras', 'devices', 'unhealthy']);
    expect(after.said.clockOffsetMs).toBeLessThan(-119_000);
    // One that says nothing of itself (an older version) keeps what was known.
    await desk.gateway('east').send(canary(null));
    expect((await shown()).said.version).toBe('0.3.1');
  });

  it('tells with a canary who has received an alert since, of its own alerts only', async () => {
    const desk = await startDesk({ gateways: ['east', 'west'] });
    const officer = await desk.addUser('王', 'duty');
    const [east, west] = [desk.gateway('east'), desk.gateway('west')];
    const at = '2026-01-02T11:04:05.000+08:00';
    const who = (state: string) => ({
      ...{ name: '物业', role: 'community', channel: 'mail', state },
      at: state === 'delivered' ? at : null,
    });
    const alertId = v7();
    await east.send(noticeEvent('raised', { alertId, version: 1, receipts: [who('pending')] as never }));
    const shown = async (): Promise<Json> => (await officer.get(`/api/alerts/${alertId}`)).json.recipients;
    expect(await shown()).toEqual([who('pending')]);
    const news = { receipts: [{ alertId, receipts: [who('delivered')] }] };
    expect((await west.send(canary(null, new Date(), news))).status).toBe(200);
    expect(await shown()).toEqual([who('pending')]);
    const both = { receipts: [{ alertId: v7(), receipts: [who('delivered')] }, ...news.receipts] };
    expect((await east.send(canary(null, new Date(), both))).status).toBe(200);
    expect(await shown()).toEqual([{ ...who('delivered'), at: '2026-01-02T03:04:05.000Z' }]);
  });

  it('that falls silent is an alert of the desk itself, once; it ends when the gateway is back', async () => {
    const desk = await startDesk({ config: { gatewaySilentAfter: '1s', gatewaySilentAlertAfter: '2s' } });
    const east = desk.gateway('east');
    const officer = await desk.addUser('王', 'duty');
    await east.poll('', 0);
    const own = async (state: string): Promise<Json[]> =>
      ((await officer.get(`/api/alerts?state=${state}`)).json.items as Json[]).filter((alert) => alert.own);
    const [alert] = await until(async () => {
      const found = await own('open');
      return found.length > 0 && found;
    });
    expect(alert).toMatchObject({ kind: 'desk.gateway-silent', tier: 'orange', state: 'delivered' });
    expect(alert.title.zh).toBe('小区 east 网关失联');
    expect((await officer.get('/api/gateways')).json.items[0]).toMatchObject({
      state: 'silent',
      silentAlertId: alert.id,
    });
    const answered = await officer.answer(alert.id, { kind: 'acknowledged' });
    expect(answered.json).toMatchObject({ state: 'acknowledged', owner: '王', relay: 'received' });
    // Nobody else can answer for it: not the gateway, and no answer waits for it.
    const forged = noticeEvent('closed', { alertId: alert.id as string, version: 99, state: 'closed' });
    expect((await east.send(forged)).status).toBe(403);
    expect((await east.poll('', 0)).feedback).toEqual([]);
    const ended = await until(async () => (await own('all'))[0]?.state === 'closed' && own('all'));
    expect(ended).toMatchObject([{ id: alert.id, state: 'closed', owner: '王' }]);
    const life = (await officer.get(`/api/alerts/${alert.id}`)).json.life as Json[];
    expect(life.map(({ kind, by }) => `${kind} ${by}`)).toEqual(['raised desk', 'acknowledged 王', 'closed desk']);
    // Silent again, it is a new one; an outcome ends it as well.
    const again = await until(
      async (): Promise<{ id: string } | undefined> => (await own('open'))[0] as { id: string } | undefined,
    );
    expect(again.id).not.toBe(alert.id);
    const done = await officer.answer(again.id, { kind: 'outcome', outcome: 'true', text: '断电，已恢复' });
    expect(done.json.state).toBe('closed');
  });
});

describe('evidence', () => {
  it('that was too large to come along is fetched by its link, checked, and sealed on disk', async () => {
    const clip = Buffer.alloc(700_000, 'moov');
    let tries = 0;
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      tries += 1;
      if (request.url === '/ended') response.writeHead(410).end();
      else response.end(request.url === '/other' ? Buffer.from('something else') : clip);
    };
    const gateway = createServer(serve);
    await new Promise<void>((done) => gateway.listen(0, '127.0.0.1', done));
    onTestFinished(() => new Promise<void>((done) => void gateway.close(() => done())));
    const origin = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'duty');
    const alertId = v7();
    const piece = (id: string, path: string) => ({
      ...{ id, kind: 'clip' as const, mediaType: 'video/mp4', sha256: sha256(clip), camera: 'gate-1' },
      ...{ capturedAt: new Date().toISOString(), url: `${origin}${path}` },
    });
    const evidence = [piece('e-1', '/clip'), piece('e-2', '/other'), piece('e-3', '/ended')];
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1, evidence }));
    const pieces = await until(async () => {
      const found = (await officer.get(`/api/alerts/${alertId}`)).json.evidence as Json[];
      return found[0]?.arrived && found[1]?.damaged && tries >= 3 ? found : null;
    });
    expect(pieces.map(({ arrived, damaged }) => [arrived, damaged] as unknown)).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    const shown = await fetch(`${desk.url}/api/alerts/${alertId}/evidence/0?download=1`, {
      headers: { cookie: officer.cookie },
    });
    expect(shown.headers.get('content-disposition')).toBe('attachment');
    expect(Buffer.from(await shown.arrayBuffer()).equals(clip)).toBe(true);
    const shelf = join(desk.dir, 'data', 'evidence', sha256(clip).slice(0, 2));
    expect(readdirSync(shelf)).toEqual([`${sha256(clip)}.kme`]);
    const lines = await desk.tools(({ audit }) => audit.list({ by: null, action: 'evidence', before: null, limit: 9 }));
    expect(lines.map(({ by, action, subject }) => [by, action, subject])).toEqual([
      ['王', 'evidence.downloaded', `${alertId} e-1`],
    ]);
  });
});

describe('retention', () => {
  it('deletes ended alerts, pictures, plates and old lines when their time is over, and nothing that is open', async () => {
    const fake = createFakeClock(Date.now() - 1200 * 86_400_000);
    const clock = { ...systemClock, now: () => fake.now() };
    const desk = await startDesk({ folder: deskFolder(['east']), clock });
    const officer = await desk.addUser('王', 'duty');
    const picture = (n: number) => {
      const bytes = Buffer.from(`picture ${n}`);
      return {
        ...{ id: `e-${n}`, kind: 'picture' as const, mediaType: 'image/jpeg', sha256: sha256(bytes), camera: 'c' },
        ...{ capturedAt: new Date(fake.now()).toISOString(), inline: bytes.toString('base64') },
      };
    };
    const east = desk.gateway('east');
    const ids = { old: v7(), open: v7(), young: v7() };
    const send = (alertId: string, n: number) =>
      east.send(noticeEvent('raised', { alertId, version: 1, at: new Date(fake.now()), evidence: [picture(n)] }), {
        at: new Date(fake.now()),
      });
    await send(ids.old, 1);
    await send(ids.open, 2);
    await officer.answer(ids.old, { kind: 'outcome', outcome: 'false-alarm', text: '误报' });
    fake.jumpWall(1150 * 86_400_000);
    const again = await desk.signIn('王');
    await send(ids.young, 3);
    await again.answer(ids.young, { kind: 'outcome', outcome: 'false-alarm', text: '误报' });
    const keys = loadDeskKeys({ dataDir: desk.config.dataDir }, systemRandom);
    const { database, dataDir } = desk.config;
    const common = { clock, logger: silentLogger };
    const data =
      database.kind === 'postgres'
        ? createPostgresData({ ...common, url: readFileSync(database.urlFile, 'utf8') })
        : createSqliteData({ ...common, file: join(dataDir, 'desk.sqlite') });
    await data.start(new AbortController().signal);
    onTestFinished(() => data.stop());
    const evidence = createEvidenceFiles({ folder: join(desk.config.dataDir, 'evidence'), keys, random: systemRandom });
    const retention = createRetention({ options: desk.config.retention, data, evidence, clock, logger: silentLogger });
    expect(await retention.sweep()).toMatchObject({ alerts: 1, files: 1 });
    const left = ((await again.get('/api/alerts?state=all')).json.items as Json[]).map(({ id }) => id as unknown);
    expect(left.sort()).toEqual([ids.open, ids.young].sort());
    expect((await again.get(`/api/alerts/${ids.open}`)).json.evidence).toMatchObject([{ arrived: true }]);
    expect((await again.post('/api/search', { text: '误报' })).json.items).toHaveLength(1);
    // The audit log goes on from where it was cut.
    expect((await desk.tools(({ audit }) => audit.verify())).kind).toBe('intact');
    // Ninety-one days later its picture goes, and the alert stays.
    fake.jumpWall(91 * 86_400_000);
    expect(await retention.sweep()).toMatchObject({ alerts: 0, files: 1 });
    const later = await desk.signIn('王');
    expect((await later.get(`/api/alerts/${ids.young}`)).json.evidence).toMatchObject([{ arrived: false }]);
  });
});

describe('TLS of its own', () => {
  it('serves page and gateways with the certificate of its files, and marks the cookie for it', async () => {
    const folder = deskFolder(['east']);
    const made = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const [certFile, keyFile] = [join(folder.dir, 'cert.pem'), join(folder.dir, 'key.pem')];
    writeFileSync(certFile, made.cert);
    writeFileSync(keyFile, made.private);
    const desk = await startDesk({ folder, config: { tls: { certFile, keyFile } } });
    expect(desk.url).toMatch(/^https:/);
    await desk.tools(({ users }) => users.add('王', 'duty', 'correct horse battery'));
    const body = JSON.stringify({ name: '王', password: 'correct horse battery' });
    const reply = await new Promise<IncomingMessage>((done, failed) => {
      const request = https.request(
        `${desk.url}/api/login`,
        {
          ...{ method: 'POST', ca: made.cert, checkServerIdentity: () => undefined },
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        done,
      );
      request.on('error', failed);
      request.end(body);
    });
    reply.resume();
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['set-cookie']?.[0]).toContain('; Secure');
  });
});
