import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import type { NoticeData } from '../../gateway/domain/notice.ts';
import { deskFolder, noticeEvent, startDesk, type Json } from './fixture.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const pictureOf = (bytes: Uint8Array) => ({
  id: 'ev-1',
  kind: 'picture' as const,
  mediaType: 'image/jpeg',
  sha256: sha256(bytes),
  capturedAt: new Date().toISOString(),
  camera: 'gate-1',
  inline: Buffer.from(bytes).toString('base64'),
});
/** The counts of `/health`. */
const counts = async (url: string): Promise<Json> => {
  const health = (await (await fetch(`${url}/health`)).json()) as { notices: Json };
  return health.notices as unknown;
};

describe('receiving', () => {
  it('stores a signed notice, answers 2xx and shows it once however often it comes', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const event = noticeEvent('raised', { alertId: v7(), version: 1 });
    const replies = [
      await east.send(event),
      await east.send(event),
      ...(await Promise.all([1, 2, 3].map(() => east.send(event)))),
    ];
    for (const reply of replies) expect(reply).toMatchObject({ status: 200, json: { feedback: [] } });
    expect(await desk.lines()).toEqual([
      {
        id: event.data.alertId,
        tier: 'red',
        kind: 'fire.smoke',
        state: 'raised',
        shownCount: 1,
        raisedAt: event.data.raisedAt,
        receivedAt: expect.stringMatching(/Z$/),
        acknowledgedBy: null,
        closedAt: null,
      },
    ]);
    expect(await counts(desk.url)).toEqual({ stored: 1, repeats: 4, refused: {} });
  });

  it('takes a first delivery that arrives several times at the same moment once', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const event = noticeEvent('raised', { alertId: v7(), version: 1 });
    const replies = await Promise.all(Array.from({ length: 8 }, () => east.send(event)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect((await counts(desk.url)).stored).toBe(1);
    expect((await desk.lines())[0]?.shownCount).toBe(1);
  });

  it('ends with the newest version and shows nothing twice, each delivery sent three times in any order', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const viewer = await desk.addUser('li', 'viewer');
    const steps = [
      ['raised', 'raised', 1],
      ['updated', 'raised', 2],
      ['escalated', 'delivered', 3],
      ['updated', 'acknowledged', 4],
      ['closed', 'closed', 5],
    ] as const;
    const orders = fc.shuffledSubarray(
      Array.from({ length: steps.length * 3 }, (_, index) => index % steps.length),
      { minLength: steps.length * 3 },
    );
    await fc.assert(
      fc.asyncProperty(orders, fc.boolean(), async (order, atOnce) => {
        const alertId = v7();
        const raisedAt = new Date();
        const events = steps.map(([change, state, version]) =>
          noticeEvent(change, {
            alertId,
            version,
            state,
            count: version,
            owner: version >= 4 ? '王' : null,
            acknowledgedAt: version >= 4 ? raisedAt.toISOString() : null,
            at: new Date(raisedAt.getTime() + version),
            raisedAt: raisedAt.toISOString(),
          }),
        );
        const replies = atOnce
          ? await Promise.all(order.map((index) => east.send(events[index]!)))
          : await order.reduce<Promise<{ status: number }[]>>(
              async (sent, index) => [...(await sent), await east.send(events[index]!)],
              Promise.resolve([]),
            );
        expect(replies.every(({ status }) => status === 200)).toBe(true);
        const { json } = await viewer.get(`/api/alerts/${alertId}`);
        expect(json).toMatchObject({ state: 'closed', count: 5, owner: '王', closedAt: events[4]!.time });
        expect((json.life as { kind: string }[]).map(({ kind }) => kind)).toEqual([
          'raised',
          'repeated',
          'escalated',
          'repeated',
          'closed',
        ]);
      }),
      { numRuns: 25 },
    );
    const lines = await desk.lines();
    expect(lines).toHaveLength(25);
    for (const line of lines) expect(line).toMatchObject({ state: 'closed', shownCount: 1, acknowledgedBy: '王' });
  }, 120_000);

  it('keeps a picture whole and shows it only to those who are signed in', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const viewer = await desk.addUser('li', 'viewer');
    const picture = randomBytes(300_000);
    const event = noticeEvent('raised', { alertId: v7(), version: 1, evidence: [pictureOf(picture)] });
    expect((await east.send(event)).status).toBe(200);
    const address = `${desk.url}/api/alerts/${event.data.alertId}/evidence/0`;
    const seen = await fetch(address, { headers: { cookie: viewer.cookie } });
    expect([seen.status, seen.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    expect(Buffer.from(await seen.arrayBuffer()).equals(picture)).toBe(true);
    expect((await fetch(address)).status).toBe(401);
    const { json } = await viewer.get(`/api/alerts/${event.data.alertId}`);
    expect(json.evidence).toMatchObject([{ id: 'ev-1', arrived: true, damaged: false, sha256: sha256(picture) }]);
  });

  it('keeps the alert and marks its evidence when the bytes are not those it names, and mends it with a later version', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const viewer = await desk.addUser('li', 'viewer');
    const picture = randomBytes(1000);
    const alertId = v7();
    const damaged = { ...pictureOf(picture), inline: Buffer.from(picture.map((byte) => byte ^ 1)).toString('base64') };
    expect((await east.send(noticeEvent('raised', { alertId, version: 1, evidence: [damaged] }))).status).toBe(200);
    const before = await viewer.get(`/api/alerts/${alertId}`);
    expect(before.json.evidence).toMatchObject([{ arrived: false, damaged: true }]);
    expect((await viewer.get(`/api/alerts/${alertId}/evidence/0`)).json.error.code).toBe('evidence.missing');
    expect(readdirSync(desk.dir + '/data')).not.toContain('evidence');

    await east.send(noticeEvent('updated', { alertId, version: 2, evidence: [pictureOf(picture)] }));
    const after = await viewer.get(`/api/alerts/${alertId}`);
    expect(after.json.evidence).toMatchObject([{ arrived: true, damaged: false }]);
    // A version that only names the picture does not take it away again.
    const named: NoticeData['evidence'][number] = {
      ...pictureOf(picture),
      // Of the sealed file at the gateway, not of the bytes that came here.
      sha256: 'a'.repeat(64),
      url: 'http://gateway/evidence/1',
    };
    delete named.inline;
    await east.send(noticeEvent('updated', { alertId, version: 3, evidence: [named] }));
    expect((await viewer.get(`/api/alerts/${alertId}`)).json.evidence).toMatchObject([{ arrived: true }]);
    expect(readdirSync(join(desk.dir, 'data', 'evidence', sha256(picture).slice(0, 2)))).toEqual([
      `${sha256(picture)}.kme`,
    ]);
  });

  it('acknowledges canaries and events of later versions, but never an alert that it cannot show', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const viewer = await desk.addUser('li', 'viewer');
    const plain = { ...noticeEvent('raised', { alertId: v7(), version: 1 }) };
    const canary = {
      ...plain,
      id: v7(),
      type: 'kanmen.canary.v1',
      data: { gateway: 'east', channel: 'station', sentAt: new Date().toISOString() },
    };
    const passage = { ...plain, id: v7(), type: 'kanmen.passage.v1', data: { anything: true } };
    const later = { ...plain, id: v7(), type: 'kanmen.notice.raised.v2' };
    const replies = [
      await east.send(canary),
      await east.send(passage),
      await east.send(passage),
      await east.send(later),
    ];
    expect(replies.map(({ status, json }) => [status, String(json.error?.code)])).toEqual([
      [200, 'undefined'],
      [200, 'undefined'],
      [200, 'undefined'],
      [422, 'notice.unknown-version'],
    ]);
    expect(await desk.lines()).toEqual([]);
    const { json } = await viewer.get('/api/gateways');
    expect(json.items).toMatchObject([{ id: 'east', state: 'online', openAlerts: 0, lastNoticeAt: null }]);
  });

  it('refuses what is forged, old, early, for another gateway or unknown, says why and counts it', async () => {
    const desk = await startDesk({ gateways: ['east', 'west'] });
    const east = desk.gateway('east');
    const event = noticeEvent('raised', { alertId: v7(), version: 1 });
    const tampered = JSON.stringify({ ...event, data: { ...event.data, tier: 'blue' } });
    const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);
    const codeOf = async (reply: ReturnType<typeof east.send>): Promise<[number, string]> => {
      const { status, json } = await reply;
      return [status, json.error.code];
    };
    expect([
      await codeOf(east.send(event, { body: tampered })),
      await codeOf(east.send(event, { at: minutes(-6) })),
      await codeOf(east.send(event, { at: minutes(6) })),
      await codeOf(east.send(event, { to: 'west' })),
      await codeOf(east.send(event, { to: 'north' })),
      await codeOf(east.send(event, { id: 'another-id' })),
      await codeOf(east.send({ ...event, data: { ...event.data, tier: 'purple' } })),
      await codeOf(east.send(event, { type: 'text/plain' })),
    ]).toEqual([
      [401, 'signature.wrong'],
      [401, 'signature.too-old'],
      [401, 'signature.too-new'],
      [401, 'signature.wrong'],
      [404, 'gateway.unknown'],
      [422, 'notice.id-differs'],
      [422, 'notice.invalid'],
      [415, 'notice.media-type'],
    ]);
    const unsigned = await fetch(`${desk.url}/notices/east`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    expect([unsigned.status, ((await unsigned.json()) as { error: { code: string } }).error.code]).toEqual([
      401,
      'signature.missing',
    ]);
    expect(await counts(desk.url)).toEqual({
      stored: 0,
      repeats: 0,
      refused: {
        'signature.wrong': 2,
        'signature.too-old': 1,
        'signature.too-new': 1,
        'signature.missing': 1,
        'gateway.unknown': 1,
        'notice.id-differs': 1,
        'notice.invalid': 1,
        'notice.media-type': 1,
      },
    });
    expect(await desk.lines()).toEqual([]);
    // What somebody without the right tried stands in the audit log, the first of each sort at once; a mere fault does not.
    const audited = async (): Promise<string[]> =>
      (await desk.tools(({ audit }) => audit.list({ by: null, action: 'refused', before: null, limit: 50 })))
        .map(({ action, subject }) => `${action} ${subject}`)
        .sort();
    await expect
      .poll(audited, { timeout: 10_000 })
      .toEqual([
        'refused.gateway.unknown ?',
        'refused.signature.missing east',
        'refused.signature.too-new east',
        'refused.signature.too-old east',
        'refused.signature.wrong east',
        'refused.signature.wrong west',
      ]);
    // The detail says where the fault is.
    const wrong = await east.send({ ...event, data: { ...event.data, version: 'one' } });
    expect(wrong.json.error.message).toContain('data.version');
  });

  it('does not let one gateway change the alert of another', async () => {
    const desk = await startDesk({ gateways: ['east', 'west'] });
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    const taken = await desk.gateway('west').send(noticeEvent('closed', { alertId, version: 9, state: 'closed' }));
    expect([taken.status, taken.json.error.code]).toEqual([403, 'alert.of-another-gateway']);
    expect(await desk.lines()).toMatchObject([{ id: alertId, state: 'raised', shownCount: 1 }]);
  });

  it('refuses a body beyond its limit without storing anything', async () => {
    const desk = await startDesk({ config: { maxNoticeBytes: '200kB' } });
    const east = desk.gateway('east');
    const big = noticeEvent('raised', { alertId: v7(), version: 1, evidence: [pictureOf(randomBytes(300_000))] });
    const reply = await east.send(big);
    expect([reply.status, reply.json.error.code]).toEqual([413, 'notice.too-large']);
    expect((await counts(desk.url)).refused).toEqual({ 'notice.too-large': 1 });
    expect((await east.send(noticeEvent('raised', { alertId: v7(), version: 1 }))).status).toBe(200);
  });

  it('accepts the old secret beside the new one while it is being changed', async () => {
    const folder = deskFolder(['east', 'east-old']);
    const desk = await startDesk({
      folder,
      config: {
        gateways: [
          {
            id: 'east',
            name: '东苑',
            secretFile: join(folder.dir, 'secrets/east'),
            previousSecretFile: join(folder.dir, 'secrets/east-old'),
          },
        ],
      },
    });
    const event = noticeEvent('raised', { alertId: v7(), version: 1 });
    expect((await desk.gateway('east-old').send(event, { to: 'east' })).status).toBe(200);
    expect((await desk.gateway('east').send(event)).status).toBe(200);
  });
});
