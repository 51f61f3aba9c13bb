/** The station's own work at the desk: people and what they may, second factor, shift, figures, search, plans, audit. */
import { v7 } from 'uuid';
import { Secret, TOTP } from 'otpauth';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFakeClock } from '../../gateway/lib/fake-clock.ts';
import { systemClock } from '../../gateway/lib/clock.ts';
import { readQr } from '../support/read-qr.ts';
import { noticeEvent, password, startDesk, until, type Json, type TestDesk } from './fixture.ts';
import { openPushService } from './push-service.ts';

const login = async (desk: TestDesk, name: string, more: Record<string, unknown>) => {
  const reply = await fetch(`${desk.url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password, ...more }),
  });
  return { status: reply.status, json: (await reply.json()) as Json };
};

describe('people', () => {
  it('may what their role says, and are told so', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const alertId = v7();
    await east.send(noticeEvent('raised', { alertId, version: 1 }));
    const may: Record<string, unknown> = {};
    for (const role of ['admin', 'leader', 'duty', 'community', 'viewer']) {
      const person = await desk.addUser(role, role);
      const me = (await person.get('/api/me')).json;
      const plate = { kinds: ['passage'], text: '浙B', reason: '案件 12' };
      may[role] = {
        told: me.may.length,
        answers: (await person.answer(alertId, { kind: 'progress', text: '看过' })).status,
        duty: (await person.post('/api/duty/none/remove')).status,
        plates: (await person.post('/api/search', plate)).status,
        audit: (await person.get('/api/audit')).status,
        users: (await person.get('/api/users')).status,
        invites: (await person.get('/api/gateways/invites')).status,
      };
    }
    expect(may).toEqual({
      admin: { told: 8, answers: 200, duty: 404, plates: 200, audit: 200, users: 200, invites: 200 },
      leader: { told: 5, answers: 200, duty: 404, plates: 200, audit: 200, users: 403, invites: 403 },
      duty: { told: 3, answers: 200, duty: 403, plates: 200, audit: 403, users: 403, invites: 403 },
      community: { told: 1, answers: 200, duty: 403, plates: 403, audit: 403, users: 403, invites: 403 },
      viewer: { told: 0, answers: 403, duty: 403, plates: 403, audit: 403, users: 403, invites: 403 },
    });
  });

  it('see their own gateways only, live too, where they were given some', async () => {
    const desk = await startDesk({ gateways: ['east', 'west'] });
    const admin = await desk.addUser('主管', 'admin');
    const made = await admin.post('/api/users', { name: '社区', role: 'community', gateways: ['west'], password });
    expect(made.json).toMatchObject({ user: { name: '社区', gateways: ['west'] }, password: null });
    const officer = await desk.signIn('社区');
    const ids = { east: v7(), west: v7() };
    const reading = new AbortController();
    onTestFinished(() => reading.abort());
    const live = await fetch(`${desk.url}/api/live`, { headers: { cookie: officer.cookie }, signal: reading.signal });
    let seen = '';
    void (async () => {
      for await (const piece of live.body!.pipeThrough(new TextDecoderStream())) seen += piece;
    })().catch(() => undefined);
    await desk.gateway('east').send(noticeEvent('raised', { alertId: ids.east, version: 1 }));
    await desk.gateway('west').send(noticeEvent('raised', { alertId: ids.west, version: 1, gateway: 'west' }));
    await until(() => seen.includes(ids.west));
    expect(seen).not.toContain(ids.east);
    const listed = (await officer.get('/api/alerts')).json.items as Json[];
    expect(listed.map(({ id }) => id as unknown)).toEqual([ids.west]);
    expect((await officer.get('/api/gateways')).json.items).toHaveLength(1);
    expect((await officer.get(`/api/alerts/${ids.east}`)).status).toBe(404);
    expect((await officer.get(`/api/alerts/${ids.east}/around`)).status).toBe(404);
    expect((await officer.answer(ids.east, { kind: 'acknowledged' })).status).toBe(404);
    expect((await officer.get('/api/plans/east')).status).toBe(404);
    expect((await officer.post('/api/search', { text: '充电棚' })).json.items).toHaveLength(1);
    expect((await officer.get('/api/shift')).json.counts.open).toBe(1);
    const month = new Date().toISOString().slice(0, 7);
    expect((await officer.get(`/api/figures?month=${month}`)).json.total.raised).toBe(1);
    // Taken back, it holds for the next request.
    await admin.post('/api/users/社区', { gateways: [] });
    expect((await officer.get('/api/alerts')).json.items).toEqual([]);
  });

  it('are made, changed and removed by an admin, but never the last one or oneself', async () => {
    const desk = await startDesk();
    const admin = await desk.addUser('主管', 'admin');
    const made = await admin.post('/api/users', { name: '王', role: 'duty' });
    expect(made.json.password).toMatch(/^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
    expect((await login(desk, '王', { password: made.json.password })).status).toBe(200);
    expect((await admin.post('/api/users', { name: '王', role: 'duty' })).json.error.code).toBe('user.exists');
    const changed = await admin.post('/api/users/王', { role: 'leader', password: 'new' });
    expect(changed.json.user.role).toBe('leader');
    expect((await login(desk, '王', { password: made.json.password })).status).toBe(401);
    expect((await login(desk, '王', { password: changed.json.password })).status).toBe(200);
    expect((await admin.post('/api/users/主管', { role: 'duty' })).json.error.code).toBe('user.last-admin');
    expect((await admin.post('/api/users/主管/remove')).json.error.code).toBe('user.oneself');
    expect((await admin.post('/api/users/王/remove')).status).toBe(204);
    expect((await admin.post('/api/users/王/remove')).json.error.code).toBe('user.unknown');
    expect(((await admin.get('/api/users')).json.items as Json[]).map(({ name }) => name as unknown)).toEqual(['主管']);
  });

  it('sign in with a second factor: each code once, a recovery code once, the password alone never', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'duty');
    const wrong = await officer.post('/api/me/second-factor/begin', { password: 'not this one' });
    expect(wrong.json.error.code).toBe('auth.wrong');
    const { json: offer } = await officer.post('/api/me/second-factor/begin', { password });
    expect(offer.otpauth).toContain('otpauth://totp/');
    expect(await readQr(Buffer.from(offer.qrSvg as string))).toBe(offer.otpauth);
    const totp = new TOTP({ secret: Secret.fromBase32(offer.secret as string) });
    // One moment for all codes: half a minute may end in between.
    const base = Date.now();
    const codeAt = (steps: number): string => totp.generate({ timestamp: base + steps * 30_000 });
    // Begun only, it is not asked for.
    expect((await login(desk, '王', {})).status).toBe(200);
    expect((await officer.post('/api/me/second-factor/confirm', { code: '000000' })).json.error.code).toBe(
      'auth.wrong-code',
    );
    const { recoveryCodes } = (await officer.post('/api/me/second-factor/confirm', { code: codeAt(0) })).json;
    expect(recoveryCodes).toHaveLength(10);
    expect((await login(desk, '王', {})).json.error.code).toBe('auth.second-factor');
    // What confirmed it is used up; the next one is good once.
    expect((await login(desk, '王', { code: codeAt(0) })).json.error.code).toBe('auth.wrong-code');
    const both = await Promise.all([login(desk, '王', { code: codeAt(1) }), login(desk, '王', { code: codeAt(1) })]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    expect((await login(desk, '王', { code: recoveryCodes[3] })).status).toBe(200);
    expect((await login(desk, '王', { code: recoveryCodes[3] })).status).toBe(401);
    expect((await officer.get('/api/me/second-factor')).json).toEqual({ enabled: true, recoveryCodesLeft: 9 });
    expect((await officer.post('/api/me/second-factor/remove', { password, code: recoveryCodes[4] })).status).toBe(204);
    expect((await login(desk, '王', {})).status).toBe(200);
  });

  it('cannot try codes without end by leaving them out in between', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'duty');
    const { json: offer } = await officer.post('/api/me/second-factor/begin', { password });
    const totp = new TOTP({ secret: Secret.fromBase32(offer.secret as string) });
    await officer.post('/api/me/second-factor/confirm', { code: totp.generate() });
    const codes: string[] = [];
    for (let time = 0; time < 8; time += 1) {
      await login(desk, '王', {});
      codes.push(String((await login(desk, '王', { code: '000000' })).json.error.code));
    }
    expect(codes.slice(-2)).toEqual(['auth.too-many-tries', 'auth.too-many-tries']);
  });

  it('change their own password, and stay signed in here only', async () => {
    const desk = await startDesk();
    const here = await desk.addUser('王', 'duty');
    const there = await desk.signIn('王');
    const next = 'a new one that is long';
    expect((await here.post('/api/me/password', { current: 'wrong', next })).json.error.code).toBe('auth.wrong');
    expect((await here.post('/api/me/password', { current: password, next: 'short' })).json.error.code).toBe(
      'user.invalid',
    );
    expect((await here.post('/api/me/password', { current: password, next })).status).toBe(204);
    expect([(await here.get('/api/me')).status, (await there.get('/api/me')).status]).toEqual([200, 401]);
  });
});

describe('the shift', () => {
  it('is handed over with what is open, what is due and who comes next', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const leader = await desk.addUser('所长', 'leader');
    const now = Date.now();
    const [late, soon, done] = [v7(), v7(), v7()];
    const at = (inMs: number): string => new Date(now + inMs).toISOString();
    await east.send(noticeEvent('raised', { alertId: late, version: 1, tier: 'orange', deadline: at(-60_000) }));
    await east.send(noticeEvent('raised', { alertId: soon, version: 1, tier: 'red', deadline: at(3_600_000) }));
    await east.send(noticeEvent('raised', { alertId: done, version: 1, tier: 'yellow', deadline: at(86_400_000) }));
    await leader.answer(done, { kind: 'outcome', outcome: 'false-alarm', text: '误报' });
    const entry = { id: v7(), startsAt: at(-3_600_000), endsAt: at(3_600_000), people: ['张', '李'], leader: '所长' };
    expect((await leader.post('/api/duty', entry)).json).toMatchObject({ people: ['张', '李'], note: '' });
    expect((await leader.post('/api/duty', { ...entry, endsAt: at(-7_200_000) })).status).toBe(400);
    const tomorrow = { ...entry, id: v7(), startsAt: at(86_400_000), endsAt: at(90_000_000), people: ['赵'] };
    await leader.post('/api/duty', tomorrow);
    const sheet = (await leader.get('/api/shift?dueWithinH=2')).json;
    expect(sheet).toMatchObject({
      counts: {
        ...{ open: 2, unanswered: 2, overdue: 1, byTier: { red: 1, orange: 1, yellow: 0, blue: 0 } },
        sinceHandover: { raised: 3, resolved: 1, falseAlarms: 1, transferred: 0 },
      },
      open: [{ id: soon }, { id: late }],
      due: [
        { alertId: late, overdue: true },
        { alertId: soon, overdue: false },
      ],
      onDuty: [{ people: ['张', '李'] }],
      next: { people: ['赵'] },
      waitingAnswers: 1,
      lastHandover: null,
    });
    const id = v7();
    for (let time = 0; time < 2; time += 1)
      await leader.post('/api/shift/handover', { id, to: '赵', note: '3号楼继续盯' });
    const listed = (await leader.get('/api/shift/handovers')).json.items;
    expect(listed).toMatchObject([{ from: '所长', to: '赵', note: '3号楼继续盯', open: 2, unanswered: 2 }]);
    expect(listed).toHaveLength(1);
    const after = (await leader.get('/api/shift')).json;
    expect(after.counts.sinceHandover).toEqual({ raised: 0, resolved: 0, falseAlarms: 0, transferred: 0 });
    expect((await leader.get('/api/officers')).json.items).toEqual([{ name: '所长', role: 'leader', onDuty: false }]);
    expect((await leader.post(`/api/duty/${entry.id}/remove`)).status).toBe(204);
    expect((await leader.get('/api/duty')).json.items).toHaveLength(1);
  });

  it('has figures of the month by gateway, grid and department', async () => {
    const clock = createFakeClock(Date.now());
    const desk = await startDesk({
      gateways: ['east', 'west'],
      clock: { ...systemClock, now: () => clock.now() },
      config: { timeZone: 'Asia/Shanghai' },
    });
    const east = desk.gateway('east');
    const leader = await desk.addUser('所长', 'leader');
    const grid = (id: string, name: string) => ({
      ...{ site: { id: 'test', name: '测试小区' }, area: { id: 'a', name: 'A' }, name: 'A' },
      grid: { id, name, people: [] },
    });
    const raised = new Date(clock.now());
    const deadline = new Date(clock.now() + 300_000).toISOString();
    const ids = Array.from({ length: 4 }, () => v7());
    const common = { version: 1, at: raised, deadline } as const;
    await east.send(noticeEvent('raised', { ...common, alertId: ids[0]!, place: grid('g1', '一格') }));
    await east.send(noticeEvent('raised', { ...common, alertId: ids[1]!, place: grid('g1', '一格') }));
    await east.send(noticeEvent('raised', { ...common, alertId: ids[2]!, place: grid('g2', '二格') }));
    await desk.gateway('west').send(noticeEvent('raised', { ...common, alertId: ids[3]!, gateway: 'west' }));
    clock.jumpWall(60_000);
    await leader.answer(ids[0]!, { kind: 'acknowledged' });
    await leader.answer(ids[0]!, { kind: 'outcome', outcome: 'true', text: '已处置' });
    await leader.answer(ids[1]!, { kind: 'outcome', outcome: 'false-alarm', text: '误报' });
    clock.jumpWall(540_000);
    // Ten minutes after it was raised: five too late.
    await leader.answer(ids[2]!, { kind: 'acknowledged' });
    await leader.answer(ids[2]!, { kind: 'transferred', to: '消防救援站', text: '归消防' });
    const month = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(raised).slice(0, 7);
    const figures = (await leader.get(`/api/figures?month=${month}`)).json;
    expect(figures.total).toMatchObject({
      ...{ raised: 4, inTime: 2, late: 2, acknowledgedLate: 2, pending: 0, transferred: 1, falseAlarms: 1 },
      acknowledged: { n: 3, meanMs: 240_000, p90Ms: 600_000 },
      resolved: { n: 2, meanMs: 60_000, p90Ms: 60_000 },
    });
    const lines = (group: Json): unknown => (group as Json[]).map(({ name, raised: n }) => [name, n] as unknown);
    expect(lines(figures.byGateway)).toEqual([
      ['小区 east', 3],
      ['小区 west', 1],
    ]);
    expect(lines(figures.byGrid)).toEqual(
      [
        ['小区 east 一格', 2],
        ['未划网格', 1],
        ['小区 east 二格', 1],
      ].sort((a, b) => Number(b[1]) - Number(a[1]) || String(a[0]).localeCompare(String(b[0]), 'zh-CN')),
    );
    expect(lines(figures.byDepartment)).toEqual([
      ['东门派出所', 3],
      ['消防救援站', 1],
    ]);
    expect(figures.whole).toBe(false);
    expect((await leader.get('/api/figures?month=2026-13')).status).toBe(400);
  });
});

describe('search', () => {
  it('finds alerts and notes by any part of their words, and plates only with a reason that stays on record', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const leader = await desk.addUser('所长', 'leader');
    const [first, second] = [v7(), v7()];
    await east.send(noticeEvent('raised', { alertId: first, version: 1 }));
    await east.send(
      noticeEvent('raised', { alertId: second, version: 1, tier: 'yellow', title: { zh: '充电桩过温', en: 'Hot' } }),
    );
    await leader.answer(first, { kind: 'progress', text: '已联系物业王师傅' });
    const passage = {
      ...{ specversion: '1.0', id: v7(), source: '/x', time: new Date().toISOString(), type: 'kanmen.passage.v1' },
      datacontenttype: 'application/json',
      data: {
        ...{ passageId: 'p-1', at: new Date().toISOString(), startedAt: new Date().toISOString() },
        ...{ endedAt: new Date().toISOString(), camera: 'gate-1', gateway: 'east', direction: 'in' },
        place: { site: { id: 'test', name: '测试小区' }, area: null, name: '北门' },
        subject: 'vehicle',
        plate: { text: '浙B12345', kind: 'small', color: 'blue', confidence: 0.9, characters: [0.9], accepted: true },
        ...{ boxPx: null, evidence: [] },
      },
    };
    expect((await east.send(passage)).status).toBe(200);
    const find = async (search: Record<string, unknown>): Promise<{ items: Json[]; next: string }> =>
      (await leader.post('/api/search', search)).json as { items: Json[]; next: string };
    const kinds = async (search: Record<string, unknown>): Promise<unknown> =>
      (await find(search)).items.map((hit) => [hit.kind, hit.alert?.id ?? hit.passage?.id] as unknown);
    expect(await kinds({ text: '3号楼' })).toEqual([
      ['alert', second],
      ['alert', first],
    ]);
    expect(await kinds({ text: '过温' })).toEqual([['alert', second]]);
    expect(await kinds({ text: '王师傅' })).toEqual([['note', first]]);
    expect(await kinds({ text: '楼', tier: 'red', kinds: ['alert'] })).toEqual([['alert', first]]);
    expect(await kinds({ text: '没有这个' })).toEqual([]);
    const refused = await leader.post('/api/search', { text: 'B123', kinds: ['passage'] });
    expect([refused.status, refused.json.error.message]).toEqual([400, expect.stringContaining('reason')]);
    expect(await kinds({ text: 'b1234', kinds: ['passage'], reason: '案件 2026-17' })).toEqual([['passage', 'p-1']]);
    const record = (await leader.get('/api/audit?action=search')).json.items;
    expect(record).toMatchObject([{ by: '所长', action: 'search.passages', subject: 'b1234 | 案件 2026-17' }]);
    const page = await find({ text: '楼', limit: 1 });
    expect(page.items).toHaveLength(1);
    const rest = await find({ text: '楼', limit: 1, before: page.next });
    expect(rest.items[0].alert.id).not.toBe(page.items[0].alert.id);
    expect((await leader.get(`/api/alerts/${second}/around`)).json).toMatchObject({
      ...{ alerts: [{ id: first }], passages: 1 },
    });
  });
});

describe('the record', () => {
  it('names who did what, in a chain that the page and the command line can verify', async () => {
    const desk = await startDesk();
    const leader = await desk.addUser('所长', 'leader');
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    await leader.answer(alertId, { kind: 'acknowledged' });
    await login(desk, '所长', { password: 'wrong password' });
    const rows = (await leader.get('/api/audit')).json.items as Json[];
    expect(rows.map(({ by, action }) => `${by} ${action}`)).toEqual([
      '所长 login.wrong',
      '所长 alert.acknowledged',
      '所长 login.in',
      'command line user.added',
    ]);
    expect((await leader.get('/api/audit/verify')).json).toMatchObject({ kind: 'intact', rows: 4 });
    expect((await desk.tools(({ audit }) => audit.verify())).kind).toBe('intact');
  });
});

describe('a plan', () => {
  it('is shown with what stands where on it, and only a picture is taken', async () => {
    const desk = await startDesk();
    const admin = await desk.addUser('主管', 'admin');
    await desk.gateway('east').send(noticeEvent('raised', { alertId: v7(), version: 1 }));
    const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#eee' } })
      .png()
      .toBuffer();
    expect((await admin.put('/api/plans/east/image', Buffer.from('no picture'))).json.error.code).toBe(
      'picture.unreadable',
    );
    expect((await admin.put('/api/plans/east/image', picture)).json.image).toMatchObject({ widthPx: 60, heightPx: 40 });
    const points = [{ kind: 'area', id: 'shed-3', name: '3号楼充电棚', xRatio: 0.25, yRatio: 0.5 }];
    const plan = (await admin.put('/api/plans/east/points', { points })).json;
    expect(plan).toMatchObject({
      points,
      places: [
        { kind: 'area', id: 'shed-3' },
        { kind: 'source', id: 'fire/f-0012' },
      ],
    });
    const shown = await fetch(`${desk.url}/${plan.image.url}`, { headers: { cookie: admin.cookie } });
    expect([shown.headers.get('content-type'), Buffer.from(await shown.arrayBuffer()).equals(picture)]).toEqual([
      'image/png',
      true,
    ]);
    expect((await admin.put('/api/plans/east/points', { points: [{ ...points[0], xRatio: 2 }] })).status).toBe(400);
  });
});

describe('notifications', () => {
  it('reach a closed page: sealed for that browser, without names or places, red again until it is taken', async () => {
    const service = await openPushService();
    onTestFinished(() => service.close());
    const desk = await startDesk({ config: { push: { services: ['127.0.0.1'], repeatEvery: '10s' } } });
    const officer = await desk.addUser('王', 'duty');
    const { publicKey } = (await officer.get('/api/push')).json;
    const elsewhere = { endpoint: 'https://evil.example/x', keys: service.subscribe(publicKey).keys };
    expect((await officer.post('/api/push/subscribe', elsewhere)).json.error.code).toBe('push.not-allowed');
    const mine = service.subscribe(publicKey);
    expect((await officer.post('/api/push/subscribe', { ...mine, expirationTime: null, tiers: ['red'] })).status).toBe(
      204,
    );
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId: v7(), version: 1, tier: 'yellow' }));
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    await until(() => service.pushed.length > 0);
    const message = JSON.parse(service.pushed[0]!.text);
    expect(message).toEqual({ kind: 'alert', alertId, tier: 'red', title: '红色预警', at: message.at });
    expect(service.pushed[0]).toMatchObject({ urgency: 'high' });
    // Ten seconds later nobody has taken it.
    await until(() => service.pushed.length > 1);
    expect(JSON.parse(service.pushed[1]!.text)).toMatchObject({ alertId });
    expect((await officer.post('/api/push/test')).json).toEqual({ sent: 1, failed: 0 });
    // A browser that is gone is forgotten.
    service.answerWith(410);
    expect((await officer.post('/api/push/test')).json).toEqual({ sent: 0, failed: 1 });
    expect((await officer.get('/api/push')).json.subscriptions).toBe(0);
    expect(service.refused).toEqual(['answered 410']);
  }, 60_000);
});
